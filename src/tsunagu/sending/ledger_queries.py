"""Reading sends for people: what was said to a customer, what was not, and why.

Every function works inside a transaction of one workspace; times are microseconds, 0 is never.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from psycopg import Cursor

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class SendView:
    """One row of the ledger; `not_before` is set while the message waits to leave."""

    send_id: int
    message: str
    message_version: int
    journey: str
    node: str
    channel: str
    purpose: str
    address: str
    state: str
    reason: str
    decided_at: int
    not_before: int
    result_at: int
    archived: bool


@dataclass(frozen=True, slots=True)
class RefusalView:
    """A message that the contact policy did not allow when it was decided."""

    message: str
    journey: str
    node: str
    reason: str
    detail: str
    at: int


@dataclass(frozen=True, slots=True)
class SendCount:
    """How many messages of a node of a journey are in a state, for a reason."""

    node: str
    message: str
    state: str
    reason: str
    sends: int


def sends_of(
    cursor: Cursor[Row], workspace_id: int, customer_ids: Collection[int], *, limit: int
) -> list[SendView]:
    """What was decided to send to a customer and what became of it, the latest first."""
    cursor.execute(
        """
        select
            l.send_id, l.message, l.message_version, coalesce(l.journey, ''),
            coalesce(l.node, ''), l.channel, l.purpose, l.address, l.state,
            coalesce(l.reason, ''),
            (date_part('epoch', l.decided_at) * 1000000)::bigint,
            coalesce((date_part('epoch', o.not_before) * 1000000)::bigint, 0),
            coalesce((date_part('epoch', l.result_at) * 1000000)::bigint, 0),
            exists (
                select from archive as a
                where a.workspace_id = l.workspace_id and a.send_id = l.send_id
            )
        from send_ledger as l
        left join outbox as o on o.workspace_id = l.workspace_id and o.send_id = l.send_id
        where l.workspace_id = %s and l.customer_id = any(%s)
        order by l.decided_at desc, l.send_id
        limit %s
        """,
        (workspace_id, list(customer_ids), limit),
    )
    return [SendView(*row) for row in cursor.fetchall()]


def refusals_of(
    cursor: Cursor[Row], workspace_id: int, customer_ids: Collection[int], *, limit: int
) -> list[RefusalView]:
    """What the contact policy refused to say to a customer, the latest first."""
    cursor.execute(
        """
        select
            message, coalesce(journey, ''), coalesce(node, ''), reason, detail,
            (date_part('epoch', at) * 1000000)::bigint
        from send_refusals
        where workspace_id = %s and customer_id = any(%s)
        order by at desc, send_key
        limit %s
        """,
        (workspace_id, list(customer_ids), limit),
    )
    return [RefusalView(*row) for row in cursor.fetchall()]


def send_counts(cursor: Cursor[Row], workspace_id: int, journey: str) -> list[SendCount]:
    """The messages of a journey by node and state; refused ones with the reason.

    Refusals by the policy and those of the second check, just before a message leaves, are
    counted alike: both leave a row of their own.
    """
    cursor.execute(
        """
        with said (node, message, state, reason) as (
            select node, message, state, coalesce(reason, '')
            from send_ledger
            where workspace_id = %(workspace)s and journey = %(journey)s
                and state not in ('refused', 'expired')
            union all
            select node, message, 'refused', reason
            from send_refusals
            where workspace_id = %(workspace)s and journey = %(journey)s
        )
        select node, message, state, reason, count(*)
        from said
        group by node, message, state, reason
        order by node, message, state, count(*) desc, reason
        """,
        {"workspace": workspace_id, "journey": journey},
    )
    return [SendCount(*row) for row in cursor.fetchall()]
