"""SQL of matching: customers' records, plans and what they change."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from psycopg import Connection, Cursor, sql

from tsunagu.core import Json
from tsunagu.identity.kinds import Identifier
from tsunagu.identity.matching import Proposal
from tsunagu.storage import Row, int_array, stage

_CHUNK = 20_000
_CHANGE = {
    "number": "int8",
    "action": "text",
    "a": "int8",
    "b": "int8",
    "weight": "float8",
    **dict.fromkeys(
        ("reasons", "kind_a", "value_a", "kind_b", "value_b", "told_a", "told_b"), "text"
    ),
}


def _expression(paths: Sequence[str]) -> sql.Composable:
    """The first path of the traits that holds a text or a number."""
    found = [
        sql.SQL(
            "case when jsonb_typeof(p.traits #> {0}) in ('string', 'number')"
            " then nullif(left(p.traits #>> {0}, 500), '') end"
        ).format(sql.Literal(path.split(".")))
        for path in paths
    ]
    return sql.SQL("coalesce({})").format(sql.SQL(", ").join(found))


def records(
    connection: Connection[Row], columns: Mapping[str, Sequence[str]]
) -> Generator[list[Row]]:
    """All customers' records in batches: the customer's id, then a text or None for each column.

    Rows come by a cursor of the server; call it inside the workspace's transaction.
    """
    listed = sql.SQL(", ").join(_expression(paths) for paths in columns.values())
    query = sql.SQL(
        """
        select p.customer_id, {} from profiles as p
        join customers as c using (workspace_id, customer_id)
        where c.merged_into is null
        order by p.customer_id
        """
    ).format(listed)
    with connection.cursor(name="matching_records") as reading:
        reading.itersize = _CHUNK
        reading.execute(query)
        while rows := reading.fetchmany(_CHUNK):
            yield rows


def texts_of(
    cursor: Cursor[Row], columns: Mapping[str, Sequence[str]], told: Iterable[tuple[int, Json]]
) -> list[Row]:
    """The records (number, then a text or None for each column) of traits that are nobody's yet."""
    rows = ((number, _json(traits)) for number, traits in told)
    stage(cursor, "sides_in", {"number": "int8", "traits": "text"}, rows)
    listed = sql.SQL(", ").join(_expression(paths) for paths in columns.values())
    query = sql.SQL(
        "select p.number, {} from (select number, traits::jsonb as traits from sides_in) as p"
    ).format(listed)
    return cursor.execute(query).fetchall()


def merges_in_force(
    cursor: Cursor[Row], workspace_id: int
) -> list[tuple[int, Identifier, Identifier]]:
    """What models merged and nobody confirmed or took back: the customer, the two identifiers."""
    found = cursor.execute(
        """
        select i.customer_id, e.kind_a, e.value_a, e.kind_b, e.value_b
        from identity_edges as e
        join identifiers as i on i.workspace_id = e.workspace_id
            and i.kind = e.kind_a and i.value = e.value_a
        join identifiers as j on j.workspace_id = e.workspace_id
            and j.kind = e.kind_b and j.value = e.value_b and j.customer_id = i.customer_id
        where e.workspace_id = %s and e.kind = 'model' and e.cut_position is null
        order by i.customer_id, e.kind_a, e.value_a, e.kind_b, e.value_b
        """,
        (workspace_id,),
    )
    return [(customer, (ka, va), (kb, vb)) for customer, ka, va, kb, vb in found.fetchall()]


def apart_pairs(cursor: Cursor[Row], workspace_id: int) -> set[tuple[int, int]]:
    """All pairs of customers that are kept apart or were called different, smaller id first."""
    cursor.execute(
        """
        with told as (
            select kind_a, value_a, kind_b, value_b from identity_apart where workspace_id = %(w)s
            union
            select kind_a, value_a, kind_b, value_b from match_reviews
            where workspace_id = %(w)s and status = 'different'
        )
        select distinct
            least(a.customer_id, b.customer_id), greatest(a.customer_id, b.customer_id)
        from told as t
        join identifiers as a
            on a.workspace_id = %(w)s and a.kind = t.kind_a and a.value = t.value_a
        join identifiers as b
            on b.workspace_id = %(w)s and b.kind = t.kind_b and b.value = t.value_b
        where a.customer_id <> b.customer_id
        """,
        {"w": workspace_id},
    )
    return {(a, b) for a, b in cursor.fetchall()}


def store_plan(
    cursor: Cursor[Row], workspace_id: int, model: int, proposals: Sequence[Proposal], by: str
) -> int:
    """Keep what a model would change; the number of the plan."""
    row = cursor.execute(
        """
        insert into match_plans (
            workspace_id, model, status, merges, reviews, partings, held_apart, created_by
        ) values (%s, %s, 'planned', %s, %s, %s, 0, %s) returning plan_id
        """,
        (
            workspace_id,
            model,
            *(sum(p.action == action for p in proposals) for action in ("merge", "review", "part")),
            by,
        ),
    ).fetchone()
    assert row is not None
    stage(cursor, "changes_in", _CHANGE, (_row(n, p) for n, p in enumerate(proposals)))
    cursor.execute(
        """
        insert into match_changes (
            workspace_id, plan_id, number, action, customer_a, customer_b, weight,
            seen_a, seen_b, reasons, kind_a, value_a, kind_b, value_b, told_a, told_b
        )
        select %(w)s, %(plan)s, i.number, i.action, i.a, i.b, i.weight,
            p.position, q.position, i.reasons::jsonb,
            i.kind_a, i.value_a, i.kind_b, i.value_b, i.told_a::jsonb, i.told_b::jsonb
        from changes_in as i
        join profiles as p on p.workspace_id = %(w)s and p.customer_id = i.a
        join profiles as q on q.workspace_id = %(w)s and q.customer_id = i.b
        """,
        {"w": workspace_id, "plan": row[0]},
    )
    return row[0]


def _row(number: int, proposal: Proposal) -> tuple[Any, ...]:
    merged = proposal.merged
    about = (None,) * 6
    if merged is not None:
        about = (*merged.a, *merged.b, _json(merged.told_a), _json(merged.told_b))
    told = (number, proposal.action, proposal.a, proposal.b, proposal.weight)
    return (*told, _json(proposal.reasons), *about)


def _json(told: Any) -> str:
    return msgspec.json.encode(told).decode()


def plan_of(cursor: Cursor[Row], workspace_id: int, plan: int) -> Row | None:
    """(model, status, merges, reviews) of a plan."""
    return cursor.execute(
        """
        select model, status, merges, reviews from match_plans
        where workspace_id = %s and plan_id = %s
        """,
        (workspace_id, plan),
    ).fetchone()


def next_changes(cursor: Cursor[Row], workspace_id: int, plan: int, limit: int) -> list[Row]:
    """The next changes that are not done, locked: number, action, the identifiers that name both,
    weight, whether both are as they were, both customers.

    Where the two are one customer, a model's merge in force is part of how they were.
    """
    return cursor.execute(
        """
        with next as (
            select * from match_changes
            where workspace_id = %(w)s and plan_id = %(plan)s and outcome is null
            order by number limit %(limit)s for update
        )
        select n.number, n.action,
            coalesce(n.kind_a, a.first_kind), coalesce(n.value_a, a.first_value),
            coalesce(n.kind_b, b.first_kind), coalesce(n.value_b, b.first_value),
            n.weight,
            a.merged_into is null and b.merged_into is null
                and p.position is not distinct from n.seen_a
                and q.position is not distinct from n.seen_b
                and (n.kind_a is null or exists (
                    select from identity_edges as e
                    where e.workspace_id = %(w)s and e.kind = 'model' and e.cut_position is null
                        and e.kind_a = n.kind_a and e.value_a = n.value_a
                        and e.kind_b = n.kind_b and e.value_b = n.value_b
                )),
            n.customer_a, n.customer_b
        from next as n
        join customers as a on a.workspace_id = %(w)s and a.customer_id = n.customer_a
        join customers as b on b.workspace_id = %(w)s and b.customer_id = n.customer_b
        left join profiles as p on p.workspace_id = %(w)s and p.customer_id = n.customer_a
        left join profiles as q on q.workspace_id = %(w)s and q.customer_id = n.customer_b
        order by n.number
        """,
        {"w": workspace_id, "plan": plan, "limit": limit},
    ).fetchall()


def settle_changes(
    cursor: Cursor[Row], workspace_id: int, plan: int, outcomes: Mapping[int, str]
) -> None:
    """Write what became of changes."""
    cursor.execute(
        """
        update match_changes as c set outcome = o.outcome
        from unnest(%(numbers)s::bigint[], %(outcomes)s::text[]) as o (number, outcome)
        where c.workspace_id = %(w)s and c.plan_id = %(plan)s and c.number = o.number
        """,
        {
            "w": workspace_id,
            "plan": plan,
            "numbers": int_array(outcomes),
            "outcomes": list(outcomes.values()),
        },
    )


def finish_plan(cursor: Cursor[Row], workspace_id: int, plan: int) -> dict[str, int]:
    """Mark a plan as applied; how many changes came out how."""
    cursor.execute(
        """
        update match_plans set status = 'applied', applied_at = now()
        where workspace_id = %s and plan_id = %s and status = 'planned'
        """,
        (workspace_id, plan),
    )
    cursor.execute(
        """
        select action || ' ' || outcome, count(*) from match_changes
        where workspace_id = %s and plan_id = %s group by 1
        """,
        (workspace_id, plan),
    )
    return dict(cursor.fetchall())
