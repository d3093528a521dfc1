"""The log for a replay: the lake's part and, behind it, the inbox, in the order of positions."""

from __future__ import annotations

from collections.abc import Generator, Iterator
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
_FIRST = "select min(position) from events where position > ? and position <= ? and source <> ?"
_LAKE = """
select position, epoch_us(received_at), epoch_us(known_at), message_id, type, name, user_id,
    anonymous_id, epoch_us(happened_at), source, properties, traits, context, previous_id, group_id
from events
where position >= ? and position < ? and position <= ? and source <> ?
order by position
"""


@dataclass(frozen=True)
class Cut:
    """A batch of the log; `next_known_at` is that of the first event after it."""

    events: list[Event]
    upto: int
    next_known_at: int | None


def cuts(
    connection: Connection[Row], lake: Path, replay: Replay, upto: int, size: int
) -> Generator[Cut]:
    """The events after the replay's position up to another, in batches of `size`.

    What lies in the lake and in the inbox alike comes once.
    """
    events = _bounded(_merged(connection, lake, replay, upto), replay)
    batch = list(islice(events, size))
    while batch:
        following = list(islice(events, size))
        after = following[0].known_at if following else None
        yield Cut(batch, batch[-1].position if following else upto, after)
        batch = following


def _bounded(events: Iterator[Event], replay: Replay) -> Iterator[Event]:
    for event in events:
        early = replay.from_at is not None and event.known_at < replay.from_at
        late = replay.to_at is not None and event.known_at > replay.to_at
        if not early and not late:
            yield event


def _merged(connection: Connection[Row], lake: Path, replay: Replay, upto: int) -> Iterator[Event]:
    with in_workspace(connection, replay.workspace_id) as cursor:
        written, _ = queries.reached(cursor, replay.workspace_id, "lake")
    # The lake is opened after its cursor was read: it holds at least what the cursor says.
    flowed, kept = _from_lake(lake, replay, upto), _from_inbox(connection, replay, written, upto)
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


def _from_lake(lake: Path, replay: Replay, upto: int) -> Iterator[Event]:
    with LakeReader(lake, replay.workspace_id) as reader:
        after = replay.position
        while True:
            row = reader.connection.execute(_FIRST, [after, upto, PLATFORM_SOURCE]).fetchone()
            if row is None or row[0] is None:
                return
            low, high = row[0], row[0] + _WINDOW
            found = reader.connection.execute(_LAKE, [low, high, upto, PLATFORM_SOURCE])
            for values in found.fetchall():
                yield Event(*values[:10], body=_body(*values[10:]))
            after = high - 1


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
    connection: Connection[Row], replay: Replay, written: int, upto: int
) -> Iterator[Event]:
    after = max(replay.position, written)
    while after < upto:
        with in_workspace(connection, replay.workspace_id) as cursor:
            rows = queries.logged(
                cursor, replay.workspace_id, after, upto, _WINDOW, PLATFORM_SOURCE
            )
        for row in rows:
            yield Event(*row)
        if len(rows) < _WINDOW:
            return
        after = rows[-1][0]
