"""The event log as the console shows it: how far the readers are, and the dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Cursor

from tsunagu.core import Json

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class CursorView:
    """How far a reader of the log is. Times in microseconds, 0 is never."""

    consumer: str
    position: int
    last_received_at: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be processed, with the reason."""

    position: int
    message_id: str
    type: str
    name: str
    stage: str
    reason: str
    event: Json
    at: int


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


def dead_letters(
    cursor: Cursor[Row], workspace_id: int, words: str, *, limit: int, before: int | None = None
) -> list[DeadLetter]:
    """Dead letters whose name, reason or message id contains `words`, the latest first.

    `before` is the position of the last one of the page before.
    """
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    cursor.execute(
        """
        select
            position, message_id, type, name, stage, reason, event,
            (date_part('epoch', at) * 1000000)::bigint
        from dead_letters
        where workspace_id = %(workspace)s
            and (%(words)s = '' or name ilike %(contains)s or reason ilike %(contains)s
                or message_id ilike %(contains)s)
            and (%(before)s::bigint is null or position < %(before)s)
        order by position desc
        limit %(limit)s
        """,
        {
            "workspace": workspace_id,
            "words": words,
            "contains": f"%{escaped}%",
            "before": before,
            "limit": limit,
        },
    )
    return [DeadLetter(*row) for row in cursor.fetchall()]


def dead_letter(cursor: Cursor[Row], workspace_id: int, position: int) -> DeadLetter | None:
    """One dead letter, or None."""
    row = cursor.execute(
        """
        select
            position, message_id, type, name, stage, reason, event,
            (date_part('epoch', at) * 1000000)::bigint
        from dead_letters
        where workspace_id = %s and position = %s
        """,
        (workspace_id, position),
    ).fetchone()
    return None if row is None else DeadLetter(*row)
