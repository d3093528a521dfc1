"""The HTTP face: the calls of the Segment spec, each answered after its events are durable.

Plain Starlette, because this is the hottest path of all; every call is a POST under `/v1`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tsunagu.collect.body import declared_bytes, read_body
from tsunagu.collect.commit import GroupCommit
from tsunagu.collect.directory import Directory, key_of
from tsunagu.collect.errors import Overloaded, Refused, Unauthorized, Unavailable
from tsunagu.collect.models import MAX_BATCH_BYTES
from tsunagu.collect.service import BATCH, read_events, rows_of, stated_key
from tsunagu.core.events import TYPES
from tsunagu.core.figures import Figures
from tsunagu.core.times import wall

CALLS = (*TYPES, BATCH)
_TAKEN = b'{"success":true}'
_JSON = "application/json"
MAX_ARRIVING_BYTES = 64 << 20


class Collector:
    """What the routes share: the directory, the group commit, and the door that closes on stop."""

    def __init__(self, directory: Directory, commit: GroupCommit, figures: Figures) -> None:
        self.directory = directory
        self.commit = commit
        self.figures = figures
        self._inside = 0
        self._arriving_bytes = 0
        self._closed = False
        self._empty = asyncio.Event()

    async def close(self, seconds: float) -> None:
        """Take nothing more; wait until whoever is inside is answered, but not for ever."""
        self._closed = True
        if self._inside:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), seconds)
        self.commit.stop()

    @contextmanager
    def inside(self) -> Generator[None]:
        """Count a request while it is worked on.

        Raises:
            Unavailable: the door is closed.
        """
        if self._closed:
            raise Unavailable("The collector is stopping; send the request again")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    async def take(self, call: str, request: Request) -> None:
        """Store the events of a request.

        Raises:
            Refused: nothing was stored.
        """
        workspace_id, block, events = await self._read(call, request)
        await self.commit.add(workspace_id, block, events)

    async def _read(self, call: str, request: Request) -> tuple[int, bytes, int]:
        """The workspace, the rows for the log and how many; all else of the request is let go."""
        authorization = request.headers.get("authorization")
        key = None if authorization is None else await self.directory.writer(key_of(authorization))
        with self._room(min(declared_bytes(request), MAX_BATCH_BYTES)):
            raw = await read_body(request)
        if key is None:
            key = await self.directory.writer(stated_key(raw))
        driven = key.clock == "driven"
        received_at = wall()
        events = read_events(call, raw, key.source, received_at, corrected=not driven)
        now = await self.directory.business_now(key.workspace_id) if driven else None
        block = rows_of(call, key.workspace_id, events, received_at, now)
        return key.workspace_id, block, len(events)

    @contextmanager
    def _room(self, size: int) -> Generator[None]:
        """Keep memory for a body that is on its way.

        Raises:
            Overloaded: bodies on their way hold all there is.
        """
        if self._arriving_bytes + size > MAX_ARRIVING_BYTES:
            raise Overloaded("Too much is arriving at once; send the request again")
        self._arriving_bytes += size
        try:
            yield
        finally:
            self._arriving_bytes -= size


def collector_app(collector: Collector) -> Starlette:
    """The application: `POST /v1/{call}` and `GET /v1/health`."""

    def route(call: str) -> Route:
        return Route(f"/v1/{call}", _answering(collector, call), methods=["POST"])

    async def health(_: Request) -> Response:
        try:
            await collector.directory.check()
        except Unavailable as refusal:
            return _refusal(refusal)
        return Response(b'{"status":"ok"}', media_type=_JSON)

    async def live(_: Request) -> Response:
        return Response(_TAKEN, media_type=_JSON)

    return Starlette(
        routes=[
            *map(route, CALLS),
            Route("/v1/health", health, methods=["GET"]),
            Route("/v1/live", live, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _not_here},
    )


def _answering(collector: Collector, call: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            with collector.inside():
                await collector.take(call, request)
        except Refused as refusal:
            collector.figures.add(f"tsunagu.collect.refused.{refusal.code}")
            return _refusal(refusal)
        return Response(_TAKEN, media_type=_JSON)

    return answer


def _refusal(refusal: Refused) -> Response:
    headers: dict[str, str] = {}
    if refusal.retry_after:
        headers["retry-after"] = str(refusal.retry_after)
    if isinstance(refusal, Unauthorized):
        headers["www-authenticate"] = 'Basic realm="write key"'
    return _failure(refusal.status, refusal.code, str(refusal), headers)


def _not_here(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    calls = ", ".join(f"/v1/{call}" for call in CALLS)
    message = f"{error.detail}; events are sent by POST to one of {calls}"
    return _failure(error.status_code, "not_found", message, dict(error.headers or {}))


def _failure(status: int, code: str, message: str, headers: dict[str, str]) -> Response:
    body = msgspec.json.encode({"success": False, "code": code, "message": message})
    return Response(body, status, headers, _JSON)
