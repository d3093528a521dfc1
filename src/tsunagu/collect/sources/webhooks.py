"""Webhooks: calls of other systems, checked, mapped to events and durable before the 200.

A call that proves itself is never lost: what cannot be mapped goes to dead letters before it is
answered. The address holds the workspace's number and a random part; the signature is the key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec
from psycopg import Cursor
from starlette.requests import Request
from starlette.responses import Response

from tsunagu.collect.body import Arrivals
from tsunagu.collect.calls import TAKEN, Collector, refused
from tsunagu.collect.errors import BadRequest, Refused, Unauthorized
from tsunagu.collect.sources import door_queries, run_queries, signatures
from tsunagu.collect.sources.models import Source, Webhook
from tsunagu.collect.sources.vault import Secrets, Vault
from tsunagu.core import Invalid, NewEvent, NotFound
from tsunagu.core.times import wall
from tsunagu.eventlog import copy_rows
from tsunagu.storage import Row

if TYPE_CHECKING:
    from tsunagu.collect.files import BadRow

KNOWN_SECONDS = 5.0
COUNT_SECONDS = 2.0
MAX_REMEMBERED = 1_000
PATH = "/v1/webhooks/{door}"


class NoSuchDoor(Refused):
    """An address that nothing stands behind, or that is closed."""

    status = 404
    code = "not_found"


@dataclass(frozen=True)
class _Opened:
    door: door_queries.Door
    source: Source
    secrets: Secrets


class Webhooks:
    """The doors of a collector, each remembered for some seconds."""

    def __init__(self, collector: Collector, vault: Vault) -> None:
        self._collector = collector
        self._vault = vault
        self._arrivals = Arrivals()
        self._opened: dict[str, tuple[_Opened, float]] = {}
        self._counted: dict[tuple[int, str], door_queries.Calls] = {}
        self._writing: asyncio.Task[None] | None = None

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        try:
            self._collector.enter()
            try:
                await self._take(request)
            finally:
                self._collector.leave()
        except Refused as refusal:
            self._collector.figures.add(f"tsunagu.collect.webhooks.{refusal.code}")
            status, headers, body = refused(refusal)
            answer = Response(body, status, media_type="application/json")
            answer.raw_headers.extend(headers)
            return answer
        return Response(TAKEN, media_type="application/json")

    async def _take(self, request: Request) -> None:
        opened = await self._open(str(request.path_params["door"]))
        settings = opened.source.settings
        assert isinstance(settings, Webhook)
        raw = await self._arrivals.read(dict(request.scope["headers"]), request.receive)
        now = wall()
        try:
            delivery = signatures.check(
                settings.signature, opened.secrets["secret"], dict(request.headers), raw, now
            )
        except signatures.Forged as error:
            self._count(opened.door, door_queries.Calls(forged=1, last_at=now))
            raise Unauthorized(f"This call does not prove who sends it: {error}") from None
        events, bad = await asyncio.to_thread(_mapped, opened, settings, raw, delivery)
        if bad:
            await self._bury(opened.door, bad, now)
        if events:
            await self._store(opened.door, events, now)
        self._count(opened.door, door_queries.Calls(1, len(events), len(bad), last_at=now))

    def _count(self, door: door_queries.Door, calls: door_queries.Calls) -> None:
        """Remember for the figures of the source; they are written some seconds later."""
        key = (door.workspace_id, door.name)
        self._counted[key] = self._counted.get(key, door_queries.Calls()) + calls
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_later())

    async def _write_later(self) -> None:
        await asyncio.sleep(COUNT_SECONDS)
        counted, self._counted = self._counted, {}

        def write(cursor: Cursor[Row]) -> None:
            for (workspace, name), calls in counted.items():
                with _in_workspace(cursor, workspace):
                    door_queries.count_calls(cursor, workspace, name, calls)

        with suppress(Refused):  # figures alone: the events are stored
            await self._collector.directory.ask(write)

    async def _store(self, door: door_queries.Door, events: list[NewEvent], now: int) -> None:
        driven = door.clock == "driven"
        business = (
            await self._collector.directory.business_now(door.workspace_id) if driven else None
        )
        block = copy_rows(door.workspace_id, events, now, business)
        await self._collector.commit.add(door.workspace_id, block, len(events))

    async def _bury(self, door: door_queries.Door, bad: list[run_queries.Letter], now: int) -> None:
        def write(cursor: Cursor[Row]) -> None:
            with _in_workspace(cursor, door.workspace_id):
                run_queries.bury_rows(cursor, door.workspace_id, bad, door.name, now)

        await self._collector.directory.ask(write)

    async def _open(self, door: str) -> _Opened:
        known, until = self._opened.get(door, (None, 0.0))
        if known is not None and until > monotonic():
            return known
        found = await self._collector.directory.ask(lambda cursor: _behind(cursor, door))
        if found is None:
            raise NoSuchDoor("There is no webhook at this address, or it is paused")
        source = Source.model_validate_json(found.document)
        secrets = self._vault.open(found.workspace_id, found.name, found.secrets)
        opened = _Opened(found, source, secrets)
        if len(self._opened) >= MAX_REMEMBERED:
            self._opened.clear()
        self._opened[door] = (opened, monotonic() + KNOWN_SECONDS)
        return opened


@contextmanager
def _in_workspace(cursor: Cursor[Row], workspace_id: int) -> Generator[None]:
    """A transaction of one workspace on a cursor that is in none."""
    with cursor.connection.transaction():
        cursor.execute("select set_config('tsunagu.workspace', %s, true)", (str(workspace_id),))
        yield


def _behind(cursor: Cursor[Row], door: str) -> door_queries.Door | None:
    workspace, _, drawn = door.partition("-")
    if not (workspace.isascii() and workspace.isdecimal() and len(workspace) < 10):
        return None
    with _in_workspace(cursor, int(workspace)):
        return door_queries.open_door(cursor, int(workspace), drawn)


def _mapped(
    opened: _Opened, settings: Webhook, raw: bytes, delivery: str
) -> tuple[list[NewEvent], list[run_queries.Letter]]:
    """The events of a call, and what of it goes to dead letters.

    Its message ids are those of its delivery, so that the other side may send it again.
    """
    from tsunagu.collect.sources.entering import letter, mapped_page, storable
    from tsunagu.collect.sources.flat import flat_table
    from tsunagu.collect.sources.reading import Page
    from tsunagu.collect.sources.service import mapping_for

    name, workspace = opened.door.name, opened.door.workspace_id
    mark = sha256(delivery.encode() or raw).hexdigest()[:32]
    place = f"call {delivery or mark}"
    try:
        page = Page(flat_table(_items(raw, settings)), place)
        found = mapped_page(opened.source, mapping_for(opened.source, name), name, page)
    except (BadRequest, Invalid, NotFound) as error:
        text = raw.decode("utf-8", "replace")
        return [], [letter(name, place, _bad(str(error), text))]
    events = [
        msgspec.structs.replace(event, message_id=f"{name}:{mark}:{number}")
        for number, event in enumerate(found.events)
    ]
    events, bad = storable(workspace, events, found.bad, wall())
    return events, [letter(name, place, row) for row in bad]


def _items(raw: bytes, settings: Webhook) -> list[Any]:
    try:
        told = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest("the body is not JSON") from None
    if settings.items is None:
        return told if isinstance(told, list) else [told]
    inner = told.get(settings.items) if isinstance(told, dict) else None
    if not isinstance(inner, list):
        raise BadRequest(f"the body has no list called {settings.items!r}")
    common = {key: value for key, value in told.items() if key != settings.items}
    return [{**common, **one} if isinstance(one, dict) else one for one in inner]


def _bad(reason: str, text: str) -> BadRow:
    from tsunagu.collect.files import BadRow

    return BadRow(1, reason, text)
