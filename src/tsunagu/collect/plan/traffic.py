"""What the plan is seen against: the end of the log, and the counts of the last days.

The log is read from its end by position and never further than asked, so that a look costs
the same however much there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import LiteralString

import msgspec
from psycopg import Cursor

from tsunagu.core import Body, Event, decode_body
from tsunagu.core.events import PLATFORM_SOURCE
from tsunagu.eventlog import live_floor
from tsunagu.storage import Row

_RECENT: LiteralString = """
select position, (date_part('epoch', received_at) * 1000000)::bigint,
    (date_part('epoch', known_at) * 1000000)::bigint, message_id, type, name, user_id,
    anonymous_id, (date_part('epoch', at) * 1000000)::bigint, source, convert_to(body, 'UTF8')
from live_events
where workspace_id = %(workspace)s and position > %(floor)s and source <> %(platform)s
    and (%(type)s = '' or type = %(type)s)
    and (%(name)s = '' or name = %(name)s)
order by position desc
limit %(most)s
"""


@dataclass(frozen=True, slots=True)
class EventTraffic:
    """How often an event was held against the plan in some days, and how often it violated it."""

    type: str
    event: str
    version: int
    seen: int
    violating: int
    sources: list[str]


@dataclass(frozen=True, slots=True)
class ViolationCount:
    """How often one violation was met at one source on one day, with the last time."""

    day: date
    source: str
    type: str
    event: str
    version: int
    place: str
    rule: str
    action: str
    expected: str
    got: str
    count: int
    position: int
    at: int


def recent_events(
    cursor: Cursor[Row],
    workspace_id: int,
    *,
    tail: int,
    call: str = "",
    name: str = "",
    most: int = 100_000,
) -> list[tuple[Event, Body]]:
    """The events among the latest `tail` of the log, newest first, without the platform's own."""
    rows = cursor.execute(
        _RECENT,
        {
            "workspace": workspace_id,
            "floor": live_floor(cursor, tail),
            "platform": PLATFORM_SOURCE,
            "type": call,
            "name": name,
            "most": most,
        },
    )
    found: list[tuple[Event, Body]] = []
    for row in rows:
        event = Event(*row)
        try:
            found.append((event, decode_body(event.body)))
        except msgspec.DecodeError:
            continue  # the pipeline puts it into dead letters
    return found


def event_traffic(cursor: Cursor[Row], workspace_id: int, since: date) -> list[EventTraffic]:
    """Every event that was held against the plan since a day, the most frequent first."""
    found = cursor.execute(
        """
        select type, event, version, sum(seen)::bigint, sum(violating)::bigint,
            array_agg(distinct source)
        from plan_traffic
        where workspace_id = %s and day >= %s
        group by type, event, version
        order by sum(seen) desc, type, event
        limit 2000
        """,
        (workspace_id, since),
    )
    return [EventTraffic(*row) for row in found.fetchall()]


def source_traffic(
    cursor: Cursor[Row], workspace_id: int, since: date
) -> dict[str, tuple[int, int]]:
    """Of each source how many events were held against the plan since a day, and violated it."""
    found = cursor.execute(
        """
        select source, sum(seen)::bigint, sum(violating)::bigint from plan_traffic
        where workspace_id = %s and day >= %s
        group by source
        """,
        (workspace_id, since),
    )
    return {source: (seen, violating) for source, seen, violating in found.fetchall()}


def violation_counts(
    cursor: Cursor[Row],
    workspace_id: int,
    since: date,
    *,
    call: str = "",
    event: str = "",
    limit: int = 500,
) -> list[ViolationCount]:
    """Violations by day, source, event and place, the latest day and the most frequent first."""
    found = cursor.execute(
        """
        select day, source, type, event, version, place, rule, action, expected, got, count,
            position, (date_part('epoch', at) * 1000000)::bigint
        from plan_violations
        where workspace_id = %(workspace)s and day >= %(since)s
            and (%(type)s = '' or (type = %(type)s and event = %(event)s))
        order by day desc, count desc, place
        limit %(limit)s
        """,
        {
            "workspace": workspace_id,
            "since": since,
            "type": call,
            "event": event,
            "limit": limit,
        },
    )
    return [ViolationCount(*row) for row in found.fetchall()]
