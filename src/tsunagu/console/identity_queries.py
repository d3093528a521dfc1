"""Questions of a customer's pages: what was held back, which ids lead to it, who others are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from tsunagu.console.reader import Cursor
from tsunagu.core.times import micros
from tsunagu.identity import Held, Identifier


@dataclass(frozen=True, slots=True)
class FormerId:
    """A customer id that was merged into another; `since` is when it was first given out."""

    customer_id: int
    first_kind: str
    first_value: str
    since: int


@dataclass(frozen=True, slots=True)
class Called:
    """What a customer can be called by: its traits, and what it was first known by."""

    traits: dict[str, Any]
    first_value: str


def called(cursor: Cursor, workspace_id: int, ids: Collection[int]) -> dict[int, Called]:
    """What these customers can be called by, as far as they have a profile."""
    found = cursor.execute(
        """
        select p.customer_id, p.traits, c.first_value
        from profiles as p join customers as c using (workspace_id, customer_id)
        where p.workspace_id = %s and p.customer_id = any(%s)
        """,
        (workspace_id, list(ids)),
    )
    return {customer: Called(traits, first) for customer, traits, first in found.fetchall()}


def former_ids(cursor: Cursor, workspace_id: int, ids: Collection[int]) -> list[FormerId]:
    """What the given customer ids were first known by, the oldest first."""
    found = cursor.execute(
        """
        select customer_id, first_kind, first_value, created_at
        from customers
        where workspace_id = %s and customer_id = any(%s)
        order by created_position
        limit 100
        """,
        (workspace_id, list(ids)),
    )
    return [FormerId(one, kind, value, micros(at)) for one, kind, value, at in found.fetchall()]


def held_of(
    cursor: Cursor,
    workspace_id: int,
    ids: Collection[int],
    identifiers: Collection[Identifier],
    *,
    limit: int,
) -> list[Held]:
    """What did not count for a customer, by its ids or its identifiers, the latest first."""
    found = cursor.execute(
        """
        select kind, value, reason, customer_id, first_at, last_at, times
        from held_identifiers
        where workspace_id = %(workspace)s
            and (
                customer_id = any(%(ids)s)
                or (kind, value) in (
                    select kind, value
                    from unnest(%(kinds)s::text[], %(values)s::text[]) as i (kind, value)
                )
            )
        order by last_at desc, kind, value, reason
        limit %(limit)s
        """,
        {
            "workspace": workspace_id,
            "ids": list(ids),
            "kinds": [kind for kind, _ in identifiers],
            "values": [value for _, value in identifiers],
            "limit": limit,
        },
    )
    return [
        Held(kind, value, reason, customer, micros(first), micros(last), times, [])
        for kind, value, reason, customer, first, last, times in found.fetchall()
    ]
