"""Decisions about identity in the database: who is kept apart, what was decided, what is cut."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import LiteralString

from psycopg import Cursor

from tsunagu.core import Event
from tsunagu.core.times import moment
from tsunagu.identity.decided import Decision
from tsunagu.identity.kinds import Identifier
from tsunagu.identity.resolve import Edge
from tsunagu.storage import Row, int_array, text_array

DECIDERS = ("operator", "review", "model")

# What is seen in an event proves more than a model's judgement, which it replaces.
OBSERVED_AGAIN: LiteralString = """
on conflict (workspace_id, kind_a, value_a, kind_b, value_b) do update
set kind = 'observed', weight = null, decided_by = null, source = excluded.source,
    message_id = excluded.message_id, position = excluded.position, at = excluded.at
where identity_edges.kind = 'model' and identity_edges.cut_position is null
"""

_APART: LiteralString = """
with held as (
    select w.customer_id, i.kind, i.value
    from unnest(%(customers)s::bigint[]) as w (customer_id)
    cross join lateral (
        select kind, value from identifiers
        where workspace_id = %(workspace)s and customer_id = w.customer_id
        offset 0
    ) as i
),
named (customer_id, kind, value) as (
    select h.customer_id, p.kind_b, p.value_b
    from held as h
    cross join lateral (
        select kind_b, value_b from identity_apart
        where workspace_id = %(workspace)s and kind_a = h.kind and value_a = h.value
        offset 0
    ) as p
    union all
    select h.customer_id, p.kind_a, p.value_a
    from held as h
    cross join lateral (
        select kind_a, value_a from identity_apart
        where workspace_id = %(workspace)s and kind_b = h.kind and value_b = h.value
        offset 0
    ) as p
)
select n.customer_id, i.customer_id
from named as n
cross join lateral (
    select customer_id from identifiers
    where workspace_id = %(workspace)s and kind = n.kind and value = n.value
    offset 0
) as i
"""

_LIFT: LiteralString = """
delete from identity_apart as p
using identifiers as a, identifiers as b
where p.workspace_id = %(workspace)s
    and a.workspace_id = p.workspace_id and a.kind = p.kind_a and a.value = p.value_a
    and b.workspace_id = p.workspace_id and b.kind = p.kind_b and b.value = p.value_b
    and a.customer_id = b.customer_id and a.customer_id = any(%(customers)s)
"""

_DECIDED: LiteralString = """
update identity_edges as e
set kind = d.kind, weight = d.weight, decided_by = d.decided_by, cut_position = null
from unnest(
    %(kinds_a)s::text[], %(values_a)s::text[], %(kinds_b)s::text[], %(values_b)s::text[],
    %(kinds)s::text[], %(weights)s::float8[], %(by)s::text[]
) as d (kind_a, value_a, kind_b, value_b, kind, weight, decided_by)
where e.workspace_id = %(workspace)s and e.kind_a = d.kind_a and e.value_a = d.value_a
    and e.kind_b = d.kind_b and e.value_b = d.value_b
"""


def load_apart(
    cursor: Cursor[Row],
    workspace_id: int,
    customers: Collection[int],
    merged: Mapping[int, int] | None = None,
) -> dict[int, set[int]]:
    """Which customers are kept apart from these, both ways.

    Args:
        merged: survivors by loser of merges that are not stored yet.
    """
    now: Mapping[int, int] = merged or {}
    asked = set(customers) | {loser for loser, survivor in now.items() if survivor in customers}
    apart: dict[int, set[int]] = {}
    if not asked or not _any_apart(cursor, workspace_id):
        return apart
    cursor.execute(_APART, {"workspace": workspace_id, "customers": int_array(asked)})
    pairs: list[tuple[int, int]] = cursor.fetchall()
    for one, other in pairs:
        left, right = now.get(one, one), now.get(other, other)
        if left != right:
            apart.setdefault(left, set()).add(right)
            apart.setdefault(right, set()).add(left)
    return apart


def _any_apart(cursor: Cursor[Row], workspace_id: int) -> bool:
    row = cursor.execute(
        "select exists (select from identity_apart where workspace_id = %s)", (workspace_id,)
    ).fetchone()
    return bool(row and row[0])


def store_decided(
    cursor: Cursor[Row], workspace_id: int, edges: Iterable[Edge], survivors: Collection[int]
) -> None:
    """Note who decided these edges; what was decided to be one is kept apart no longer."""
    told = [(edge, edge.decided) for edge in edges if edge.decided is not None]
    if not told:
        return
    cursor.execute(
        _DECIDED,
        {
            "workspace": workspace_id,
            "kinds_a": text_array([edge.a[0] for edge, _ in told]),
            "values_a": text_array([edge.a[1] for edge, _ in told]),
            "kinds_b": text_array([edge.b[0] for edge, _ in told]),
            "values_b": text_array([edge.b[1] for edge, _ in told]),
            "kinds": [d.reason if d.reason in DECIDERS else DECIDERS[0] for _, d in told],
            "weights": [d.weight for _, d in told],
            "by": text_array([d.by for _, d in told]),
        },
    )
    cursor.execute(_LIFT, {"workspace": workspace_id, "customers": int_array(survivors)})


def keep_apart(cursor: Cursor[Row], workspace_id: int, event: Event, decision: Decision) -> None:
    """Let the owners of two identifiers never become one by what they share."""
    a, b = sorted((decision.left[0], decision.right))
    cursor.execute(
        """
        insert into identity_apart (
            workspace_id, kind_a, value_a, kind_b, value_b, decided_by, reason, position, at
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict do nothing
        """,
        (
            *(workspace_id, *a, *b, decision.by, decision.reason),
            *(event.position, moment(event.known_at)),
        ),
    )


def owners_of(
    cursor: Cursor[Row], workspace_id: int, customer_id: int
) -> list[tuple[Identifier, int]]:
    """The identifiers of a customer, each with the position that brought it, the oldest first."""
    found = cursor.execute(
        """
        select kind, value, first_position from identifiers
        where workspace_id = %s and customer_id = %s
        order by first_position, kind, value
        """,
        (workspace_id, customer_id),
    )
    return [((kind, value), position) for kind, value, position in found.fetchall()]
