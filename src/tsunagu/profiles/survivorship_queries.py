"""What was said of traits, out of the timeline: to refold by another rule, and to tell whence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any, LiteralString, NamedTuple

import msgspec
from psycopg import Cursor

from tsunagu.access import Definition, published
from tsunagu.core import Event
from tsunagu.core.events import PLATFORM_SOURCE
from tsunagu.core.times import zone
from tsunagu.profiles.features import Plan, make_plan
from tsunagu.profiles.parting_queries import Lived
from tsunagu.profiles.read_queries import state_of
from tsunagu.profiles.retold import ToldTraits, refold_traits
from tsunagu.profiles.state import State, decode_state, said_of
from tsunagu.profiles.survivorship import (
    LATEST,
    OVERFULL,
    SURVIVORSHIP,
    Survivorship,
    SurvivorshipDocument,
)
from tsunagu.storage import int_array

Row = tuple[Any, ...]
UTC = zone("UTC")

MOST_TOLD = 1_000
"""How many of a customer's last identify events a refold reads; older ones count no more."""


class OtherValue(NamedTuple):
    """A value that was said and does not hold: when first and last (microseconds), how often."""

    value: Any
    source: str
    first: int
    last: int
    times: int


class Provenance(NamedTuple):
    """Whence a trait's value comes: its source ("" where it is not known any more), the event's
    time (microseconds) and position, by which strategy it holds, and what else was said.

    `overfull` says that more values were said than are kept, so that the latest one holds.
    """

    trait: str
    value: Any
    source: str
    at: int
    strategy: str
    others: list[OtherValue]
    position: int
    overfull: bool


_TOLD: LiteralString = """
with recursive family (customer_id, member) as (
    select wanted, wanted from unnest(%(customers)s::bigint[]) as wanted
    union all
    select f.customer_id, c.customer_id
    from family as f
    join customers as c on c.workspace_id = %(workspace)s and c.merged_into = f.member
),
said as (
    select
        f.customer_id, f.member, t.at, t.position, t.name, t.source, t.user_id, t.anonymous_id,
        t.body, row_number() over (partition by f.customer_id order by t.position desc) as place
    from family as f
    join timeline as t on t.workspace_id = %(workspace)s and t.customer_id = f.member
    where t.type = 'identify' and t.source <> %(platform)s
)
select
    customer_id, member, (date_part('epoch', at) * 1000000)::bigint, position, name, source,
    user_id, anonymous_id, convert_to(body, 'UTF8')
from said where place <= %(most)s
order by position
"""

_SOURCES: LiteralString = """
with recursive same (customer_id) as (
    select %(customer)s::bigint
    union
    select c.customer_id
    from customers as c join same as s on c.merged_into = s.customer_id
    where c.workspace_id = %(workspace)s
)
select t.position, t.source
from same as s
join timeline as t on t.workspace_id = %(workspace)s and t.customer_id = s.customer_id
where t.position = any(%(positions)s::bigint[])
"""


def load_told(
    cursor: Cursor[Row], workspace_id: int, customers: Collection[int]
) -> dict[int, list[ToldTraits]]:
    """What was said of the traits of these customers, and those merged into them, by position."""
    return {
        customer: [
            ToldTraits(e.at, e.position, e.source, e.body) for e in (lived.event for lived in told)
        ]
        for customer, told in identifies_of(cursor, workspace_id, customers, MOST_TOLD).items()
    }


def identifies_of(
    cursor: Cursor[Row], workspace_id: int, customers: Collection[int], most: int
) -> dict[int, list[Lived]]:
    """The last `most` identify events of each customer and of who was merged into it, by position.

    A row also tells the id under which it lies.
    """
    found: dict[int, list[Lived]] = defaultdict(list)
    if customers:
        wanted = {
            "workspace": workspace_id,
            "customers": int_array(customers),
            "platform": PLATFORM_SOURCE,
            "most": most,
        }
        cursor.execute(_TOLD, wanted, binary=True)
        for customer, lies, at, place, name, source, user, device, body in cursor.fetchall():
            event = Event(place, at, at, "", "identify", name, user, device, at, source, body)
            found[customer].append(Lived(lies, event))
    return found


def survivorship_of(definitions: Collection[Definition]) -> Survivorship:
    """What is published of survivorship; `LATEST` where nothing is."""
    for found in definitions:
        if found.kind == SURVIVORSHIP:
            return Survivorship(SurvivorshipDocument.model_validate(found.document))
    return LATEST


def provenance_of(cursor: Cursor[Row], workspace_id: int, customer_id: int) -> list[Provenance]:
    """Whence each trait of a current customer comes, by name; nothing for who has no profile."""
    state = state_of(cursor, workspace_id, customer_id)
    if state is None:
        return []
    survivorship = survivorship_of(published(cursor, workspace_id))
    held = {position for _, _, position in state.traits.values()}
    sources = state.sources | _sources_of(
        cursor, workspace_id, customer_id, held - state.sources.keys()
    )
    return [
        _provenance(state, name, sources, survivorship.strategy_of(name))
        for name in sorted(state.traits)
    ]


def _provenance(state: State, name: str, sources: dict[int, str], strategy: str) -> Provenance:
    value, at, position = state.traits[name]
    kept = said_of(state, name)
    others = [
        OtherValue(one.value, one.source, one.first, one.last, one.times)
        for one in reversed(kept)
        if one.position != position
    ]
    overfull = any(one.times == OVERFULL for one in kept)
    source = sources.get(position, "")
    return Provenance(name, value, source, at, strategy, others, position, overfull)


def _sources_of(
    cursor: Cursor[Row], workspace_id: int, customer_id: int, positions: Collection[int]
) -> dict[int, str]:
    """Who sent these events, of states that were folded before sources were kept."""
    if not positions:
        return {}
    wanted = {
        "workspace": workspace_id,
        "customer": customer_id,
        "positions": int_array(positions),
    }
    return dict(cursor.execute(_SOURCES, wanted).fetchall())


class ChangedValue(NamedTuple):
    """A trait of a customer that would have another value, or another source."""

    customer_id: int
    trait: str
    before: Any
    after: Any
    source_before: str
    source_after: str


class Preview(NamedTuple):
    """What a document would change: of `customers` there were `looked_at` looked at, and of
    those `changed` would have another value of some trait; `estimated` is that share of all."""

    customers: int
    looked_at: int
    changed: int
    estimated: int
    samples: list[ChangedValue]


def preview(
    cursor: Cursor[Row],
    workspace_id: int,
    document: SurvivorshipDocument,
    *,
    customers: int = 2_000,
    samples: int = 10,
) -> Preview:
    """What would change if a document were published; nothing is.

    Looks at no more than so many `customers`: those of the lowest ids, which are hashes, so they
    are as good as drawn at random.
    """
    plan = make_plan({}, UTC, Survivorship(document))
    count = cursor.execute(
        "select count(*) from profiles where workspace_id = %s", (workspace_id,)
    ).fetchone()
    cursor.execute(
        "select customer_id, state from profiles where workspace_id = %s "
        "order by customer_id limit %s",
        (workspace_id, customers),
        binary=True,
    )
    states = {customer: decode_state(raw) for customer, raw in cursor.fetchall()}
    found: list[ChangedValue] = []
    changed = 0
    for start in range(0, len(states), _AT_ONCE):
        some = list(states)[start : start + _AT_ONCE]
        told = load_told(cursor, workspace_id, some)
        for customer in some:
            differ = list(_differences(plan, customer, states[customer], told.get(customer, ())))
            changed += bool(differ)
            found += differ[: max(0, samples - len(found))]
    total = count[0] if count else 0
    estimated = round(total * changed / len(states)) if states else 0
    return Preview(total, len(states), changed, estimated, found)


_AT_ONCE = 200


def _differences(
    plan: Plan, customer: int, state: State, told: Sequence[ToldTraits]
) -> Iterator[ChangedValue]:
    traits, sources = state.traits, state.sources | {said.position: said.source for said in told}
    refold_traits(plan, state, told)
    for name in sorted(state.traits):
        value, _, position = state.traits[name]
        before, _, place = traits.get(name, (None, 0, 0))
        if _told_apart(before) != _told_apart(value):
            yield ChangedValue(
                customer, name, before, value, sources.get(place, ""), sources.get(position, "")
            )


def _told_apart(value: Any) -> bytes:
    """A value as it is written: 1, 1.0 and true are equal in Python."""
    return msgspec.json.encode(value, order="deterministic")
