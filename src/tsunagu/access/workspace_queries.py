"""Workspaces and their business time.

A driven workspace's time is a row that only its driver moves; SQL never asks `now()` for it.
"""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import Connection, Cursor, errors

from tsunagu.access.models import Clock, Workspace
from tsunagu.core import Invalid, NotFound
from tsunagu.core.times import iso, micros, moment, wall
from tsunagu.storage import Row, in_workspace, notify

CONSUMERS = ("pipeline", "lake")

_WORKSPACES: LiteralString = """
select workspace_id, name, zone, currency, clock, clock_now, sends_paused, synthetic
from workspaces
"""


def _workspace(row: Row) -> Workspace:
    key, name, zone, currency, clock, clock_now, sends_paused, synthetic = row
    now = None if clock_now is None else micros(clock_now)
    return Workspace(key, name, zone, currency, clock, now, sends_paused, synthetic)


def create_workspace(
    connection: Connection[Row],
    name: str,
    *,
    zone: str = "UTC",
    currency: str = "USD",
    clock: Clock = "wall",
    clock_now: int | None = None,
    synthetic: bool = False,
) -> int:
    """Make a workspace and its cursors; returns its id.

    Raises:
        Invalid: the name is taken, or a driven clock has no time to start from.
    """
    if (clock == "driven") != (clock_now is not None):
        raise Invalid("A driven workspace, and only that, starts with clock_now.")
    start = None if clock_now is None else moment(clock_now)
    try:
        with connection.transaction():
            row = connection.execute(
                """
                insert into workspaces (name, zone, currency, clock, clock_now, synthetic)
                values (%s, %s, %s, %s, %s, %s)
                returning workspace_id
                """,
                (name, zone, currency, clock, start, synthetic),
            ).fetchone()
            assert row is not None
            with in_workspace(connection, row[0]) as cursor:
                cursor.executemany(
                    "insert into cursors (workspace_id, consumer) values (%s, %s)",
                    [(row[0], consumer) for consumer in CONSUMERS],
                )
    except errors.UniqueViolation:
        raise Invalid(f"There is already a workspace called {name!r}.") from None
    return row[0]


def list_workspaces(session: Connection[Row] | Cursor[Row]) -> list[Workspace]:
    """All workspaces, the oldest first."""
    found = session.execute(_WORKSPACES + "order by workspace_id")
    return [_workspace(row) for row in found.fetchall()]


def workspace_by_name(session: Connection[Row] | Cursor[Row], name: str) -> Workspace:
    """The workspace called `name`.

    Raises:
        NotFound: there is none.
    """
    found = session.execute(_WORKSPACES + "where name = %s", (name,))
    row = found.fetchone()
    if row is None:
        raise NotFound(f"There is no workspace called {name!r}.")
    return _workspace(row)


def workspace_by_id(session: Connection[Row] | Cursor[Row], workspace_id: int) -> Workspace:
    """The workspace with this id.

    Raises:
        NotFound: there is none.
    """
    found = session.execute(_WORKSPACES + "where workspace_id = %s", (workspace_id,))
    row = found.fetchone()
    if row is None:
        raise NotFound(f"There is no workspace {workspace_id}.")
    return _workspace(row)


def pause_sends(session: Connection[Row] | Cursor[Row], workspace_id: int, paused: bool) -> None:
    """The emergency stop: while paused, no message of the workspace is handed over."""
    session.execute(
        "update workspaces set sends_paused = %s where workspace_id = %s", (paused, workspace_id)
    )
    session.execute("select pg_notify('tsunagu_outbox', %s)", (str(workspace_id),))


def _clock(session: Connection[Row] | Cursor[Row], workspace_id: int) -> tuple[Clock, Any]:
    row = session.execute(
        "select clock, clock_now from workspaces where workspace_id = %s", (workspace_id,)
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no workspace {workspace_id}.")
    return row[0], row[1]


def business_now(session: Connection[Row] | Cursor[Row], workspace_id: int) -> int:
    """The workspace's time: the machine's, or where the driver has set its clock."""
    clock, now = _clock(session, workspace_id)
    return wall() if clock == "wall" else micros(now)


def set_clock(cursor: Cursor[Row], workspace_id: int, now: int) -> None:
    """Move a driven workspace's time forward and wake who waits for it.

    Raises:
        Invalid: the workspace runs on the wall clock, or `now` lies before its time.
    """
    moved = cursor.execute(
        """
        update workspaces set clock_now = %(now)s
        where workspace_id = %(workspace)s and clock = 'driven' and clock_now <= %(now)s
        """,
        {"now": moment(now), "workspace": workspace_id},
    )
    if moved.rowcount == 0:
        clock, current = _clock(cursor, workspace_id)
        if clock == "wall":
            raise Invalid(f"Workspace {workspace_id} runs on the wall clock; it cannot be set.")
        raise Invalid(
            f"The clock of workspace {workspace_id} stands at {iso(micros(current))} "
            f"and cannot go back to {iso(now)}."
        )
    notify(cursor, "tsunagu_inbox", workspace_id)
    notify(cursor, "tsunagu_outbox", workspace_id)
