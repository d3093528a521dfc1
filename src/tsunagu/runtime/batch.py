"""One batch as a pure function: events and what is known in, changes out. No I/O.

This is the whole logic of the pipeline in its order: resolve identities, fold profiles,
answer audiences, move journeys. Live, replay and simulation call it alike, and a property
test cuts one log at random and compares the outcomes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
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
    states = _States(plan, customers, loaded)
    first = ObservingWalk(plan, states, loaded.stale)
    first.run(lived, absorbed, closing)
    members, script = first.answer(states.audiences)
    for customer, inside in members.items():
        states[customer].audiences = sorted(inside)

    walked = concerned(book, loaded.enrolments, script, absorbed) & customers
    second = JourneyWalk(
        plan, _States(plan, walked, loaded), book, loaded.enrolments, script, loaded.stale
    )
    second.run(
        [fact for fact in lived if fact.customer in walked],
        [a for a in absorbed if a.survivor in walked],
        closing,
    )
    for customer, state in second.states.items():
        state.audiences = states[customer].audiences
    wakes = {customer: state.audience_wake for customer, state in states.items()}
    wakes |= {customer: second.next_wake(customer) for customer in second.states}
    folded = {**states, **second.states}
    memberships = [change for seen in script.values() for changes in seen for change in changes]
    retold = {fact.customer for fact in lived if fact.event.type == "identify"}
    retold |= {a.survivor for a in absorbed} | (loaded.told.keys() & folded.keys())
    return Changes(list(facts), folded, wakes, list(absorbed), memberships, second.moves, retold)


class _States(dict[int, State]):
    """Fresh copies of the customers' states before the batch, each made when it is first wanted.

    A state is small, and a batch of them is larger than a processor's cache: what is decoded just
    before it is folded is still near. `audiences` has what each was in before.
    """

    def __init__(self, plan: Plan, customers: Collection[int], loaded: Loaded) -> None:
        super().__init__()
        self.audiences: dict[int, list[str]] = {}
        self._plan = plan
        self._loaded = loaded
        self._closed = dict.fromkeys(sorted(customers))

    def __missing__(self, customer: int) -> State:
        del self._closed[customer]
        loaded = self._loaded
        state = self[customer] = decode_state(loaded.states.get(customer, _EMPTY))
        if customer in loaded.stale:
            past = loaded.history.get(customer, ())
            state.counters = recount(self._plan, past, state.now)
            if customer in loaded.told:
                refold_traits(self._plan, state, loaded.told[customer])
        self.audiences[customer] = state.audiences
        return state

    def __iter__(self) -> Iterator[int]:
        """All customers; whose state nobody wanted yet are made now."""
        for customer in list(self._closed):
            self[customer]
        return super().__iter__()


_EMPTY = encode_state(State())
