"""SQL of matching: customers' records, plans and what they change, questions to people."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import msgspec
from psycopg import Connection, Cursor, sql

from tsunagu.identity.matching import Proposal
from tsunagu.storage import Row, int_array, stage

_CHUNK = 20_000


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
            workspace_id, model, status, merges, reviews, held_apart, created_by
        ) values (%s, %s, 'planned', %s, %s, 0, %s) returning plan_id
        """,
        (
            workspace_id,
            model,
            sum(p.action == "merge" for p in proposals),
            sum(p.action == "review" for p in proposals),
            by,
        ),
    ).fetchone()
    assert row is not None
    shape = {"number": "int8", "action": "text", "a": "int8", "b": "int8", "weight": "float8"}
    told = ((n, p.action, p.a, p.b, p.weight, _json(p)) for n, p in enumerate(proposals))
    stage(cursor, "changes_in", shape | {"reasons": "text"}, told)
    cursor.execute(
        """
        insert into match_changes (
            workspace_id, plan_id, number, action, customer_a, customer_b, weight,
            seen_a, seen_b, reasons
        )
        select %(w)s, %(plan)s, i.number, i.action, i.a, i.b, i.weight,
            p.position, q.position, i.reasons::jsonb
        from changes_in as i
        join profiles as p on p.workspace_id = %(w)s and p.customer_id = i.a
        join profiles as q on q.workspace_id = %(w)s and q.customer_id = i.b
        """,
        {"w": workspace_id, "plan": row[0]},
    )
    return row[0]


def _json(proposal: Proposal) -> str:
    return msgspec.json.encode(proposal.reasons).decode()


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
    """The next changes that are not done, locked: number, action, first identifiers, weight,
    whether both are as they were, whether they are kept apart now.
    """
    return cursor.execute(
        """
        with next as (
            select * from match_changes
            where workspace_id = %(w)s and plan_id = %(plan)s and outcome is null
            order by number limit %(limit)s for update
        )
        select n.number, n.action, a.first_kind, a.first_value, b.first_kind, b.first_value,
            n.weight,
            a.merged_into is null and b.merged_into is null
                and p.position is not distinct from n.seen_a
                and q.position is not distinct from n.seen_b,
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


def ask(cursor: Cursor[Row], workspace_id: int, plan: int, model: int, numbers: list[int]) -> None:
    """Put changes of a plan before people; what was asked before is not asked again."""
    cursor.execute(
        """
        insert into match_reviews (
            workspace_id, customer_a, customer_b, kind_a, value_a, kind_b, value_b,
            weight, probability, model, reasons
        )
        select c.workspace_id, c.customer_a, c.customer_b,
            a.first_kind, a.first_value, b.first_kind, b.first_value,
            c.weight, 1 / (1 + power(2, -greatest(c.weight, -1000))), %(model)s, c.reasons
        from match_changes as c
        join customers as a
            on a.workspace_id = c.workspace_id and a.customer_id = c.customer_a
        join customers as b
            on b.workspace_id = c.workspace_id and b.customer_id = c.customer_b
        where c.workspace_id = %(w)s and c.plan_id = %(plan)s and c.number = any(%(numbers)s)
        on conflict (
            workspace_id,
            least(array[kind_a, value_a], array[kind_b, value_b]),
            greatest(array[kind_a, value_a], array[kind_b, value_b])
        ) do update
            set customer_a = excluded.customer_a, customer_b = excluded.customer_b,
                kind_a = excluded.kind_a, value_a = excluded.value_a,
                kind_b = excluded.kind_b, value_b = excluded.value_b,
                weight = excluded.weight, probability = excluded.probability,
                model = excluded.model, reasons = excluded.reasons
            where match_reviews.status in ('open', 'later')
        """,
        {"w": workspace_id, "plan": plan, "model": model, "numbers": numbers},
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


def list_reviews(
    cursor: Cursor[Row], workspace_id: int, limit: int, after: int | None
) -> list[Row]:
    """Open questions, the earliest asked first, with both customers' traits."""
    return cursor.execute(
        """
        select r.review_id, r.customer_a, r.customer_b, r.kind_a, r.value_a, r.kind_b, r.value_b,
            r.weight, r.probability, r.model, r.reasons, r.status, r.created_at,
            coalesce(p.traits, '{}'), coalesce(q.traits, '{}')
        from match_reviews as r
        join identifiers as a on a.workspace_id = r.workspace_id
            and a.kind = r.kind_a and a.value = r.value_a
        join identifiers as b on b.workspace_id = r.workspace_id
            and b.kind = r.kind_b and b.value = r.value_b
        left join profiles as p
            on p.workspace_id = r.workspace_id and p.customer_id = a.customer_id
        left join profiles as q
            on q.workspace_id = r.workspace_id and q.customer_id = b.customer_id
        where r.workspace_id = %s and r.status in ('open', 'later') and r.review_id > %s
            and a.customer_id <> b.customer_id
        order by r.review_id limit %s
        """,
        (workspace_id, after or 0, limit),
    ).fetchall()


def lock_review(cursor: Cursor[Row], workspace_id: int, review_id: int) -> Row | None:
    """(kind_a, value_a, kind_b, value_b, status, weight) of a question, locked."""
    return cursor.execute(
        """
        select kind_a, value_a, kind_b, value_b, status, weight from match_reviews
        where workspace_id = %s and review_id = %s for update
        """,
        (workspace_id, review_id),
    ).fetchone()


def settle_review(
    cursor: Cursor[Row], workspace_id: int, review_id: int, status: str, by: str | None
) -> None:
    """Write a person's answer, or take it back."""
    cursor.execute(
        """
        update match_reviews
        set status = %s, by = %s, decided_at = case when %s = 'open' then null else now() end
        where workspace_id = %s and review_id = %s
        """,
        (status, by, status, workspace_id, review_id),
    )


def checked_precision(cursor: Cursor[Row], workspace_id: int, upper: float) -> dict[str, Any]:
    """What people said: answers in all, and of those at or above a weight how many were `same`."""
    row = cursor.execute(
        """
        select count(*), count(*) filter (where weight >= %(upper)s),
            count(*) filter (where weight >= %(upper)s and status = 'same'),
            count(*) filter (where status = 'same')
        from match_reviews
        where workspace_id = %(w)s and status in ('same', 'different')
        """,
        {"w": workspace_id, "upper": upper},
    ).fetchone()
    assert row is not None
    return {"answers": row[0], "above": row[1], "above_same": row[2], "same": row[3]}
