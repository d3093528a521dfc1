"""The two sides of a replay, the live one and its shadow: reading both, and exchanging them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import LiteralString

from psycopg import Cursor, sql

from tsunagu.runtime.replay.models import Replay
from tsunagu.runtime.replay.queries import IDENTITY, PROFILES, find_owners
from tsunagu.storage import Row, int_array, stage


def folds(
    cursor: Cursor[Row], side: int, after: int, limit: int, only: Collection[int] | None = None
) -> dict[int, bytes]:
    """Stored folds of one side by customer, the next `limit` after a customer or only some."""
    if only is not None:
        cursor.execute(
            "select customer_id, state from profiles "
            "where workspace_id = %s and customer_id = any(%s)",
            (side, int_array(only)),
        )
    else:
        cursor.execute(
            """
            select customer_id, state from profiles
            where workspace_id = %s and customer_id > %s order by customer_id limit %s
            """,
            (side, after, limit),
        )
    return dict(cursor.fetchall())


def touched_since(cursor: Cursor[Row], replay: Replay) -> set[int]:
    """Customers of either side who had an event that was not read at the last comparison."""
    cursor.execute(
        """
        select p.customer_id from profiles as p
        join replays as r on r.workspace_id = %(live)s and r.replay_id = %(replay)s
        where p.workspace_id in (%(live)s, %(shadow)s)
            and not p.position <@ coalesce(r.compared, '{}'::int8multirange)
        """,
        {"live": replay.workspace_id, "replay": replay.replay_id, "shadow": replay.shadow},
    )
    return {customer for (customer,) in cursor.fetchall()}


def unlike_members(cursor: Cursor[Row], replay: Replay) -> set[int]:
    """Customers whose rows of memberships or consents are not the same on both sides.

    Left out are those who had an event since, or are not on both sides.
    """
    cursor.execute(
        """
        select p.customer_id from profiles as p
        join profiles as q on q.workspace_id = %(shadow)s and q.customer_id = p.customer_id
        where p.workspace_id = %(live)s and p.position <@ %(done)s::int8multirange
            and p.customer_id in (
                select customer_id from audience_members
                where workspace_id in (%(live)s, %(shadow)s)
                group by audience, customer_id having count(*) = 1
                union all
                select customer_id from consents
                where workspace_id in (%(live)s, %(shadow)s)
                group by channel, purpose, customer_id
                having count(*) = 1 or bool_or(granted) <> bool_and(granted)
            )
        """,
        {
            "live": replay.workspace_id,
            "shadow": replay.shadow,
            "done": replay.done,
        },
    )
    return {customer for (customer,) in cursor.fetchall()}


def current(cursor: Cursor[Row], side: int, customers: Collection[int]) -> dict[int, int]:
    """Into whom each of these customers was merged on one side, at the end of all merges."""
    cursor.execute(
        """
        with recursive chain (customer_id, at) as (
            select c, c from unnest(%(customers)s::bigint[]) as c
            union all
            select chain.customer_id, n.merged_into from chain
            join customers as n on n.workspace_id = %(side)s and n.customer_id = chain.at
            where n.merged_into is not null
        )
        select chain.customer_id, chain.at from chain
        join customers as n on n.workspace_id = %(side)s and n.customer_id = chain.at
        where n.merged_into is null
        """,
        {"side": side, "customers": int_array(customers)},
    )
    return dict(cursor.fetchall())


def wakes_of_enrolments(
    cursor: Cursor[Row], workspace_id: int, customers: Collection[int]
) -> dict[int, int]:
    """The next timer of these customers' running enrolments, in microseconds."""
    cursor.execute(
        """
        select customer_id, (date_part('epoch', min(wake_at)) * 1000000)::bigint
        from enrolments
        where workspace_id = %s and customer_id = any(%s) and status = 'active'
            and wake_at is not null
        group by customer_id
        """,
        (workspace_id, int_array(customers)),
    )
    return dict(cursor.fetchall())


def write_folds(cursor: Cursor[Row], side: int, folds: Iterable[tuple[int, bytes, int]]) -> None:
    """Write folds and timers (customer, stored form, wake; 0 is never) of one side."""
    columns = {"customer_id": "int8", "state": "bytea", "wake": "int8"}
    stage(cursor, "folds_in", columns, folds)
    cursor.execute(
        """
        update profiles as p
        set state = f.state,
            wake_at = case when f.wake > 0
                then timestamptz 'epoch' + f.wake * interval '1 microsecond' end
        from folds_in as f
        where p.workspace_id = %s and p.customer_id = f.customer_id
        """,
        (side,),
    )


def exchange_profiles(cursor: Cursor[Row], replay: Replay, customers: Collection[int]) -> None:
    """Let these customers' profiles, memberships and consents change sides."""
    listed = int_array(customers)
    for table in PROFILES:
        for source, target in _ways(replay):
            cursor.execute(
                sql.SQL(
                    "update {} set workspace_id = %s "
                    "where workspace_id = %s and customer_id = any(%s)"
                ).format(sql.Identifier(table)),
                (target, source, listed),
            )


_UNLIKE: LiteralString = """
select {fields} from (
    select to_jsonb(a) - 'workspace_id' as content, {fields} from {name} as a
    where workspace_id in (%s, %s)
) as every
group by {fields}, content
having count(*) = 1
"""


def identifies_otherwise(cursor: Cursor[Row], replay: Replay) -> bool:
    """Whether an identifier leads to one customer on one side and to another on the other."""
    row = cursor.execute(
        """
        select exists (
            select from identifiers where workspace_id in (%s, %s)
            group by kind, value having count(*) = 1 or min(customer_id) <> max(customer_id)
        )
        """,
        (replay.workspace_id, replay.shadow),
    ).fetchone()
    return bool(row and row[0])


def exchange_identity(cursor: Cursor[Row], replay: Replay) -> None:
    """Let the rows of identity that are not the same on both sides change sides."""
    for table, key in IDENTITY.items():
        name, fields = sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, key))
        unlike = sql.SQL(_UNLIKE).format(fields=fields, name=name)
        cursor.execute(
            sql.SQL("create temporary table unlike_in on commit drop as {}").format(unlike),
            (replay.workspace_id, replay.shadow),
        )
        same = sql.SQL(" and ").join(
            sql.SQL("t.{field} = u.{field}").format(field=sql.Identifier(field)) for field in key
        )
        for source, target in _ways(replay):
            cursor.execute(
                sql.SQL(
                    "update {name} as t set workspace_id = %s from (select distinct * "
                    "from unlike_in) as u where t.workspace_id = %s and {same}"
                ).format(name=name, same=same),
                (target, source),
            )
        cursor.execute("drop table unlike_in")


def exchange_owners(cursor: Cursor[Row], replay: Replay) -> None:
    """Let the timeline give events to whom the replay gives them, and note whose they were."""
    find_owners(cursor, replay)
    key = {"workspace": replay.workspace_id, "replay": replay.replay_id}
    cursor.execute(
        """
        update timeline as t set customer_id = o.customer_id
        from replay_owners as o
        where o.workspace_id = %(workspace)s and o.replay_id = %(replay)s
            and t.workspace_id = %(workspace)s and t.customer_id = o.was
            and t.position = o.position
        """,
        key,
    )
    cursor.execute(
        """
        update replay_owners set customer_id = was, was = customer_id
        where workspace_id = %(workspace)s and replay_id = %(replay)s
        """,
        key,
    )


def follow_merges(cursor: Cursor[Row], workspace_id: int) -> None:
    """Let enrolments belong to whoever their customers have become."""
    statement: LiteralString = """
        update enrolments as e set customer_id = c.merged_into
        from customers as c
        where e.workspace_id = %s and c.workspace_id = e.workspace_id
            and c.customer_id = e.customer_id and c.merged_into is not null
    """
    while cursor.execute(statement, (workspace_id,)).rowcount:
        pass


def _ways(replay: Replay) -> tuple[tuple[int, int], ...]:
    live, shadow = replay.workspace_id, replay.shadow
    return ((live, -shadow), (shadow, live), (-shadow, shadow))
