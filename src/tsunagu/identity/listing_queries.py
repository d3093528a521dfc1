"""What people ask about identities: how many there are, and on what evidence two are one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from psycopg import Cursor

from tsunagu.core.times import micros

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class IdentityFigures:
    """How many customers, identifiers that name them, and merges so far."""

    customers: int
    identifiers: int
    merges: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence that two identifiers are one person.

    `kind` is `observed`, or who decided it: `operator`, `review` or `model`; then `decided_by` says
    who, and `weight` is a model's. `cut`: a parting ended it, and it stays as history.
    """

    kind_a: str
    value_a: str
    kind_b: str
    value_b: str
    source: str
    at: int
    kind: str = "observed"
    weight: float | None = None
    decided_by: str | None = None
    cut: bool = False


def identity_figures(cursor: Cursor[Row], workspace_id: int) -> IdentityFigures:
    """The totals of a workspace."""
    row = cursor.execute(
        """
        select
            count(*) filter (where merged_into is null),
            (select count(*) from identifiers where workspace_id = %(workspace)s),
            count(*) filter (where merged_into is not null)
        from customers
        where workspace_id = %(workspace)s
        """,
        {"workspace": workspace_id},
    ).fetchone()
    assert row is not None
    return IdentityFigures(*row)


def evidence_of(
    cursor: Cursor[Row], workspace_id: int, identifiers: Collection[tuple[str, str]], *, limit: int
) -> list[Evidence]:
    """The edges that start at these identifiers, in the order in which they were learned."""
    found = cursor.execute(
        """
        select e.kind_a, e.value_a, e.kind_b, e.value_b, e.source, e.at, e.kind, e.weight,
            e.decided_by, e.cut_position is not null
        from unnest(%(kinds)s::text[], %(values)s::text[]) as i (kind, value)
        join identity_edges as e on e.kind_a = i.kind and e.value_a = i.value
        where e.workspace_id = %(workspace)s
        order by e.position
        limit %(limit)s
        """,
        {
            "workspace": workspace_id,
            "kinds": [kind for kind, _ in identifiers],
            "values": [value for _, value in identifiers],
            "limit": limit,
        },
    )
    return [
        Evidence(a, b, c, d, source, micros(at), *more)
        for a, b, c, d, source, at, *more in found.fetchall()
    ]


def customers_of(
    cursor: Cursor[Row], workspace_id: int, identifiers: Collection[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """The customers that own these identifiers (kind, value) now; unknown ones are left out."""
    found = cursor.execute(
        """
        select w.kind, w.value, i.customer_id
        from unnest(%(kinds)s::text[], %(values)s::text[]) as w (kind, value)
        cross join lateral (
            select customer_id from identifiers
            where workspace_id = %(workspace)s and kind = w.kind and value = w.value
            offset 0
        ) as i
        """,
        {
            "workspace": workspace_id,
            "kinds": [kind for kind, _ in identifiers],
            "values": [value for _, value in identifiers],
        },
    )
    return {(kind, value): customer for kind, value, customer in found.fetchall()}
