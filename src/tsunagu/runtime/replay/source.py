"""The log for a replay: the lake's part and, behind it, the inbox, in the order of positions."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
from psycopg import Connection

from tsunagu.core import Body, Event, Json, encode_body
from tsunagu.core.events import PLATFORM_SOURCE
from tsunagu.runtime.replay import queries
from tsunagu.runtime.replay.models import Replay
from tsunagu.storage import Row, in_workspace
from tsunagu.storage.lake import LakeReader

_WINDOW = 50_000
_FIRST = "select min(position) from events where position >= ? and position < ? and source <> ?"
_LAKE = """
select position, epoch_us(received_at), epoch_us(known_at), message_id, type, name, user_id,
    anonymous_id, epoch_us(happened_at), source, properties, traits, context, previous_id, group_id
from events
where position >= ? and position < ? and source <> ?
order by position
"""


@dataclass(frozen=True)
class Cut:
    """A batch of the log: all events from the position `low` to before `high`.

    `next_known_at` is that of the first event after it.
    """

    events: list[Event]
    low: int
    high: int
    next_known_at: int | None


def cuts(
    connection: Connection[Row],
    lake: Path,
    replay: Replay,
    stretches: Sequence[tuple[int, int]],
    size: int,
) -> Generator[Cut]:
    """The events of these stretches of the log, each from its first to before its second
    position, in batches of at most `size`.

    What lies in the lake and in the inbox alike comes once.
    """
    for low, high in stretches:
        events = _bounded(_merged(connection, lake, replay, low, high), replay)
        batch = list(islice(events, size))
        while True:
            following = list(islice(events, size)) if len(batch) == size else []
            if not following:
                yield Cut(batch, low, high, None)
                break
            end = batch[-1].position + 1
            yield Cut(batch, low, end, following[0].known_at)
            low, batch = end, following


def _bounded(events: Iterator[Event], replay: Replay) -> Iterator[Event]:
    for event in events:
        early = replay.from_at is not None and event.known_at < replay.from_at
        late = replay.to_at is not None and event.known_at > replay.to_at
        if not early and not late:
            yield event


def _merged(
    connection: Connection[Row], lake: Path, replay: Replay, low: int, high: int
) -> Iterator[Event]:
    with in_workspace(connection, replay.workspace_id) as cursor:
        written, _ = queries.reached(cursor, replay.workspace_id, "lake")
    # The lake is opened after its cursor was read: it holds at least what the cursor says.
    flowed = _from_lake(lake, replay, low, high)
    kept = _from_inbox(connection, replay, max(low, written + 1), high)
    yield from _in_order(flowed, kept)


def _in_order(first: Iterator[Event], second: Iterator[Event]) -> Iterator[Event]:
    a, b = next(first, None), next(second, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a.position <= b.position):
            assert a is not None
            yield a
            if b is not None and b.position == a.position:
                b = next(second, None)
            a = next(first, None)
        else:
            yield b
            b = next(second, None)


def _from_lake(lake: Path, replay: Replay, low: int, high: int) -> Iterator[Event]:
    with LakeReader(lake, replay.workspace_id) as reader:
        while True:
            row = reader.connection.execute(_FIRST, [low, high, PLATFORM_SOURCE]).fetchone()
            if row is None or row[0] is None:
                return
            low = min(row[0] + _WINDOW, high)
            found = reader.connection.execute(_LAKE, [row[0], low, PLATFORM_SOURCE])
            for values in found.fetchall():
                yield Event(*values[:10], body=_body(*values[10:]))


def _body(
    properties: str | None,
    traits: str | None,
    context: str | None,
    previous_id: str | None,
    group_id: str | None,
) -> bytes:
    return encode_body(
        Body(_json(properties), _json(traits), _json(context), previous_id, group_id)
    )


def _json(text: str | None) -> Json:
    return msgspec.json.decode(text, type=Json) if text and text != "null" else {}


def _from_inbox(
    connection: Connection[Row], replay: Replay, low: int, high: int
) -> Iterator[Event]:
    while low < high:
        with in_workspace(connection, replay.workspace_id) as cursor:
            rows = queries.logged(cursor, replay.workspace_id, low, high, _WINDOW, PLATFORM_SOURCE)
        for row in rows:
            yield Event(*row)
        if len(rows) < _WINDOW:
            return
        low = rows[-1][0] + 1
