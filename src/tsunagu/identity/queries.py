"""Identity in the database: owners of identifiers, customers, redirects and evidence edges."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, LiteralString

from psycopg import Connection, Cursor

from tsunagu.core.times import moment
from tsunagu.identity.resolve import Identifier, Known, Resolution

Row = tuple[Any, ...]

_LOAD: LiteralString = """
select i.kind, i.value, i.customer_id, c.created_position,
    exists (
        select from identifiers as u
        where u.workspace_id = i.workspace_id and u.customer_id = i.customer_id
            and u.kind = 'user_id'
    )
from unnest(%(kinds)s::text[], %(values)s::text[]) as wanted (kind, value)
join identifiers as i
    on i.workspace_id = %(workspace)s and i.kind = wanted.kind and i.value = wanted.value
join customers as c
    on c.workspace_id = i.workspace_id and c.customer_id = i.customer_id
"""

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
    """Owners, ages and user ids for the identifiers of a batch, in one query."""
    kinds = [kind for kind, _ in identifiers]
    values = [value for _, value in identifiers]
    cursor.execute(_LOAD, {"kinds": kinds, "values": values, "workspace": workspace_id})
    known = Known()
    for kind, value, customer, age, has_user_id in cursor.fetchall():
        known.owners[kind, value] = customer
        known.ages[customer] = age
        if has_user_id:
            known.user_ids.add(customer)
    return known


def store(cursor: Cursor[Row], workspace_id: int, resolution: Resolution) -> None:
    """Write the new customers, identifiers, edges and merges of a batch."""
    if resolution.created:
        cursor.execute(
            """
            insert into customers (
                workspace_id, customer_id, first_kind, first_value, created_position, created_at
            )
            select %s, * from unnest(
                %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[]
            )
            """,
            (
                workspace_id,
                [c.customer_id for c in resolution.created],
                [c.first[0] for c in resolution.created],
                [c.first[1] for c in resolution.created],
                [c.position for c in resolution.created],
                [moment(c.at) for c in resolution.created],
            ),
        )
    if resolution.identifiers:
        cursor.execute(
            """
            insert into identifiers (workspace_id, kind, value, customer_id, first_position)
            select %s, * from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[])
            """,
            (
                workspace_id,
                [kind for kind, _ in resolution.identifiers],
                [value for _, value in resolution.identifiers],
                [customer for customer, _ in resolution.identifiers.values()],
                [position for _, position in resolution.identifiers.values()],
            ),
        )
    _store_edges(cursor, workspace_id, resolution)
    _store_merges(cursor, workspace_id, resolution)


def _store_edges(cursor: Cursor[Row], workspace_id: int, resolution: Resolution) -> None:
    edges = list(resolution.edges.values())
    if not edges:
        return
    cursor.execute(
        """
        insert into identity_edges (
            workspace_id, kind_a, value_a, kind_b, value_b, source, message_id, position, at
        )
        select %s, * from unnest(
            %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
            %s::bigint[], %s::timestamptz[]
        )
        on conflict do nothing
        """,
        (
            workspace_id,
            [e.a[0] for e in edges],
            [e.a[1] for e in edges],
            [e.b[0] for e in edges],
            [e.b[1] for e in edges],
            [e.source for e in edges],
            [e.message_id for e in edges],
            [e.position for e in edges],
            [moment(e.at) for e in edges],
        ),
    )


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
    connection: Connection[Row], workspace_id: int, kind: str, value: str
) -> int | None:
    """The customer that owns an identifier now, or None."""
    row = connection.execute(
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
        (workspace_id, list(customers)),
    )
    return {customer: (kind, value) for customer, kind, value in cursor.fetchall()}
