"""The outbox in SQL: claim with the second check, mark what is handed over, record the end.

Each function works inside the caller's transaction. A sender only ever changes rows that it
holds itself (`claimed_by`), so what another sender took from a dead one stays taken.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, LiteralString

from psycopg import Connection, Cursor

from tsunagu.core import Json
from tsunagu.core.times import micros, moment
from tsunagu.sending.models import EXPIRED, Claim, Delay, Ending, Identity

Row = tuple[Any, ...]

# The first key of the advisory locks by which senders show that they live.
_SENDER_LOCKS = 0x73656E64

_CLAIM: LiteralString = """
with due as (
    select o.send_id
    from outbox as o
    join workspaces as w on w.workspace_id = o.workspace_id and not w.sends_paused
    where o.workspace_id = %(workspace)s and o.state = 'queued' and o.not_before <= %(now)s
    order by o.not_before
    limit %(limit)s
    for update of o skip locked
),
claimed as (
    update outbox as o
    set state = 'claimed', claimed_by = %(sender)s, claimed_at = clock_timestamp()
    from due
    where o.workspace_id = %(workspace)s and o.send_id = due.send_id
    returning o.send_id, o.expires_at, o.attempts, o.data, o.decided_wall
)
select
    l.send_id, l.journey, l.node, l.message, l.channel, l.purpose,
    o.data -> 'identifier' ->> 'kind', o.data -> 'identifier' ->> 'value',
    l.send_key, l.customer_id, l.message_version, l.address, o.data -> 'traits', o.attempts,
    case
        when c.customer_id is null then 'erased'
        when o.expires_at <= %(now)s then 'expired'
        when l.purpose <> 'mandatory' and not coalesce(k.granted, false) then 'no_consent'
        when s.address is not null then 'suppressed'
    end,
    coalesce(p.traits, o.data -> 'traits') ->> 'timezone',
    a.content,
    o.decided_wall
from claimed as o
join send_ledger as l on l.workspace_id = %(workspace)s and l.send_id = o.send_id
-- Whoever the customer has been merged into since: their word on consent counts now.
left join lateral (
    with recursive chain (customer_id, merged_into) as (
        select f.customer_id, f.merged_into from customers as f
        where f.workspace_id = %(workspace)s and f.customer_id = l.customer_id
        union all
        select n.customer_id, n.merged_into from chain
        join customers as n
            on n.workspace_id = %(workspace)s and n.customer_id = chain.merged_into
    )
    select customer_id from chain where merged_into is null
) as c on true
left join profiles as p on p.workspace_id = %(workspace)s and p.customer_id = c.customer_id
left join consents as k
    on k.workspace_id = %(workspace)s and k.customer_id = c.customer_id
    and k.channel = l.channel and k.purpose = l.purpose
left join suppressions as s
    on s.workspace_id = %(workspace)s and s.channel = l.channel and s.address = lower(l.address)
left join archive as a on a.workspace_id = %(workspace)s and a.send_id = o.send_id
order by l.decided_position, l.send_id
"""

_NEXT_DUE: LiteralString = """
select o.not_before
from outbox as o
join workspaces as w on w.workspace_id = o.workspace_id and not w.sends_paused
where o.workspace_id = %s and o.state = 'queued'
order by o.not_before
limit 1
"""

_HAND: LiteralString = """
update outbox as o
set state = 'handing'
from workspaces as w
where o.workspace_id = %(workspace)s and o.send_id = any(%(sends)s) and o.state = 'claimed'
    and o.claimed_by = %(sender)s and w.workspace_id = o.workspace_id and not w.sends_paused
returning o.send_id
"""

_REQUEUE: LiteralString = """
update outbox as o
set state = 'queued', claimed_by = null, claimed_at = null,
    not_before = d.not_before, attempts = d.attempts
from unnest(%(sends)s::bigint[], %(times)s::timestamptz[], %(attempts)s::integer[])
    as d (send_id, not_before, attempts)
where o.workspace_id = %(workspace)s and o.send_id = d.send_id and o.claimed_by = %(sender)s
"""

_RELEASE: LiteralString = """
update outbox
set state = 'queued', claimed_by = null, claimed_at = null
where workspace_id = %(workspace)s and send_id = any(%(sends)s) and state = 'claimed'
    and claimed_by = %(sender)s
"""

_END: LiteralString = """
with ended as (
    delete from outbox as o
    using unnest(
        %(sends)s::bigint[], %(states)s::text[], %(reasons)s::text[], %(details)s::text[],
        %(providers)s::text[]
    ) as e (send_id, state, reason, detail, provider_id)
    where o.workspace_id = %(workspace)s and o.send_id = e.send_id
        and o.claimed_by = %(sender)s
    returning e.*
)
update send_ledger as l
set state = e.state, reason = nullif(e.reason, ''), detail = nullif(e.detail, ''),
    provider_id = nullif(e.provider_id, ''), result_at = %(now)s
from ended as e
where l.workspace_id = %(workspace)s and l.send_id = e.send_id
returning l.send_id
"""

_REFUSALS: LiteralString = """
insert into send_refusals (
    workspace_id, send_key, customer_id, enrolment_id, journey, node, message, reason, detail,
    at, position
)
select
    l.workspace_id, l.send_key, l.customer_id, l.enrolment_id, l.journey, l.node, l.message,
    r.reason, r.detail, %(now)s, l.decided_position
from unnest(%(sends)s::bigint[], %(reasons)s::text[], %(details)s::text[])
    as r (send_id, reason, detail)
join send_ledger as l on l.workspace_id = %(workspace)s and l.send_id = r.send_id
on conflict do nothing
"""

_SUPPRESS: LiteralString = """
insert into suppressions (workspace_id, channel, address, reason, at)
select distinct %(workspace)s, channel, lower(address), reason, %(now)s::timestamptz
from unnest(%(channels)s::text[], %(addresses)s::text[], %(reasons)s::text[])
    as b (channel, address, reason)
on conflict do nothing
"""

# Only a session that still stands holds its lock, so these are the senders that live.
_LIVING: LiteralString = """
select l.objid::text
from pg_locks as l
join pg_database as d on d.oid = l.database and d.datname = current_database()
where l.locktype = 'advisory' and l.classid = %(locks)s and l.objsubid = 2 and l.granted
"""

_FREE_CLAIMS: LiteralString = f"""
update outbox
set state = 'queued', claimed_by = null, claimed_at = null
where workspace_id = %(workspace)s and state = 'claimed' and claimed_by not in ({_LIVING})
"""  # noqa: S608 - written from the constant above

_ADOPT_HANDED: LiteralString = f"""
update outbox as o
set claimed_by = %(sender)s
from send_ledger as l
where o.workspace_id = %(workspace)s and o.state = 'handing'
    and o.claimed_by not in ({_LIVING})
    and l.workspace_id = o.workspace_id and l.send_id = o.send_id
returning l.send_id, l.journey, l.node, l.message, l.channel, l.purpose,
    o.data -> 'identifier' ->> 'kind', o.data -> 'identifier' ->> 'value'
"""  # noqa: S608 - written from the constant above

_ADOPT_WAITING: LiteralString = f"""
update outbox as o
set state = 'handing', claimed_by = %(sender)s
from send_ledger as l
where o.workspace_id = %(workspace)s
    and (o.claimed_by is null or o.claimed_by not in ({_LIVING}))
    and l.workspace_id = o.workspace_id and l.send_id = o.send_id
    and (%(before)s::timestamptz is null or l.decided_at < %(before)s)
returning l.send_id, l.journey, l.node, l.message, l.channel, l.purpose,
    o.data -> 'identifier' ->> 'kind', o.data -> 'identifier' ->> 'value'
"""  # noqa: S608 - written from the constant above


def register(connection: Connection[Row], sender: int) -> None:
    """Show that this sender lives, for as long as this session does."""
    connection.execute("select pg_advisory_lock(%s, %s)", (_SENDER_LOCKS, sender))


def claim(cursor: Cursor[Row], workspace_id: int, sender: int, now: int, limit: int) -> list[Claim]:
    """Take up to `limit` due messages, in the order of their decisions.

    Nothing is taken in a workspace whose sends are stopped. Rows that another sender is taking
    are passed over.
    """
    cursor.execute(
        _CLAIM,
        {
            "workspace": workspace_id,
            "sender": str(sender),
            "now": moment(now),
            "limit": limit,
        },
        binary=True,
    )
    return [
        Claim(Identity(*row[:8]), *row[8:17], decided_wall=micros(row[17]))
        for row in cursor.fetchall()
    ]


def policy(cursor: Cursor[Row], workspace_id: int) -> Json:
    """The published contact policy's document; an empty one where none is published."""
    row = cursor.execute(
        """
        select document from definitions
        where workspace_id = %s and kind = 'policy' and status = 'published'
        """,
        (workspace_id,),
    ).fetchone()
    return {} if row is None else row[0]


def next_due(cursor: Cursor[Row], workspace_id: int) -> int | None:
    """When the next queued message may leave; None when there is none or sends are stopped."""
    row = cursor.execute(_NEXT_DUE, (workspace_id,)).fetchone()
    return None if row is None else micros(row[0])


def mark_handing(
    cursor: Cursor[Row], workspace_id: int, sender: int, sends: Collection[int]
) -> set[int]:
    """Mark messages as being handed over; returns those that may be, which is the last word."""
    cursor.execute(_HAND, {"workspace": workspace_id, "sender": str(sender), "sends": list(sends)})
    return {send_id for (send_id,) in cursor.fetchall()}


def requeue(cursor: Cursor[Row], workspace_id: int, sender: int, delays: Sequence[Delay]) -> None:
    """Put messages back until their time."""
    cursor.execute(
        _REQUEUE,
        {
            "workspace": workspace_id,
            "sender": str(sender),
            "sends": [d.send_id for d in delays],
            "times": [moment(d.not_before) for d in delays],
            "attempts": [d.attempts for d in delays],
        },
    )


def release(cursor: Cursor[Row], workspace_id: int, sender: int, sends: Collection[int]) -> None:
    """Put claimed messages back as they were."""
    cursor.execute(
        _RELEASE, {"workspace": workspace_id, "sender": str(sender), "sends": list(sends)}
    )


def end(
    cursor: Cursor[Row], workspace_id: int, sender: int, endings: Sequence[Ending], now: int
) -> set[int]:
    """Take messages out of the outbox and write their end into the ledger.

    Returns the sends that ended here: those whose rows this sender still held.
    """
    cursor.execute(
        _END,
        {
            "workspace": workspace_id,
            "sender": str(sender),
            "sends": [e.identity.send_id for e in endings],
            "states": [e.state for e in endings],
            "reasons": [e.reason for e in endings],
            "details": [e.detail for e in endings],
            "providers": [e.provider_id for e in endings],
            "now": moment(now),
        },
    )
    return {send_id for (send_id,) in cursor.fetchall()}


def keep_refusals(
    cursor: Cursor[Row], workspace_id: int, endings: Sequence[Ending], now: int
) -> None:
    """Keep why messages that the policy had allowed were refused after all."""
    refused = [e for e in endings if e.state in ("refused", EXPIRED)]
    if not refused:
        return
    cursor.execute(
        _REFUSALS,
        {
            "workspace": workspace_id,
            "sends": [e.identity.send_id for e in refused],
            "reasons": [e.reason for e in refused],
            "details": [e.detail for e in refused],
            "now": moment(now),
        },
    )


def suppress(cursor: Cursor[Row], workspace_id: int, endings: Sequence[Ending], now: int) -> None:
    """Never write again to the addresses that bounced."""
    bounced = [e for e in endings if e.suppress]
    if not bounced:
        return
    cursor.execute(
        _SUPPRESS,
        {
            "workspace": workspace_id,
            "channels": [e.identity.channel for e in bounced],
            "addresses": [e.suppress for e in bounced],
            "reasons": [e.reason for e in bounced],
            "now": moment(now),
        },
    )


def free_dead_claims(cursor: Cursor[Row], workspace_id: int) -> int:
    """Put back what dead senders had claimed and not begun to hand over; returns how many."""
    cursor.execute(_FREE_CLAIMS, {"workspace": workspace_id, "locks": _SENDER_LOCKS})
    return cursor.rowcount


def adopt_handed(cursor: Cursor[Row], workspace_id: int, sender: int) -> list[Identity]:
    """Take over what dead senders were handing over: nobody knows whether it arrived."""
    cursor.execute(
        _ADOPT_HANDED,
        {"workspace": workspace_id, "sender": str(sender), "locks": _SENDER_LOCKS},
    )
    return [Identity(*row) for row in cursor.fetchall()]


def adopt_waiting(
    cursor: Cursor[Row], workspace_id: int, sender: int, before: int | None
) -> list[Identity]:
    """Take over what waits and no living sender holds, decided before a time if one is given."""
    cursor.execute(
        _ADOPT_WAITING,
        {
            "workspace": workspace_id,
            "sender": str(sender),
            "before": None if before is None else moment(before),
            "locks": _SENDER_LOCKS,
        },
    )
    return [Identity(*row) for row in cursor.fetchall()]
