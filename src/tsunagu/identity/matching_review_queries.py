"""SQL of the questions whether two customers are one person, and of what people answered."""

from __future__ import annotations

from typing import Any

from psycopg import Cursor

from tsunagu.storage import Row


def ask(cursor: Cursor[Row], workspace_id: int, plan: int, model: int, numbers: list[int]) -> None:
    """Put changes of a plan before people; what was asked before is not asked again."""
    cursor.execute(
        """
        insert into match_reviews (
            workspace_id, customer_a, customer_b, kind_a, value_a, kind_b, value_b,
            weight, probability, model, reasons, told_a, told_b
        )
        select c.workspace_id, c.customer_a, c.customer_b,
            coalesce(c.kind_a, a.first_kind), coalesce(c.value_a, a.first_value),
            coalesce(c.kind_b, b.first_kind), coalesce(c.value_b, b.first_value),
            c.weight, 1 / (1 + power(2, -greatest(c.weight, -1000))), %(model)s, c.reasons,
            c.told_a, c.told_b
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
                model = excluded.model, reasons = excluded.reasons,
                told_a = excluded.told_a, told_b = excluded.told_b
            where match_reviews.status in ('open', 'later')
        """,
        {"w": workspace_id, "plan": plan, "model": model, "numbers": numbers},
    )


def list_reviews(
    cursor: Cursor[Row], workspace_id: int, limit: int, after: int | None
) -> list[Row]:
    """Open questions, the earliest asked first, with both customers' traits.

    A question about two whom a model made one shows what the record of each side told.
    """
    return cursor.execute(
        """
        select r.review_id, r.customer_a, r.customer_b, r.kind_a, r.value_a, r.kind_b, r.value_b,
            r.weight, r.probability, r.model, r.reasons, r.status, r.created_at,
            coalesce(r.told_a, p.traits, '{}'), coalesce(r.told_b, q.traits, '{}')
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
            and (a.customer_id <> b.customer_id or r.customer_a = r.customer_b)
        order by r.review_id limit %s
        """,
        (workspace_id, after or 0, limit),
    ).fetchall()


def lock_review(cursor: Cursor[Row], workspace_id: int, review_id: int) -> Row | None:
    """(kind_a, value_a, kind_b, value_b, status, whether about one customer), locked."""
    return cursor.execute(
        """
        select kind_a, value_a, kind_b, value_b, status, customer_a = customer_b
        from match_reviews
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


def answered(cursor: Cursor[Row], workspace_id: int) -> list[Row]:
    """What people said of each pair: the model that asked, the weight, whether it is one person."""
    return cursor.execute(
        """
        select model, weight, status = 'same' from match_reviews
        where workspace_id = %s and status in ('same', 'different')
        """,
        (workspace_id,),
    ).fetchall()


def answers_by_weight(cursor: Cursor[Row], workspace_id: int, width: int) -> list[Row]:
    """What people said by bands of the weight that a pair had when it was asked.

    Each is (least weight, answers, how many of them `same`, their mean probability), from the
    lightest.
    """
    return cursor.execute(
        """
        select floor(weight / %(width)s) * %(width)s, count(*),
            count(*) filter (where status = 'same'), avg(probability)
        from match_reviews
        where workspace_id = %(w)s and status in ('same', 'different')
        group by 1 order by 1
        """,
        {"w": workspace_id, "width": width},
    ).fetchall()
