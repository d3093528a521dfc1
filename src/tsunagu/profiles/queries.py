"""Profiles in the database: the touched customers of a batch in, the changed ones out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, LiteralString

import msgspec
from psycopg import Cursor

from tsunagu.core import Json
from tsunagu.core.events import PLATFORM_SOURCE
from tsunagu.core.times import moment
from tsunagu.profiles.features import Happened
from tsunagu.profiles.state import State, encode_state
from tsunagu.profiles.walk import Absorption, Fact, MembershipChange
from tsunagu.storage import int_array, stage, text_array

Row = tuple[Any, ...]

_PROFILE_COLUMNS = {
    "customer_id": "int8",
    "traits": "text",
    "audiences": "text",
    "state": "bytea",
    "wake_at": "int8",
    "first_seen": "int8",
    "last_seen": "int8",
    "events": "int8",
    "position": "int8",
}

# Values of traits are rewritten only where one changed; they are the largest part of a row.
_STORE_PROFILES: LiteralString = """
insert into profiles (
    workspace_id, customer_id, traits, audiences, state, wake_at, first_seen, last_seen, events,
    position, plan
)
select
    %(workspace)s, customer_id, coalesce(traits::jsonb, '{}'), audiences::text[], state,
    timestamptz 'epoch' + nullif(wake_at, 0) * interval '1 microsecond',
    timestamptz 'epoch' + first_seen * interval '1 microsecond',
    timestamptz 'epoch' + last_seen * interval '1 microsecond',
    events, position, %(plan)s
from profiles_in
on conflict (workspace_id, customer_id) do update set
    traits = case when excluded.traits = '{}' then profiles.traits else excluded.traits end,
    audiences = excluded.audiences, state = excluded.state, wake_at = excluded.wake_at,
    first_seen = excluded.first_seen, last_seen = excluded.last_seen,
    events = excluded.events, position = excluded.position, plan = excluded.plan
"""

# Each row is looked up by its key, whatever the planner thinks of a table it has no statistics
# of: `offset 0` keeps the look-up from being turned into a join over all rows.
_STORE_TIMELINE: LiteralString = """
insert into timeline (
    workspace_id, customer_id, position, at, type, name, source, body, user_id, anonymous_id
)
select
    %(workspace)s, f.customer_id, f.position, i.at, i.type, i.name, i.source, i.body, i.user_id,
    i.anonymous_id
from facts_in as f
cross join lateral (
    select at, type, name, source, body, user_id, anonymous_id from inbox
    where workspace_id = %(workspace)s and position = f.position
    offset 0
) as i
"""

# The platform's own events name their customer by one identifier that is surely known. It is
# made before the look-up: behind row-level security an index takes columns, not expressions.
_STORE_TOLD: LiteralString = """
with told as materialized (
    select position, at, type, name, source, body, user_id, anonymous_id,
        case when user_id is null then 'anonymous_id' else 'user_id' end as kind,
        coalesce(user_id, anonymous_id) as value
    from inbox
    where workspace_id = %(workspace)s and source = %(platform)s
        and position > %(after)s and position <= %(upto)s
)
insert into timeline (
    workspace_id, customer_id, position, at, type, name, source, body, user_id, anonymous_id
)
select
    %(workspace)s, d.customer_id, t.position, t.at, t.type, t.name, t.source, t.body, t.user_id,
    t.anonymous_id
from told as t
cross join lateral (
    select customer_id from identifiers
    where workspace_id = %(workspace)s and kind = t.kind and value = t.value
    offset 0
) as d
"""

_HISTORY: LiteralString = """
with recursive family (customer_id, member) as (
    select wanted, wanted from unnest(%(customers)s::bigint[]) as wanted
    union all
    select f.customer_id, c.customer_id
    from family as f
    join customers as c on c.workspace_id = %(workspace)s and c.merged_into = f.member
)
select
    f.customer_id, t.name, (date_part('epoch', t.at) * 1000000)::bigint,
    convert_to(t.body, 'UTF8')
from family as f
join timeline as t on t.workspace_id = %(workspace)s and t.customer_id = f.member
where t.type = 'track' and t.name = any(%(names)s) and t.source <> %(platform)s
order by t.position
"""


def load_states(
    cursor: Cursor[Row], workspace_id: int, customers: Collection[int], plan: str
) -> tuple[dict[int, bytes], set[int]]:
    """The stored folds of these customers, and whose audiences another plan answered."""
    if not customers:
        return {}, set()
    cursor.execute(
        """
        select customer_id, state, plan is distinct from %s
        from profiles where workspace_id = %s and customer_id = any(%s)
        """,
        (plan, workspace_id, int_array(customers)),
        binary=True,
    )
    rows = cursor.fetchall()
    stale = {customer for customer, _, other in rows if other}
    return {customer: state for customer, state, _ in rows}, stale


def load_history(
    cursor: Cursor[Row], workspace_id: int, customers: Collection[int], names: Collection[str]
) -> dict[int, list[Happened]]:
    """What these customers, and those merged into them, did of certain names, in log order."""
    if not customers or not names:
        return {}
    cursor.execute(
        _HISTORY,
        {
            "workspace": workspace_id,
            "customers": int_array(customers),
            "names": list(names),
            "platform": PLATFORM_SOURCE,
        },
        binary=True,
    )
    found: dict[int, list[Happened]] = defaultdict(list)
    for customer, *happened in cursor.fetchall():
        found[customer].append((happened[0], happened[1], happened[2]))
    return found


def due_customers(cursor: Cursor[Row], workspace_id: int, until: int, limit: int) -> list[int]:
    """Customers with a timer due by `until`, the longest waiting first."""
    cursor.execute(
        """
        select customer_id from profiles
        where workspace_id = %s and wake_at <= %s
        order by wake_at, customer_id limit %s
        """,
        (workspace_id, moment(until), limit),
    )
    return [customer for (customer,) in cursor.fetchall()]


def wake_everyone(cursor: Cursor[Row], workspace_id: int, now: int) -> None:
    """Let everybody's timers be due, so that new rules are answered for all."""
    cursor.execute(
        """
        update profiles set wake_at = %(now)s
        where workspace_id = %(workspace)s and (wake_at is null or wake_at > %(now)s)
        """,
        {"workspace": workspace_id, "now": moment(now)},
    )


def stop_timers(cursor: Cursor[Row], workspace_id: int, customers: Collection[int]) -> None:
    """Let these customers' timers rest until their next event."""
    cursor.execute(
        "update profiles set wake_at = null where workspace_id = %s and customer_id = any(%s)",
        (workspace_id, int_array(customers)),
    )


def next_due(cursor: Cursor[Row], workspace_id: int) -> int:
    """When the next timer of any customer is due, in microseconds; 0 is never."""
    row = cursor.execute(
        """
        select (date_part('epoch', min(wake_at)) * 1000000)::bigint
        from profiles where workspace_id = %s and wake_at is not null
        """,
        (workspace_id,),
    ).fetchone()
    return (row[0] if row else 0) or 0


def stored_form(states: Mapping[int, State]) -> dict[int, bytes]:
    """The folds as they are stored, in the order of the customers."""
    # Encoded in the order in which they were made, so that memory is read from front to back.
    stored = [(customer, encode_state(state)) for customer, state in states.items()]
    stored.sort()
    return dict(stored)


def store_states(
    cursor: Cursor[Row],
    workspace_id: int,
    states: Mapping[int, State],
    stored: Mapping[int, bytes],
    wakes: Mapping[int, int],
    retold: Collection[int],
    plan: str,
) -> None:
    """Write the folds, given with their stored forms.

    The readable traits are written only of the customers in `retold`.
    """
    if not states:
        return
    rows = (
        (
            customer,
            msgspec.json.encode(state.values()).decode() if customer in retold else None,
            text_array(state.audiences),
            raw,
            wakes.get(customer, 0),
            state.first_seen,
            state.last_seen,
            state.events,
            state.position,
        )
        for (customer, raw) in stored.items()
        if (state := states[customer])
    )
    stage(cursor, "profiles_in", _PROFILE_COLUMNS, rows)
    cursor.execute(_STORE_PROFILES, {"workspace": workspace_id, "plan": plan})


def store_timeline(
    cursor: Cursor[Row], workspace_id: int, facts: Sequence[Fact], after: int, upto: int
) -> None:
    """Write what happened to whom in a range of the log; the log has the rest of each row."""
    bounds: dict[str, Any] = {"workspace": workspace_id, "after": after, "upto": upto}
    if facts:
        columns = {"position": "int8", "customer_id": "int8"}
        rows = ((fact.event.position, fact.customer) for fact in facts)
        stage(cursor, "facts_in", columns, rows)
        cursor.execute(_STORE_TIMELINE, bounds)
    if upto > after:
        cursor.execute(_STORE_TOLD, bounds | {"platform": PLATFORM_SOURCE})


def store_merges(cursor: Cursor[Row], workspace_id: int, absorbed: Sequence[Absorption]) -> None:
    """Let the absorbed customers' rows go; their folds live on in the survivors'."""
    losers = [a.loser for a in absorbed]
    if not losers:
        return
    for statement in (
        "delete from profiles where workspace_id = %s and customer_id = any(%s)",
        "delete from audience_members where workspace_id = %s and customer_id = any(%s)",
    ):
        cursor.execute(statement, (workspace_id, losers))


def store_memberships(
    cursor: Cursor[Row],
    workspace_id: int,
    changes: Sequence[MembershipChange],
    states: Mapping[int, State],
    absorbed: Sequence[Absorption],
) -> None:
    """Bring the audiences' member lists to what the batch ended with."""
    since = {(c.audience, c.customer): c.now for c in changes if c.entered}
    touched = {(c.audience, c.customer) for c in changes}
    for survivor in {a.survivor for a in absorbed} & set(states):
        touched |= {(audience, survivor) for audience in states[survivor].audiences}
    inside = [
        pair
        for pair in sorted(touched)
        if pair[1] in states and pair[0] in states[pair[1]].audiences
    ]
    outside = sorted(touched - set(inside))
    if outside:
        cursor.execute(
            """
            delete from audience_members as m
            using unnest(%s::text[], %s::bigint[]) as gone (audience, customer_id)
            where m.workspace_id = %s and m.audience = gone.audience
                and m.customer_id = gone.customer_id
            """,
            ([a for a, _ in outside], [c for _, c in outside], workspace_id),
        )
    if inside:
        entered = [moment(since.get(pair, states[pair[1]].now)) for pair in inside]
        cursor.execute(
            """
            insert into audience_members (workspace_id, audience, customer_id, entered_at)
            select %s, * from unnest(%s::text[], %s::bigint[], %s::timestamptz[])
            on conflict do nothing
            """,
            (workspace_id, [a for a, _ in inside], [c for _, c in inside], entered),
        )


def store_consents(
    cursor: Cursor[Row],
    workspace_id: int,
    states: Mapping[int, State],
    evidence: Mapping[int, Mapping[int, Json]],
) -> None:
    """Write the last word of the customers who spoke about consent, with what proves it.

    `evidence` has, per customer and position, what the facts of this batch said.
    """
    rows: list[Row] = []
    for customer in sorted(set(evidence) & set(states)):
        for key, consent in states[customer].consents.items():
            channel, _, purpose = key.partition("/")
            proof = evidence[customer].get(consent.position, {})
            rows.append(
                (
                    customer,
                    channel,
                    purpose,
                    consent.granted,
                    consent.at,
                    consent.position,
                    msgspec.json.encode(proof).decode(),
                )
            )
    if not rows:
        return
    columns = {
        "customer_id": "int8",
        "channel": "text",
        "purpose": "text",
        "granted": "bool",
        "at": "int8",
        "position": "int8",
        "evidence": "text",
    }
    stage(cursor, "consents_in", columns, rows)
    cursor.execute(
        """
        insert into consents (
            workspace_id, customer_id, channel, purpose, granted, at, position, evidence
        )
        select
            %s, customer_id, channel, purpose, granted,
            timestamptz 'epoch' + at * interval '1 microsecond', position, evidence::jsonb
        from consents_in
        on conflict (workspace_id, customer_id, channel, purpose) do update set
            granted = excluded.granted, at = excluded.at, position = excluded.position,
            evidence = case
                when consents.position = excluded.position then consents.evidence
                else excluded.evidence
            end
        """,
        (workspace_id,),
    )
