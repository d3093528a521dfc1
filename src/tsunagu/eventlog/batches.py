"""The pipeline's side of the log: the next batch, repeats, dead letters, the cursor.

All of it happens in the one transaction of a batch, which holds the workspace's cursor row;
that lock is the lease of the workspace's one writer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple

import msgspec
from psycopg import Cursor

from tsunagu.core import Event
from tsunagu.core.events import PLATFORM_SOURCE
from tsunagu.core.times import moment

Row = tuple[Any, ...]

PIPELINE = "pipeline"
REPEATS_FOR = "30 days"

_READ: LiteralString = """
select
    position,
    (date_part('epoch', received_at) * 1000000)::bigint,
    (date_part('epoch', known_at) * 1000000)::bigint,
    message_id, type, name, user_id, anonymous_id,
    (date_part('epoch', at) * 1000000)::bigint,
    source,
    convert_to(body, 'UTF8')
from inbox
where workspace_id = %(workspace)s and position > %(after)s and position <= %(upto)s
    and source <> %(platform)s
order by position
limit %(limit)s
"""

_REMEMBER: LiteralString = """
with batch as (
    select position, received_at, md5(message_id)::uuid as message_key
    from inbox
    where workspace_id = %(workspace)s and position > %(after)s and position <= %(upto)s
        and source <> %(platform)s
),
first_of_key as (
    select distinct on (message_key) message_key, received_at, position
    from batch order by message_key, position
),
remembered as (
    insert into seen_messages (workspace_id, message_key, received_at, position)
    select %(workspace)s, f.message_key, f.received_at, f.position
    from first_of_key as f
    where not exists (
        select from seen_messages as s
        where s.workspace_id = %(workspace)s and s.message_key = f.message_key
            and s.received_at >= f.received_at - %(since)s::interval
    )
    returning position
)
select position from batch except all select position from remembered
"""


class Lease(NamedTuple):
    """Where a consumer's cursor stands, and how often others changed what it writes."""

    position: int
    epoch: int


@dataclass(frozen=True)
class Batch:
    """Events in log order, without the platform's own.

    The batch covers the log up to the position `upto`. `next_known_at` belongs to the first
    event after it, if there is one.
    """

    events: list[Event]
    upto: int
    next_known_at: int | None


def hold_cursor(cursor: Cursor[Row], workspace_id: int, consumer: str) -> Lease:
    """Take the lease: lock the workspace's cursor row and return where it stands."""
    key = (workspace_id, consumer)
    found = cursor.execute(
        """
        select position, epoch from cursors
        where workspace_id = %s and consumer = %s for update
        """,
        key,
    ).fetchone()
    if found is not None:
        return Lease(*found)
    cursor.execute(
        "insert into cursors (workspace_id, consumer) values (%s, %s) on conflict do nothing", key
    )
    return hold_cursor(cursor, workspace_id, consumer)


def disturb(cursor: Cursor[Row], workspace_id: int) -> None:
    """Say that somebody else changed customers under the pipeline's lease.

    A bulk load or a replay that is swapped in holds the pipeline's cursor while it writes, and
    calls this in the same transaction: the pipeline then forgets what it remembered.
    """
    cursor.execute(
        "update cursors set epoch = epoch + 1 where workspace_id = %s and consumer = %s",
        (workspace_id, PIPELINE),
    )


def heed_plan(cursor: Cursor[Row], workspace_id: int, consumer: str, plan: str) -> bool:
    """Note the plan by which a consumer works; True when it was another before."""
    changed = cursor.execute(
        """
        update cursors set plan = %s
        where workspace_id = %s and consumer = %s and plan is distinct from %s
        """,
        (plan, workspace_id, consumer, plan),
    )
    return changed.rowcount > 0


def read_batch(cursor: Cursor[Row], workspace_id: int, after: int, limit: int) -> Batch:
    """The next `limit` events after a position."""
    top = cursor.execute(
        "select max(position) from inbox where workspace_id = %s and position > %s",
        (workspace_id, after),
    ).fetchone()
    if top is None or top[0] is None:
        return Batch([], after, None)
    wanted = {
        "workspace": workspace_id,
        "after": after,
        "upto": top[0],
        "platform": PLATFORM_SOURCE,
        "limit": limit + 1,
    }
    rows = cursor.execute(_READ, wanted, binary=True).fetchall()
    events = [Event(*row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Batch(events, top[0], None)
    return Batch(events, events[-1].position if events else after, rows[limit][2])


def remember(cursor: Cursor[Row], workspace_id: int, after: int, upto: int) -> set[int]:
    """Remember the message ids of a range of the log; returns the positions of repeats."""
    cursor.execute(
        _REMEMBER,
        {
            "workspace": workspace_id,
            "after": after,
            "upto": upto,
            "platform": PLATFORM_SOURCE,
            "since": REPEATS_FOR,
        },
    )
    return {position for (position,) in cursor.fetchall()}


def leave_out(
    cursor: Cursor[Row], workspace_id: int, positions: Collection[int], reason: str
) -> None:
    """Note positions that neither profiles nor the lake take: `repeat` or `dead`."""
    cursor.execute(
        """
        insert into left_out (workspace_id, position, reason)
        select %s, position, %s from unnest(%s::bigint[]) as position
        on conflict do nothing
        """,
        (workspace_id, reason, sorted(positions)),
    )


def bury(
    cursor: Cursor[Row], workspace_id: int, events: Sequence[Event], stage: str, reason: str
) -> None:
    """Put events into dead letters whole, with the reason, and leave them out."""
    for event in events:
        cursor.execute(
            """
            insert into dead_letters (
                workspace_id, position, message_id, type, name, stage, reason, event, at
            )
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            on conflict do nothing
            """,
            (
                workspace_id,
                event.position,
                event.message_id,
                event.type,
                event.name,
                stage,
                reason[:2000],
                msgspec.json.encode(_readable(event)).decode(),
                moment(event.known_at),
            ),
        )
    leave_out(cursor, workspace_id, [event.position for event in events], "dead")


def _readable(event: Event) -> dict[str, Any]:
    fields = {name: getattr(event, name) for name in event.__struct_fields__ if name != "body"}
    return {**fields, "body": event.body.decode("utf-8", "replace")}


def move_cursor(
    cursor: Cursor[Row],
    workspace_id: int,
    consumer: str,
    position: int,
    *,
    closed_at: int | None,
    received_at: int | None,
) -> None:
    """Say how far a consumer has come; None keeps what was said before."""
    cursor.execute(
        """
        update cursors
        set position = %s, closed_at = coalesce(%s, closed_at),
            last_received_at = coalesce(%s, last_received_at), updated_at = clock_timestamp()
        where workspace_id = %s and consumer = %s
        """,
        (
            position,
            None if closed_at is None else moment(closed_at),
            None if received_at is None else moment(received_at),
            workspace_id,
            consumer,
        ),
    )
