"""Writing the log, and asking whether everything in it has been dealt with.

Positions are drawn by concurrent transactions and become visible out of order, and a reader
that keeps one number would skip the late ones. So whoever writes holds one advisory lock from
before its `COPY` to after its commit: what is visible has no gaps that fill later.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Cursor

from tsunagu.core import NewEvent
from tsunagu.eventlog.queries import COPY_INBOX, DRAINED, IDLE, LOCK_INBOX, NOTIFY_INBOX
from tsunagu.eventlog.rows import copy_rows
from tsunagu.storage import Row


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
    row = cursor.execute(DRAINED, (workspace_id,)).fetchone()
    return bool(row and row[0])


def idle(cursor: Cursor[Row], workspace_id: int) -> bool:
    """Whether nothing is left to do at the workspace's time.

    No unread event, the timers closed up to business time, no profile to wake and no message
    due. Ask under the role `pipeline`, in the workspace.
    """
    row = cursor.execute(IDLE, (workspace_id,)).fetchone()
    return bool(row and row[0])
