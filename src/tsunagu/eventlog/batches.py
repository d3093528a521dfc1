"""The pipeline's side of the log: the next batch, repeats, the cursor.

All of it happens in the one transaction of a batch, which holds the workspace's cursor row;
that lock is the lease of the workspace's one writer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple

from psycopg import Cursor

from tsunagu.core import Event
from tsunagu.core.events import PLATFORM_SOURCE
from tsunagu.core.times import moment
from tsunagu.storage import int_array

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

# The keys are made before the look-up, and each is looked up by itself: behind `offset 0` the
# planner cannot turn this into a join over all that was seen.
_STORED: LiteralString = """
select i.position
from (
    select position, received_at, md5(message_id)::uuid as message_key
    from inbox
    where workspace_id = %(workspace)s and position > %(after)s and position <= %(upto)s
        and source <> %(platform)s
    offset 0
) as i
where exists (
    select from seen_messages as s
    where s.workspace_id = %(workspace)s and s.message_key = i.message_key
        and s.received_at >= i.received_at - %(since)s::interval
)
"""

_REMEMBER: LiteralString = """
insert into seen_messages (workspace_id, message_key, received_at, position)
select workspace_id, md5(message_id)::uuid, received_at, position
from inbox
where workspace_id = %(workspace)s and position > %(after)s and position <= %(upto)s
    and source <> %(platform)s and position <> all(%(repeats)s::bigint[])
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

    def before(self, event: Event) -> Batch:
        """What comes before one of its events."""
        earlier = [one for one in self.events if one.position < event.position]
        return Batch(earlier, event.position - 1, event.known_at)


def cursor_stands(cursor: Cursor[Row], workspace_id: int, consumer: str) -> Lease:
    """Where a consumer's cursor stands, without taking the lease."""
    found = cursor.execute(
        "select position, epoch from cursors where workspace_id = %s and consumer = %s",
        (workspace_id, consumer),
    ).fetchone()
    return Lease(*found) if found else Lease(0, 0)


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
    wanted = _range(workspace_id, after, top[0]) | {"limit": limit + 1}
    rows = cursor.execute(_READ, wanted, binary=True).fetchall()
    events = [Event(*row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Batch(events, top[0], None)
    return Batch(events, events[-1].position if events else after, rows[limit][2])


def stored_before(cursor: Cursor[Row], workspace_id: int, after: int, upto: int) -> set[int]:
    """The positions of a range of the log whose message ids are remembered already."""
    cursor.execute(_STORED, _range(workspace_id, after, upto) | {"since": REPEATS_FOR})
    return {position for (position,) in cursor.fetchall()}


def remember(
    cursor: Cursor[Row], workspace_id: int, after: int, upto: int, repeats: Collection[int]
) -> None:
    """Remember the message ids of a range of the log, but for those of the repeats."""
    known = _range(workspace_id, after, upto)
    cursor.execute(_REMEMBER, known | {"repeats": int_array(repeats)})


def _range(workspace_id: int, after: int, upto: int) -> dict[str, Any]:
    return {
        "workspace": workspace_id,
        "after": after,
        "upto": upto,
        "platform": PLATFORM_SOURCE,
    }


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
