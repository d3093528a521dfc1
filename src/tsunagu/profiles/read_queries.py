"""Reading customers for people: the whole customer, found by any identifier.

A merge leaves what happened under the id it happened to; so a customer is read as all ids that
were merged into one. Every function works inside a transaction of one workspace; times are
microseconds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, LiteralString

import msgspec
from psycopg import Cursor

from tsunagu.core import Json
from tsunagu.profiles.state import State, decode_state

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Membership:
    """An audience the customer is in, and since when."""

    audience: str
    entered_at: int


@dataclass(frozen=True, slots=True)
class ConsentWord:
    """The customer's last word on a channel and purpose, with what proves it."""

    channel: str
    purpose: str
    granted: bool
    at: int
    evidence: Json


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address of the customer that must not be written to."""

    channel: str
    address: str
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class ScoreValue:
    """A score as it was computed `as_of`."""

    score: str
    value: float
    as_of: int


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer as known now.

    `customer_ids` are the current id first, then those merged into it; `identifiers` are
    (kind, value) in the order in which they were learned.
    """

    customer_id: int
    customer_ids: list[int]
    identifiers: list[tuple[str, str]]
    traits: Json
    audiences: list[Membership]
    consents: list[ConsentWord]
    suppressions: list[Suppression]
    scores: list[ScoreValue]
    first_seen: int
    last_seen: int
    events: int


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One event that happened to the customer; `body` has its properties, traits and context."""

    position: int
    at: int
    type: str
    name: str
    source: str
    body: Json


_CUSTOMER: LiteralString = """
with recursive same (customer_id) as (
    select %(customer)s::bigint
    union
    select c.customer_id
    from customers as c join same as s on c.merged_into = s.customer_id
    where c.workspace_id = %(workspace)s
)
select
    p.traits,
    (date_part('epoch', p.first_seen) * 1000000)::bigint,
    (date_part('epoch', p.last_seen) * 1000000)::bigint,
    p.events,
    (select array_agg(s.customer_id) from same as s where s.customer_id <> p.customer_id),
    (
        select jsonb_agg(jsonb_build_array(i.kind, i.value) order by i.first_position)
        from identifiers as i
        where i.workspace_id = p.workspace_id and i.customer_id = p.customer_id
    ),
    (
        select jsonb_agg(
            jsonb_build_array(m.audience, (date_part('epoch', m.entered_at) * 1000000)::bigint)
            order by m.audience
        )
        from audience_members as m
        where m.workspace_id = p.workspace_id and m.customer_id = p.customer_id
    ),
    (
        select jsonb_agg(
            jsonb_build_array(
                c.channel, c.purpose, c.granted, (date_part('epoch', c.at) * 1000000)::bigint,
                c.evidence
            )
            order by c.channel, c.purpose
        )
        from consents as c
        where c.workspace_id = p.workspace_id and c.customer_id = p.customer_id
    ),
    (
        select jsonb_agg(
            jsonb_build_array(
                s.channel, s.address, s.reason, (date_part('epoch', s.at) * 1000000)::bigint
            )
            order by s.channel
        )
        from suppressions as s
        where s.workspace_id = p.workspace_id
            and (
                (s.channel = 'email' and s.address = lower(btrim(p.traits ->> 'email')))
                or (s.channel = 'sms' and s.address = p.traits ->> 'phone')
            )
    ),
    (
        select jsonb_agg(
            jsonb_build_array(s.score, s.value, (date_part('epoch', s.as_of) * 1000000)::bigint)
            order by s.score
        )
        from scores as s
        where s.workspace_id = p.workspace_id and s.customer_id = p.customer_id
    )
from profiles as p
where p.workspace_id = %(workspace)s and p.customer_id = %(customer)s
"""

_SURVIVOR: LiteralString = """
with recursive path (customer_id, merged_into) as (
    select customer_id, merged_into from customers
    where workspace_id = %(workspace)s and customer_id = %(customer)s
    union
    select c.customer_id, c.merged_into
    from customers as c join path as p on c.customer_id = p.merged_into
    where c.workspace_id = %(workspace)s
)
select customer_id from path where merged_into is null
"""


def surviving_customer(cursor: Cursor[Row], workspace_id: int, customer_id: int) -> int | None:
    """The customer that an id leads to after all merges, or None when it never existed."""
    row = cursor.execute(_SURVIVOR, {"workspace": workspace_id, "customer": customer_id}).fetchone()
    return None if row is None else row[0]


def customer_view(cursor: Cursor[Row], workspace_id: int, customer_id: int) -> CustomerView | None:
    """Everything a current customer's profile says, in one query; None when there is none."""
    row = cursor.execute(_CUSTOMER, {"workspace": workspace_id, "customer": customer_id}).fetchone()
    if row is None:
        return None
    traits, first, last, events, merged, identifiers, members, consents, suppressed, scores = row
    return CustomerView(
        customer_id,
        [customer_id, *(merged or ())],
        [(kind, value) for kind, value in identifiers or ()],
        traits,
        [Membership(*m) for m in members or ()],
        [ConsentWord(*c) for c in consents or ()],
        [Suppression(*s) for s in suppressed or ()],
        [ScoreValue(*s) for s in scores or ()],
        first,
        last,
        events,
    )


def state_of(cursor: Cursor[Row], workspace_id: int, customer_id: int) -> State | None:
    """The fold of a current customer, for asking policy or rules about it."""
    row = cursor.execute(
        "select state from profiles where workspace_id = %s and customer_id = %s",
        (workspace_id, customer_id),
        binary=True,
    ).fetchone()
    return None if row is None else decode_state(row[0])


def timeline(
    cursor: Cursor[Row],
    workspace_id: int,
    customer_ids: Collection[int],
    *,
    limit: int,
    before: int | None = None,
) -> list[TimelineEntry]:
    """The latest events of a customer, newest in the log first.

    `before` is the position of the last entry of the page that came before this one.
    """
    cursor.execute(
        """
        select position, (date_part('epoch', at) * 1000000)::bigint, type, name, source, body
        from timeline
        where workspace_id = %s and customer_id = any(%s)
            and position < coalesce(%s, 9223372036854775807)
        order by position desc
        limit %s
        """,
        (workspace_id, list(customer_ids), before, limit),
    )
    return [
        TimelineEntry(position, at, kind, name, source, msgspec.json.decode(body))
        for position, at, kind, name, source, body in cursor.fetchall()
    ]
