"""Entering: a page of rows becomes events of the log, in one transaction with its cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Cursor

from tsunagu import eventlog
from tsunagu.access import Workspace, business_now
from tsunagu.collect.files import BadRow
from tsunagu.collect.files.arrow import Table
from tsunagu.collect.mapping import Mapping, map_table
from tsunagu.collect.sources import run_queries
from tsunagu.collect.sources.models import Source
from tsunagu.collect.sources.reading import Page
from tsunagu.collect.sources.run_queries import Counts, Letter
from tsunagu.core import Invalid, NewEvent
from tsunagu.core.times import wall
from tsunagu.storage import Row

_BODY = (
    ("properties", "properties"),
    ("traits", "traits"),
    ("context", "context"),
)
_IDS = (("previous_id", "previousId"), ("group_id", "groupId"))


@dataclass(frozen=True)
class Entrance:
    """Where the rows of one run go."""

    workspace: Workspace
    name: str
    source: Source
    mapping: Mapping
    run_id: int


@dataclass(frozen=True)
class Mapped:
    """A page as events, and the rows of it that are none: line, reason, text."""

    events: list[NewEvent]
    bad: list[BadRow]


def mapped_page(source: Source, mapping: Mapping, name: str, page: Page) -> Mapped:
    """The events of a page that the source may send.

    Raises:
        Invalid: the mapping names a column that the rows do not have.
    """
    if not page.table.num_rows:
        return Mapped([], [])
    found = map_table(mapping, page.table, first_row=page.first_row)
    events = new_events(found.events, name)
    if not source.events:
        return Mapped(events, list(found.bad))
    allowed, bad = set(source.events), list(found.bad)
    kept: list[NewEvent] = []
    for event, line in zip(events, found.lines.to_pylist(), strict=True):
        called = event.name if event.type == "track" else event.type
        if called in allowed:
            kept.append(event)
        else:
            reason = f"The source may not send {called!r}; add it to `events` to allow it."
            bad.append(BadRow(line, reason, event.body.decode()))
    return Mapped(kept, bad)


def enter(cursor: Cursor[Row], entrance: Entrance, page: Page) -> Counts:
    """Store a page: its events, its dead letters, how far its file and the cursor stand.

    Raises:
        Invalid: the mapping names a column that the rows do not have.
    """
    workspace, name = entrance.workspace, entrance.name
    found = mapped_page(entrance.source, entrance.mapping, name, page)
    found = Mapped(found.events, [*page.bad, *found.bad])
    events, now = found.events, wall()
    if page.remember and events:
        fresh = run_queries.remember_rows(
            cursor, workspace.id, name, [e.message_id for e in events]
        )
        events = [event for place, event in enumerate(events) if place in fresh]
    known = len(found.events) - len(events)
    events, bad = storable(workspace.id, events, found.bad, now)
    letters = [letter(name, page.place, row) for row in bad]
    if page.trouble is not None:
        letters.append(letter(name, page.place, BadRow(0, page.trouble, "")))
    run_queries.bury_rows(cursor, workspace.id, letters, name, now)
    if page.mark is not None:
        mark = page.mark
        run_queries.note_file(
            cursor, workspace.id, name,
            mark.file, mark.version, mark.rows, mark.status, mark.reason, now,
        )  # fmt: skip
    counts = Counts(page.table.num_rows, len(events), known, len(letters))
    newest = max((event.at for event in events if event.at is not None), default=None)
    run_queries.count_run(
        cursor, workspace.id, entrance.run_id, name, counts, state=page.state, newest_at=newest
    )
    # last, because all other writers of the log wait from here to the commit
    eventlog.append(
        cursor, workspace.id, events, received_at=now, now=_driven_now(cursor, workspace)
    )
    return counts


def new_events(events: Table, source: str) -> list[NewEvent]:
    """The rows of a table with `EVENT_COLUMNS` as events of a source."""
    columns = {name: events[name].to_pylist() for name in events.column_names if name != "at"}
    times = pc.cast(events["at"], pa.int64()).to_pylist()
    bodies = [_body(columns, row) for row in range(events.num_rows)]
    return [
        NewEvent(message_id, kind, name, user_id, anonymous_id, at, source, body)
        for message_id, kind, name, user_id, anonymous_id, at, body in zip(
            columns["message_id"],
            columns["type"],
            columns["name"],
            columns["user_id"],
            columns["anonymous_id"],
            times,
            bodies,
            strict=True,
        )
    ]


def _body(columns: dict[str, list[str | None]], row: int) -> bytes:
    """The JSON of a body from its parts, which are JSON already."""
    parts = [f'"{key}":{columns[name][row]}' for name, key in _BODY if columns[name][row]]
    for name, key in _IDS:
        value = columns[name][row]
        if value is not None:
            parts.append(f'"{key}":{msgspec.json.encode(value).decode()}')
    return f"{{{','.join(parts)}}}".encode()


def storable(
    workspace_id: int, events: list[NewEvent], bad: Sequence[BadRow], now: int
) -> tuple[list[NewEvent], list[BadRow]]:
    """The events that the log takes; the others beside the bad rows."""
    try:
        eventlog.copy_rows(workspace_id, events, now, None)
    except Invalid:
        kept, refused = list[NewEvent](), list(bad)
        for event in events:
            try:
                eventlog.copy_rows(workspace_id, [event], now, None)
                kept.append(event)
            except Invalid as error:
                refused.append(BadRow(0, str(error), event.body.decode("utf-8", "replace")))
        return kept, refused
    return events, list(bad)


def letter(name: str, place: str, row: BadRow) -> Letter:
    """A bad row as a dead letter."""
    told = {"source": name, "place": place, "row": row.row, "text": row.text}
    digest = sha256(f"{row.reason}\x1f{row.text}".encode()).hexdigest()[:32]
    where = f"{name}: {place}, row {row.row}" if row.row else f"{name}: {place}"
    return Letter(
        where, f"{where}: {row.reason}", _json(told), f"source {name}/{place}/{row.row}/{digest}"
    )


def _json(value: object) -> str:
    # PostgreSQL's JSON has no U+0000
    return msgspec.json.encode(value).decode().replace("\\u0000", "\\ufffd")


def _driven_now(cursor: Cursor[Row], workspace: Workspace) -> int | None:
    return business_now(cursor, workspace.id) if workspace.clock == "driven" else None
