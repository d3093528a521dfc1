"""Writing the log, and asking whether everything in it has been dealt with.

Positions are drawn by concurrent transactions and become visible out of order, and a reader
that keeps one number would skip the late ones. So whoever writes holds one advisory lock from
before its `COPY` to after its commit: what is visible has no gaps that fill later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from psycopg import Cursor

from tsunagu.core import NewEvent
from tsunagu.eventlog.rows import COPY_INBOX, copy_rows
from tsunagu.storage import Row

LOCK_INBOX: LiteralString = "select pg_advisory_xact_lock(1768841583)"  # "inbo"
NOTIFY_INBOX: LiteralString = "select pg_notify('tsunagu_inbox', %s)"

_IDLE: LiteralString = """
select not exists (
        select from inbox as i
        where i.workspace_id = w.workspace_id
            and i.position > coalesce(c.position, 0)
    )
    and coalesce(c.closed_at >= due.now, false)
    and not exists (
        select from profiles as p
        where p.workspace_id = w.workspace_id and p.wake_at <= due.now
    )
    and not exists (
        select from outbox as o
        where o.workspace_id = w.workspace_id and o.not_before <= due.now
    )
from workspaces as w
cross join lateral (
    select case w.clock when 'driven' then w.clock_now else clock_timestamp() end as now
) as due
left join cursors as c on c.workspace_id = w.workspace_id and c.consumer = 'pipeline'
where w.workspace_id = %s
"""

_DRAINED: LiteralString = """
select not exists (
    select from inbox as i
    where i.workspace_id = c.workspace_id and i.position > c.position
)
from cursors as c
where c.workspace_id = %s and c.consumer = 'pipeline'
"""


def append(
    cursor: Cursor[Row],
    workspace_id: int,
    events: Sequence[NewEvent],
    *,
    received_at: int,
    now: int | None,
) -> None:
    """Put events into the log and wake the pipeline.

    Call it last in the caller's transaction: all other writers wait until that ends.

    Args:
        now: the clock of a driven workspace; None, or business time, on the wall clock.

    Raises:
        Invalid: an event cannot be stored; the message names it.
    """
    if not events:
        return
    rows = copy_rows(workspace_id, events, received_at, now)
    cursor.execute(NOTIFY_INBOX, (str(workspace_id),))
    cursor.execute(LOCK_INBOX)
    with cursor.copy(COPY_INBOX) as copy:
        copy.write(rows)


def drained(cursor: Cursor[Row], workspace_id: int) -> bool:
    """Whether the pipeline has taken every event of the workspace."""
    row = cursor.execute(_DRAINED, (workspace_id,)).fetchone()
    return bool(row and row[0])


def idle(cursor: Cursor[Row], workspace_id: int) -> bool:
    """Whether nothing is left to do at the workspace's time.

    No unread event, the timers closed up to business time, no profile to wake and no message
    due. Ask under the role `pipeline`, in the workspace.
    """
    row = cursor.execute(_IDLE, (workspace_id,)).fetchone()
    return bool(row and row[0])
