"""The SQL of webhooks: where they come in, and what came through each door."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import Connection, Cursor

from tsunagu.core.times import micros, moment
from tsunagu.storage import Row

Session = Connection[Row] | Cursor[Row]


def put_door(
    cursor: Cursor[Row],
    door: str,
    workspace_id: int,
    name: str,
    clock: str,
    document: str,
    sealed: bytes,
) -> None:
    """Open the door of a webhook; an address once given stays."""
    cursor.execute(
        """
        insert into webhook_doors (door, workspace_id, name, clock, document, secrets)
        values (%s, %s, %s, %s, %s, %s)
        on conflict (workspace_id, name) do update set
            clock = excluded.clock, document = excluded.document, secrets = excluded.secrets
        """,
        (door, workspace_id, name, clock, document, sealed),
    )


@dataclass(frozen=True)
class Door:
    """Where a webhook comes in, as the collector finds it."""

    workspace_id: int
    name: str
    clock: str
    document: str
    secrets: bytes


def door_of(session: Session, workspace_id: int, name: str) -> str | None:
    """The address part of a webhook, if the source has one."""
    row = session.execute(
        "select door from webhook_doors where workspace_id = %s and name = %s",
        (workspace_id, name),
    ).fetchone()
    return row[0] if row else None


def open_door(cursor: Cursor[Row], workspace_id: int, door: str) -> Door | None:
    """What stands behind an address; None for an unknown or closed one."""
    row = cursor.execute(
        """
        select name, clock, document::text, secrets from webhook_doors
        where workspace_id = %s and door = %s and open
        """,
        (workspace_id, door),
    ).fetchone()
    if row is None:
        return None
    name, clock, document, sealed = row
    return Door(workspace_id, name, clock, document, bytes(sealed))


def reseal_door(cursor: Cursor[Row], workspace_id: int, name: str, sealed: bytes) -> None:
    """Keep a webhook's secrets under another key."""
    cursor.execute(
        "update webhook_doors set secrets = %s where workspace_id = %s and name = %s",
        (sealed, workspace_id, name),
    )


@dataclass(frozen=True)
class Calls:
    """What came through a webhook's door: calls, events stored, what went to dead letters, and
    calls that did not prove who sent them. `last_at` is in microseconds."""

    calls: int = 0
    events: int = 0
    refused: int = 0
    forged: int = 0
    last_at: int = 0

    def __add__(self, other: Calls) -> Calls:
        return Calls(
            self.calls + other.calls,
            self.events + other.events,
            self.refused + other.refused,
            self.forged + other.forged,
            max(self.last_at, other.last_at),
        )


def count_calls(cursor: Cursor[Row], workspace_id: int, name: str, calls: Calls) -> None:
    """Add to what came through a door on the day of its last call."""
    at = moment(calls.last_at)
    cursor.execute(
        """
        insert into webhook_calls as w (
            workspace_id, name, day, calls, events, refused, forged, last_at
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (workspace_id, name, day) do update set
            calls = w.calls + excluded.calls, events = w.events + excluded.events,
            refused = w.refused + excluded.refused, forged = w.forged + excluded.forged,
            last_at = greatest(w.last_at, excluded.last_at)
        """,
        (
            *(workspace_id, name, at.date(), calls.calls, calls.events),
            *(calls.refused, calls.forged, at),
        ),
    )


def calls_since(session: Session, workspace_id: int, since: int) -> dict[str, Calls]:
    """By webhook: what came through its door since the day of `since`."""
    found = session.execute(
        """
        select name, sum(calls), sum(events), sum(refused), sum(forged), max(last_at)
        from webhook_calls
        where workspace_id = %s and day >= %s
        group by name
        """,
        (workspace_id, moment(since).date()),
    )
    return {
        name: Calls(int(calls), int(events), int(refused), int(forged), micros(last_at))
        for name, calls, events, refused, forged, last_at in found.fetchall()
    }
