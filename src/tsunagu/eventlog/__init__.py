"""The event log: appending to the inbox, reading it in batches, and its partitions."""

from tsunagu.eventlog.batches import (
    PIPELINE,
    Batch,
    Lease,
    cursor_stands,
    disturb,
    heed_plan,
    hold_cursor,
    leave_out,
    move_cursor,
    read_batch,
    remember,
    stored_before,
)
from tsunagu.eventlog.dead_letters import bury
from tsunagu.eventlog.lake import request_flush, run_lake
from tsunagu.eventlog.listing_queries import (
    CursorView,
    DeadLetter,
    dead_letter,
    dead_letters,
    log_cursors,
)
from tsunagu.eventlog.log import append, drained, idle
from tsunagu.eventlog.partitions import drop_passed_partitions, ensure_partitions
from tsunagu.eventlog.queries import COPY_INBOX, LOCK_INBOX, NOTIFY_INBOX
from tsunagu.eventlog.rows import copy_rows

__all__ = [
    "COPY_INBOX",
    "LOCK_INBOX",
    "NOTIFY_INBOX",
    "PIPELINE",
    "Batch",
    "CursorView",
    "DeadLetter",
    "Lease",
    "append",
    "bury",
    "copy_rows",
    "cursor_stands",
    "dead_letter",
    "dead_letters",
    "disturb",
    "drained",
    "drop_passed_partitions",
    "ensure_partitions",
    "heed_plan",
    "hold_cursor",
    "idle",
    "leave_out",
    "log_cursors",
    "move_cursor",
    "read_batch",
    "remember",
    "request_flush",
    "run_lake",
    "stored_before",
]
