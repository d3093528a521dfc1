"""Ending messages of which nobody knows whether they were sent.

After a restore the outbox is older than what happened: a message that waits in it may have left
since. It is never sent again by itself; the ledger says `unknown`, as after a sender's death.
"""

from __future__ import annotations

from typing import Any

from psycopg import Cursor

from tsunagu.access import business_now
from tsunagu.core.times import wall
from tsunagu.sending import queries
from tsunagu.sending.models import Ending
from tsunagu.sending.results import conclude

Row = tuple[Any, ...]

# No sender: they draw numbers from 1 up.
_NOBODY = 0
_DETAIL = "it waited when a backup was taken or restored, and may have been sent since"


def settle(cursor: Cursor[Row], workspace_id: int, *, before: int | None = None) -> int:
    """End the messages that wait as unknown; returns how many.

    Call it while the workspace's sends are stopped and last in the transaction. What a living
    sender holds stays with it.

    Args:
        before: only those that were decided before this business time, in microseconds.
    """
    waiting = queries.adopt_waiting(cursor, workspace_id, _NOBODY, before)
    endings = [Ending(identity, "unknown", "restored", _DETAIL) for identity in waiting]
    now = business_now(cursor, workspace_id)
    return len(conclude(cursor, workspace_id, _NOBODY, endings, now, wall()))
