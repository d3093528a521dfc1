"""The calls of the Segment spec: each is answered after its events are durable.

The hottest path of all: the server hands a call straight to its handler, past the routing of
the framework, which took a third of the time of a single event.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from tsunagu.access import admits
from tsunagu.collect.body import Arrivals, Headers
from tsunagu.collect.commit import GroupCommit
from tsunagu.collect.directory import Directory, key_of
from tsunagu.collect.errors import NotFromThisPage, Refused, Unauthorized, Unavailable
from tsunagu.collect.pages import page_headers
from tsunagu.collect.service import BATCH, IMPORT, read_events, rows_of, stated_key
from tsunagu.core.events import TYPES
from tsunagu.core.figures import Figures
from tsunagu.core.times import wall

CALLS = (*TYPES, BATCH, IMPORT)
# Where each call is taken: by its name, by the letter that analytics.js uses, and where
# RudderStack's browser client leaves what it has when a page closes.
PATHS: dict[str, str] = {
    **{f"/v1/{call}": call for call in CALLS},
    **{f"/v1/{call[0]}": call for call in (*TYPES, BATCH)},
    "/beacon/v1/batch": BATCH,
}
TAKEN = b'{"success":true}'
_JSON = (b"content-type", b"application/json")
_BODY = {"type": "http.response.body", "body": TAKEN}
_START = {"type": "http.response.start", "status": 200, "headers": [_JSON]}


class Collector:
    """What the calls share: the directory, the group commit, and the door that closes on stop."""

    def __init__(self, directory: Directory, commit: GroupCommit, figures: Figures) -> None:
        self.directory = directory
        self.commit = commit
        self.figures = figures
        self._arrivals = Arrivals()
        self._inside = 0
        self._closed = False
        self._empty = asyncio.Event()

    async def close(self, seconds: float) -> None:
        """Take nothing more; wait until whoever is inside is answered, but not for ever."""
        self._closed = True
        if self._inside:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), seconds)
        self.commit.stop()

    async def take(self, call: str, scope: Scope, headers: Headers, receive: Receive) -> None:
        """Read, check and store one request.

        Raises:
            Refused: nothing of it was stored, and why.
        """
        self.enter()
        try:
            await self._take(call, scope, headers, receive)
        finally:
            self.leave()

    def enter(self) -> None:
        """Count a request while it is worked on; `leave` must follow.

        Raises:
            Unavailable: the door is closed.
        """
        if self._closed:
            raise Unavailable("The collector is stopping; send the request again")
        self._inside += 1

    def leave(self) -> None:
        """The request is answered."""
        self._inside -= 1
        if self._closed and not self._inside:
            self._empty.set()

    async def _take(self, call: str, scope: Scope, headers: Headers, receive: Receive) -> None:
        said = _said_key(scope, headers)
        key = None if said is None else await self.directory.writer(said)
        raw = await self._arrivals.read(headers, receive)
        if key is None:
            key = await self.directory.writer(stated_key(raw))
        origin = headers.get(b"origin")
        if origin is not None and not admits(key.origins, origin.decode("latin-1")):
            raise NotFromThisPage(
                "This write key may not be used from this page; add its origin to the key"
            )
        driven = key.clock == "driven"
        received_at = wall()
        events = read_events(call, raw, key.source, received_at, corrected=not driven)
        now = await self.directory.business_now(key.workspace_id) if driven else None
        block = rows_of(call, key.workspace_id, events, received_at, now)
        await self.commit.add(key.workspace_id, block, len(events))


class Call:
    """One call as an ASGI application."""

    def __init__(self, collector: Collector, call: str) -> None:
        self._collector = collector
        self._call = call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        try:
            await self._collector.take(self._call, scope, headers, receive)
        except Refused as refusal:
            self._collector.figures.add(f"tsunagu.collect.refused.{refusal.code}")
            status, extra, body = refused(refusal)
            if not isinstance(refusal, NotFromThisPage):
                extra += page_headers(headers)
            start = {"type": "http.response.start", "status": status, "headers": [_JSON, *extra]}
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return
        if b"origin" in headers:
            await send({**_START, "headers": [_JSON, *page_headers(headers)]})
        else:
            await send(_START)
        await send(_BODY)


def refused(refusal: Refused) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """A refusal as an answer: status, headers beside the content type, and body."""
    headers: list[tuple[bytes, bytes]] = []
    if refusal.retry_after:
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    if isinstance(refusal, Unauthorized):
        headers.append((b"www-authenticate", b'Basic realm="write key"'))
    return refusal.status, headers, failure(refusal.code, str(refusal))


def failure(code: str, message: str) -> bytes:
    """The body of an answer that says no."""
    return msgspec.json.encode({"success": False, "code": code, "message": message})


def _said_key(scope: Scope, headers: Headers) -> str | None:
    """The write key beside the body: in the Authorization header, else in the query."""
    authorization = headers.get(b"authorization")
    said = None if authorization is None else key_of(authorization.decode("latin-1"))
    query: bytes = scope["query_string"]
    if said or not query:
        return said or None
    found = parse_qs(query.decode("latin-1")).get("writeKey")
    return found[0] if found else None
