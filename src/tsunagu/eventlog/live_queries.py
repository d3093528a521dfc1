"""The end of the log for people who watch it: a bounded look back from the newest position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, LiteralString

from psycopg import Cursor

from tsunagu.core import NotFound
from tsunagu.core.events import PLATFORM_SOURCE
from tsunagu.storage import Row

LOOK_BACK = 2_000
FURTHEST = 200_000

Standing = Literal["waiting", "taken", "repeat", "dead"]

_TAIL: LiteralString = """
select tail.position, (date_part('epoch', tail.received_at) * 1000000)::bigint, tail.type,
    tail.name, tail.user_id, tail.anonymous_id, tail.source,
    case when l.reason is not null then l.reason
        when tail.position > coalesce(c.position, 0) then 'waiting' else 'taken' end,
    f.violations is not null
from (
    select position, received_at, type, name, user_id, anonymous_id, source
    from live_events
    where workspace_id = %(workspace)s and position > %(floor)s
        and (%(event)s = '' or name ilike %(like)s or type = %(event)s)
        and (case when %(source)s = '' then source <> %(platform)s else source = %(source)s end)
        and (%(user)s = '' or user_id = %(user)s or anonymous_id = %(user)s)
    order by position desc
    limit %(limit)s
) as tail
left join lateral (
    select reason from live_left_out
    where workspace_id = %(workspace)s and position = tail.position
    offset 0
) as l on true
left join lateral (
    select violations from flagged_events
    where workspace_id = %(workspace)s and position = tail.position
    offset 0
) as f on true
left join cursors as c on c.workspace_id = %(workspace)s and c.consumer = 'pipeline'
order by tail.position desc
"""

_ONE: LiteralString = """
select position, message_id, type, name, user_id, anonymous_id, source,
    (date_part('epoch', received_at) * 1000000)::bigint,
    (date_part('epoch', at) * 1000000)::bigint,
    body,
    coalesce((
        select reason from live_left_out as l
        where l.workspace_id = i.workspace_id and l.position = i.position
    ), ''),
    coalesce((
        select violations from flagged_events as f
        where f.workspace_id = i.workspace_id and f.position = i.position
    ), '[]')
from live_events as i
where workspace_id = %s and position = %s
"""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event at the end of the log. `standing` is what the pipeline made of it so far."""

    position: int
    received_at: int
    type: str
    name: str
    user_id: str | None
    anonymous_id: str | None
    source: str
    standing: Standing
    flagged: bool


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event whole. `left_out` says why it was left out, `violations` what it violates."""

    position: int
    message_id: str
    type: str
    name: str
    user_id: str | None
    anonymous_id: str | None
    source: str
    received_at: int
    at: int
    body: str
    left_out: str
    violations: list[str]


def live_events(
    cursor: Cursor[Row],
    workspace_id: int,
    *,
    event: str = "",
    source: str = "",
    user: str = "",
    look_back: int = LOOK_BACK,
    limit: int = 100,
) -> list[LiveEvent]:
    """The newest events that fit, among the latest `look_back` of the log.

    Args:
        event: stands in the name, or is the call; `source` and `user` fit whole. Without a
            source the platform's own events are left out.
    """
    escaped = event.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    found = cursor.execute(
        _TAIL,
        {
            "workspace": workspace_id,
            "event": event,
            "like": f"%{escaped}%",
            "source": source,
            "user": user,
            "platform": PLATFORM_SOURCE,
            "floor": live_floor(cursor, look_back),
            "limit": limit,
        },
    )
    return [LiveEvent(*row) for row in found.fetchall()]


def live_floor(cursor: Cursor[Row], look_back: int) -> int:
    """The position behind which the newest `look_back` events of the workspace stand."""
    row = cursor.execute("select live_floor(%s)", (min(look_back, FURTHEST),)).fetchone()
    return row[0] if row else 0


def logged_event(cursor: Cursor[Row], workspace_id: int, position: int) -> LoggedEvent:
    """One event of the log.

    Raises:
        NotFound: it is not in the inbox any more; the lake has it.
    """
    row = cursor.execute(_ONE, (workspace_id, position)).fetchone()
    if row is None:
        raise NotFound(
            f"The event at position {position} is not in the inbox; ask the lake for it."
        )
    return LoggedEvent(*row)
