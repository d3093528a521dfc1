"""Identity in the database: owners of identifiers, customers, redirects and evidence edges."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, LiteralString

from psycopg import Connection, Cursor

from tsunagu.core.times import moment
from tsunagu.identity.decided_queries import OBSERVED_AGAIN, store_decided
from tsunagu.identity.held_queries import store_held
from tsunagu.identity.resolve import Identifier, Known, Resolution
from tsunagu.storage import int_array, stage, text_array

Row = tuple[Any, ...]

# Looked up row by row whatever the planner thinks of tables it has no statistics of: `offset 0`
# keeps the look-ups from being turned into joins over all rows.
_LOAD: LiteralString = """
select wanted.kind, wanted.value, i.customer_id, c.created_position,
    c.first_kind = 'user_id' or exists (
        select from identifiers as u
        where u.workspace_id = %(workspace)s and u.customer_id = i.customer_id
            and u.kind = 'user_id'
    ),
    i.stated_by
from unnest(%(kinds)s::text[], %(values)s::text[]) as wanted (kind, value)
cross join lateral (
    select customer_id, stated_by from identifiers
    where workspace_id = %(workspace)s and kind = wanted.kind and value = wanted.value
    offset 0
) as i
cross join lateral (
    select first_kind, created_position from customers
    where workspace_id = %(workspace)s and customer_id = i.customer_id
    offset 0
) as c
"""

_COUNTS: LiteralString = """
select wanted.customer_id, i.kind, i.count
from unnest(%(customers)s::bigint[]) as wanted (customer_id)
cross join lateral (
    select kind, count(*) from identifiers
    where workspace_id = %(workspace)s and customer_id = wanted.customer_id
    group by kind
) as i
"""

_CUSTOMER_COLUMNS = {
    "customer_id": "int8",
    "first_kind": "text",
    "first_value": "text",
    "created_position": "int8",
    "created_at": "timestamptz",
}
_STORE_CUSTOMERS: LiteralString = """
insert into customers (
    workspace_id, customer_id, first_kind, first_value, created_position, created_at
)
select %s, customer_id, first_kind, first_value, created_position, created_at
from customers_in
"""

_IDENTIFIER_COLUMNS = {
    "kind": "text",
    "value": "text",
    "customer_id": "int8",
    "first_position": "int8",
}
_STORE_IDENTIFIERS: LiteralString = """
insert into identifiers (workspace_id, kind, value, customer_id, first_position)
select %s, kind, value, customer_id, first_position
from identifiers_in
"""

_EDGE_COLUMNS = {
    "kind_a": "text",
    "value_a": "text",
    "kind_b": "text",
    "value_b": "text",
    "source": "text",
    "message_id": "text",
    "position": "int8",
    "at": "timestamptz",
}
_STORE_EDGES: LiteralString = (
    """
insert into identity_edges (
    workspace_id, kind_a, value_a, kind_b, value_b, source, message_id, position, at
)
select %s, kind_a, value_a, kind_b, value_b, source, message_id, position, at
from edges_in
"""
    + OBSERVED_AGAIN
)

_MERGE_CUSTOMERS: LiteralString = """
update customers as c
set merged_into = m.survivor, merged_position = m.position
from unnest(%(losers)s::bigint[], %(survivors)s::bigint[], %(positions)s::bigint[])
    as m (loser, survivor, position)
where c.workspace_id = %(workspace)s and c.customer_id = m.loser
"""

_MOVE_IDENTIFIERS: LiteralString = """
update identifiers as i
set customer_id = m.survivor
from unnest(%(losers)s::bigint[], %(survivors)s::bigint[]) as m (loser, survivor)
where i.workspace_id = %(workspace)s and i.customer_id = m.loser
"""


def load_known(
    cursor: Cursor[Row], workspace_id: int, identifiers: Collection[Identifier]
) -> Known:
    """Owners, ages and user ids of these identifiers, in one query."""
    known = Known()
    if not identifiers:
        return known
    kinds = text_array([kind for kind, _ in identifiers])
    values = text_array([value for _, value in identifiers])
    parameters = {"kinds": kinds, "values": values, "workspace": workspace_id}
    cursor.execute(_LOAD, parameters, binary=True)
    for kind, value, customer, age, has_user_id, stated_by in cursor.fetchall():
        known.owners[kind, value] = customer
        known.ages[customer] = age
        if has_user_id:
            known.user_ids.add(customer)
        if stated_by:
            known.stated_by[kind, value] = tuple(stated_by)
    return known


def load_counts(
    cursor: Cursor[Row], workspace_id: int, customers: Collection[int]
) -> dict[int, dict[str, int]]:
    """How many identifiers of each kind these customers hold."""
    counts: dict[int, dict[str, int]] = {customer: {} for customer in customers}
    if counts:
        cursor.execute(_COUNTS, {"workspace": workspace_id, "customers": int_array(customers)})
        for customer, kind, count in cursor.fetchall():
            counts[customer][kind] = count
    return counts


def store(cursor: Cursor[Row], workspace_id: int, resolution: Resolution) -> None:
    """Write the new customers, identifiers, edges and merges of a batch."""
    if resolution.created:
        rows = ((c.customer_id, *c.first, c.position, moment(c.at)) for c in resolution.created)
        stage(cursor, "customers_in", _CUSTOMER_COLUMNS, rows)
        cursor.execute(_STORE_CUSTOMERS, (workspace_id,))
    if resolution.identifiers:
        claims = ((*i, *claim) for i, claim in resolution.identifiers.items())
        stage(cursor, "identifiers_in", _IDENTIFIER_COLUMNS, claims)
        cursor.execute(_STORE_IDENTIFIERS, (workspace_id,))
    if resolution.edges:
        proofs = (
            (*e.a, *e.b, e.source, e.message_id, e.position, moment(e.at))
            for e in resolution.edges.values()
        )
        stage(cursor, "edges_in", _EDGE_COLUMNS, proofs)
        cursor.execute(_STORE_EDGES, (workspace_id,))
    store_held(cursor, workspace_id, resolution)
    _store_merges(cursor, workspace_id, resolution)
    survivors = {merge.survivor for merge in resolution.merges}
    store_decided(cursor, workspace_id, resolution.edges.values(), survivors)


def edge_key(pair: tuple[Identifier, Identifier]) -> int:
    """A number for an edge within this process: much smaller to remember than its texts."""
    return hash(pair)


def _store_merges(cursor: Cursor[Row], workspace_id: int, resolution: Resolution) -> None:
    if not resolution.merges:
        return
    final = {m.loser: m.survivor for m in resolution.merges}
    for loser in final:
        while final[loser] in final:
            final[loser] = final[final[loser]]
    parameters = {
        "workspace": workspace_id,
        "losers": list(final),
        "survivors": list(final.values()),
        "positions": [m.position for m in resolution.merges],
    }
    cursor.execute(_MERGE_CUSTOMERS, parameters)
    cursor.execute(_MOVE_IDENTIFIERS, parameters)


def current_customer(
    session: Connection[Row] | Cursor[Row], workspace_id: int, kind: str, value: str
) -> int | None:
    """The customer that owns an identifier now, or None."""
    row = session.execute(
        "select customer_id from identifiers where workspace_id = %s and kind = %s and value = %s",
        (workspace_id, kind, value),
    ).fetchone()
    return None if row is None else row[0]


def first_identifiers(
    cursor: Cursor[Row], workspace_id: int, customers: Collection[int]
) -> dict[int, Identifier]:
    """For each of these customers the identifier that names it in events."""
    if not customers:
        return {}
    cursor.execute(
        """
        select customer_id, first_kind, first_value from customers
        where workspace_id = %s and customer_id = any(%s)
        """,
        (workspace_id, int_array(customers)),
    )
    return {customer: (kind, value) for customer, kind, value in cursor.fetchall()}
