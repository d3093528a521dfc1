"""The event log as the console shows it: how far the readers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Cursor

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class CursorView:
    """How far a reader of the log is. Times in microseconds, 0 is never."""

    consumer: str
    position: int
    last_received_at: int


def log_cursors(cursor: Cursor[Row], workspace_id: int) -> list[CursorView]:
    """How far each reader of a workspace's log is."""
    cursor.execute(
        """
        select
            consumer, position,
            coalesce((date_part('epoch', last_received_at) * 1000000)::bigint, 0)
        from cursors
        where workspace_id = %s
        order by consumer
        """,
        (workspace_id,),
    )
    return [CursorView(*row) for row in cursor.fetchall()]
