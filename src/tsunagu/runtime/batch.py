"""One batch as a pure function: events and what is known in, changes out. No I/O.

This is the whole logic of the pipeline in its order: resolve identities, fold profiles,
answer audiences, move journeys. Live, replay and simulation call it alike, and a property
test cuts one log at random and compares the outcomes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tsunagu.core import Body, Event
from tsunagu.core.events import PLATFORM_SOURCE
from tsunagu.identity import BUILT_IN, Decision, Identifier, Kinds, Known, Resolution, resolve
from tsunagu.journeys import Book, Enrolment, JourneyWalk, Moves, concerned
from tsunagu.profiles import (
    Absorption,
    Fact,
    Happened,
    MembershipChange,
    ObservingWalk,
    Plan,
    State,
    ToldTraits,
    decode_state,
    encode_state,
    recount,
    refold_traits,
)


@dataclass
class Loaded:
    """What the database knew of the touched customers before the batch.

    `states` are in their stored form, because both walks start from them. Customers without a
    stored state are new. `stale` ones were last answered by other rules; `history` is what they
    did of the events that the new rules look at, `told` what was said of the traits of those
    whose values are to be chosen anew.
    """

    states: Mapping[int, bytes]
    enrolments: Sequence[Enrolment] = ()
    stale: Collection[int] = ()
    history: Mapping[int, Sequence[Happened]] = field(default_factory=dict[int, Sequence[Happened]])
    told: Mapping[int, Sequence[ToldTraits]] = field(
        default_factory=dict[int, Sequence[ToldTraits]]
    )


@dataclass
class Changes:
    """What a batch changes. `states` are the customers' new folds, `wakes` their timers.

    `retold` are the customers whose traits may have other values than before.
    """

    facts: list[Fact] = field(default_factory=list[Fact])
    states: dict[int, State] = field(default_factory=dict[int, State])
    wakes: dict[int, int] = field(default_factory=dict[int, int])
    absorbed: list[Absorption] = field(default_factory=list[Absorption])
    memberships: list[MembershipChange] = field(default_factory=list[MembershipChange])
    moves: Moves = field(default_factory=Moves)
    retold: set[int] = field(default_factory=set[int])


def resolve_batch(
    workspace_id: int,
    events: Sequence[Event],
    bodies: Sequence[Body],
    identifiers: Sequence[list[Identifier]],
    known: Known,
    kinds: Kinds = BUILT_IN,
    decided: Mapping[int, Decision] | None = None,
) -> tuple[list[Fact], list[Absorption], Resolution]:
    """Give each event its customer; the merges come out as absorptions of the walk."""
    resolution = resolve(workspace_id, events, identifiers, known, kinds, decided or {})
    owners = zip(events, bodies, resolution.customers, strict=True)
    facts = [Fact(event, body, customer) for event, body, customer in owners]
    absorbed = [Absorption(m.loser, m.survivor, m.position) for m in resolution.merges]
    return facts, absorbed, resolution


def advance_batch(
    plan: Plan,
    book: Book,
    facts: Sequence[Fact],
    absorbed: Sequence[Absorption],
    loaded: Loaded,
    closing: int,
) -> Changes:
    """Fold the facts, answer the audiences, move the journeys.

    Args:
        plan: what the audiences' rules look at.
        book: the published definitions.
        facts: the batch in log order, resolved.
        absorbed: the merges among them.
        loaded: the customers of the facts and merges, and those with timers due.
        closing: the business time up to which timers fire once the facts are folded.
    """
    lived = [fact for fact in facts if fact.event.source != PLATFORM_SOURCE]
    customers = {fact.customer for fact in lived} | set(loaded.states)
    customers |= {a.loser for a in absorbed} | {a.survivor for a in absorbed}
    first = ObservingWalk(plan, _states(plan, customers, loaded), loaded.stale)
    before = {customer: list(state.audiences) for customer, state in first.states.items()}
    first.run(lived, absorbed, closing)
    members, script = first.answer(before)
    for customer, state in first.states.items():
        state.audiences = sorted(members.get(customer, ()))

    walked = concerned(book, loaded.enrolments, script, absorbed) & customers
    second = JourneyWalk(
        plan, _states(plan, walked, loaded), book, loaded.enrolments, script, loaded.stale
    )
    second.run(
        [fact for fact in lived if fact.customer in walked],
        [a for a in absorbed if a.survivor in walked],
        closing,
    )
    for customer, state in second.states.items():
        state.audiences = first.states[customer].audiences
    states = {**first.states, **second.states}
    wakes = {customer: state.audience_wake for customer, state in first.states.items()}
    wakes |= {customer: second.next_wake(customer) for customer in second.states}
    memberships = [change for seen in script.values() for changes in seen for change in changes]
    retold = {fact.customer for fact in lived if fact.event.type == "identify"}
    retold |= {a.survivor for a in absorbed} | (loaded.told.keys() & states.keys())
    return Changes(list(facts), states, wakes, list(absorbed), memberships, second.moves, retold)


def _states(plan: Plan, customers: set[int], loaded: Loaded) -> dict[int, State]:
    """Fresh copies of the states before the batch, in an order that does not matter."""
    states = {c: decode_state(loaded.states.get(c, _EMPTY)) for c in sorted(customers)}
    for customer in customers.intersection(loaded.stale):
        state = states[customer]
        state.counters = recount(plan, loaded.history.get(customer, ()), state.now)
        if customer in loaded.told:
            refold_traits(plan, state, loaded.told[customer])
    return states


_EMPTY = encode_state(State())
