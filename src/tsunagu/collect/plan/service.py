"""The plan's stage in the pipeline: count, mark, and put aside what is blocked."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Cursor

from tsunagu import eventlog
from tsunagu.collect.plan.check import Checked
from tsunagu.collect.plan.queries import record
from tsunagu.core import Event
from tsunagu.storage import Row

STAGE = "plan"


def store_checked(
    cursor: Cursor[Row], workspace_id: int, checked: Checked, events: Sequence[Event]
) -> None:
    """Keep what `check` found: the counts, the marks, and the blocked events as dead letters.

    Whoever sent a blocked event was told 200, since it is kept.

    Args:
        events: those that were checked, or at least the blocked ones.
    """
    record(cursor, workspace_id, checked)
    if checked.blocked:
        dead = [event for event in events if event.position in checked.blocked]
        reasons = [checked.blocked[event.position] for event in dead]
        eventlog.bury(cursor, workspace_id, dead, STAGE, reasons)
