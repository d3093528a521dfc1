"""What is asked of the database before and after a decision about identity."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import msgspec
from psycopg import Cursor

from tsunagu.core import Json
from tsunagu.core.events import IDENTITY_DECISIONS
from tsunagu.core.times import micros
from tsunagu.identity import Identifier
from tsunagu.identity.evidence import Pair
from tsunagu.storage import Row, int_array, text_array


@dataclass(frozen=True, slots=True)
class Link:
    """An edge: on what evidence, or by whose decision, two identifiers are one person.

    `weight` is the match weight where a model decided; `cut` says that a parting ended it.
    """

    a: Identifier
    b: Identifier
    kind: str
    source: str
    at: int
    weight: float | None
    by: str | None
    cut: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A decision as the audit log has it."""

    at: int
    by: str
    name: str
    message_id: str
    told: Json


def by_age(cursor: Cursor[Row], workspace_id: int, customers: Collection[int]) -> list[int]:
    """Customers, the oldest first: the one whose id stays when they are merged."""
    found = cursor.execute(
        """
        select customer_id from customers
        where workspace_id = %s and customer_id = any(%s)
        order by created_position, customer_id
        """,
        (workspace_id, int_array(customers)),
    )
    return [customer for (customer,) in found.fetchall()]


def running(
    cursor: Cursor[Row],
    workspace_id: int,
    customers: Collection[int],
    positions: Collection[int] | None = None,
) -> int:
    """How many enrolments go on; with `positions`, of those that began at one of these events."""
    row = cursor.execute(
        """
        select count(*) from enrolments
        where workspace_id = %s and customer_id = any(%s) and status = 'active'
            and (%s::bigint[] is null or entered_position = any(%s::bigint[]))
        """,
        (
            *(workspace_id, int_array(customers)),
            *(None if positions is None else int_array(positions),) * 2,
        ),
    ).fetchone()
    return row[0] if row else 0


def links_of(
    cursor: Cursor[Row], workspace_id: int, identifiers: Collection[Identifier], *, limit: int
) -> list[Link]:
    """The edges that touch these identifiers, in the order in which they were learned."""
    found = cursor.execute(
        """
        with named as (
            select kind, value from unnest(%(kinds)s::text[], %(values)s::text[]) as i (kind, value)
        ),
        touched as (
            select e.* from named as n
            join identity_edges as e on e.kind_a = n.kind and e.value_a = n.value
            where e.workspace_id = %(workspace)s
            union
            select e.* from named as n
            join identity_edges as e on e.kind_b = n.kind and e.value_b = n.value
            where e.workspace_id = %(workspace)s
        )
        select kind_a, value_a, kind_b, value_b, kind, source, at, weight, decided_by,
            cut_position is not null
        from touched
        order by position, kind_a, value_a, kind_b, value_b
        limit %(limit)s
        """,
        {
            "workspace": workspace_id,
            "kinds": text_array([kind for kind, _ in identifiers]),
            "values": text_array([value for _, value in identifiers]),
            "limit": limit,
        },
    )
    return [
        Link((ka, va), (kb, vb), kind, source, micros(at), weight, by, cut)
        for ka, va, kb, vb, kind, source, at, weight, by, cut in found.fetchall()
    ]


def decisions_about(
    cursor: Cursor[Row], workspace_id: int, identifiers: Collection[Identifier], *, limit: int
) -> list[Made]:
    """The latest decisions that name one of these identifiers."""
    cursor.execute(
        """
        select date_part('epoch', t.at) * 1000000, t.name, t.subject, t.detail, t.actor
        from (
            select at, action as name, subject, detail::jsonb as detail, actor
            from audit_log
            where workspace_id = %(workspace)s and action = any(%(names)s)
        ) as t
        where exists (
            select from unnest(%(named)s::text[]) as n (identifier)
            where t.detail -> 'left' @> jsonb_build_array(n.identifier::jsonb)
                or t.detail -> 'right' = n.identifier::jsonb
        )
        order by t.at desc
        limit %(limit)s
        """,
        {
            "workspace": workspace_id,
            "names": text_array(sorted(IDENTITY_DECISIONS)),
            "named": text_array([msgspec.json.encode(one).decode() for one in identifiers]),
            "limit": limit,
        },
    )
    return [
        Made(int(at), actor, name, subject, detail)
        for at, name, subject, detail, actor in cursor.fetchall()
    ]


def decision_called(cursor: Cursor[Row], workspace_id: int, message_id: str) -> Made | None:
    """The decision that went into the log under a message id."""
    row = cursor.execute(
        """
        select at, actor, action, detail from audit_log
        where workspace_id = %s and subject = %s and action = any(%s)
        """,
        (workspace_id, message_id, sorted(IDENTITY_DECISIONS)),
    ).fetchone()
    return None if row is None else Made(micros(row[0]), row[1], row[2], message_id, row[3])


def joined(
    cursor: Cursor[Row], workspace_id: int, customers: Collection[int]
) -> dict[int, list[Pair]]:
    """Which identifiers of each of these customers evidence joins, as far as none is cut."""
    found: dict[int, list[Pair]] = {customer: [] for customer in customers}
    cursor.execute(
        """
        select i.customer_id, e.kind_a, e.value_a, e.kind_b, e.value_b
        from unnest(%(customers)s::bigint[]) as w (customer_id)
        join identifiers as i
            on i.workspace_id = %(workspace)s and i.customer_id = w.customer_id
        join identity_edges as e on e.workspace_id = i.workspace_id
            and e.kind_a = i.kind and e.value_a = i.value
        join identifiers as j on j.workspace_id = e.workspace_id
            and j.kind = e.kind_b and j.value = e.value_b and j.customer_id = i.customer_id
        where e.cut_position is null
        """,
        {"workspace": workspace_id, "customers": int_array(found)},
    )
    for customer, kind_a, value_a, kind_b, value_b in cursor.fetchall():
        found[customer].append(((kind_a, value_a), (kind_b, value_b)))
    return found


def held_by(
    cursor: Cursor[Row], workspace_id: int, customers: Collection[int]
) -> dict[int, list[Identifier]]:
    """The identifiers of each of these customers, the oldest first."""
    found: dict[int, list[Identifier]] = {customer: [] for customer in customers}
    cursor.execute(
        """
        select i.customer_id, i.kind, i.value
        from unnest(%(customers)s::bigint[]) as w (customer_id)
        join identifiers as i
            on i.workspace_id = %(workspace)s and i.customer_id = w.customer_id
        order by i.customer_id, i.first_position, i.kind, i.value
        """,
        {"workspace": workspace_id, "customers": int_array(found)},
    )
    for customer, kind, value in cursor.fetchall():
        found[customer].append((kind, value))
    return found
