"""The walk: a batch's facts in log order, with merges and due timers in their places.

Each customer's timers due by a fact fire before it, at their own time, and a merge happens
just before the event that proved it. So the sequence of observations of a customer depends
on the log alone. The walk runs twice: once over everybody to observe what audiences see, and
once more, with the answers, over the few customers whose journeys have something to do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import compress
from typing import Any, NamedTuple

from tsunagu.core import Body, Event
from tsunagu.core.events import DECISION_SOURCE
from tsunagu.core.rules import evaluate
from tsunagu.profiles.features import Plan
from tsunagu.profiles.fold import fold_event
from tsunagu.profiles.sight import Sight
from tsunagu.profiles.state import State, merge_states


@dataclass(frozen=True, slots=True)
class Fact:
    """One event of the batch with its body and the customer it belongs to at that point."""

    event: Event
    body: Body
    customer: int


@dataclass(frozen=True, slots=True)
class Absorption:
    """`loser` merges into `survivor` just before the fact at `position`."""

    loser: int
    survivor: int
    position: int


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """A customer enters or leaves an audience."""

    customer: int
    audience: str
    entered: bool
    now: int
    position: int


class Walk:
    """Folds facts into states; a subclass says what an observation and a fact mean.

    `stale` customers were last answered by other rules: they are observed at their first turn.
    """

    def __init__(self, plan: Plan, states: dict[int, State], stale: Collection[int] = ()) -> None:
        self.plan = plan
        self.states = states
        self.stale = set(stale)
        self._sight = Sight(plan)

    def run(self, facts: Sequence[Fact], absorptions: Sequence[Absorption], closing: int) -> None:
        """Walk the facts, then fire the timers due by `closing` of every loaded customer."""
        by_position: dict[int, list[Absorption]] = {}
        for absorption in absorptions:
            by_position.setdefault(absorption.position, []).append(absorption)
        for fact in facts:
            for absorption in by_position.get(fact.event.position, ()):
                self._absorb(absorption, fact.event.known_at)
            # A decision joins customers, and is nothing that they did.
            if fact.event.source != DECISION_SOURCE:
                self._fact(fact)
        for customer in list(self.states):
            self.fire_timers(customer, closing)

    def _fact(self, fact: Fact) -> None:
        state = self.states[fact.customer]
        self.fire_timers(fact.customer, max(state.now, fact.event.known_at))
        changed = fold_event(self.plan, state, fact.event, fact.body)
        if changed or state.events == 1:
            self.observe(fact.customer, state.now, fact.event.position)
        self.on_fact(fact, state)

    def _absorb(self, absorption: Absorption, known_at: int) -> None:
        loser, survivor = absorption.loser, absorption.survivor
        now = max(known_at, self.states[loser].now, self.states[survivor].now)
        self.fire_timers(survivor, now)
        self.fire_timers(loser, now)
        merged = merge_states(self.states[survivor], self.states.pop(loser), self.plan.survivorship)
        merged.now = now
        self.states[survivor] = merged
        self.on_absorb(absorption, now)
        self.observe(survivor, now, absorption.position)

    def fire_timers(self, customer: int, until: int) -> None:
        """Fire the audience timers of one customer due by `until`, in order."""
        if self.stale:
            self.heed_new_rules(customer, until)
        state = self.states[customer]
        while 0 < state.audience_wake <= until:
            self.observe(customer, state.audience_wake, state.position)

    def heed_new_rules(self, customer: int, until: int) -> None:
        """Answer the audiences anew for a customer who was last asked by other rules."""
        if customer in self.stale:
            self.stale.discard(customer)
            state = self.states[customer]
            self.observe(customer, max(state.now, until), state.position)

    def observe(self, customer: int, now: int, position: int) -> None:
        """Take notice that an answer may have changed at `now`."""
        state = self.states[customer]
        state.now = max(state.now, now)
        row, state.audience_wake = self._sight.look(state, now)
        self.on_observe(customer, row, now, position)

    def on_observe(self, customer: int, row: list[Any], now: int, position: int) -> None:
        """An audience's answer for the customer may have changed; `row` is what the rules see."""

    def on_absorb(self, absorption: Absorption, now: int) -> None:
        """Two customers became one."""

    def on_fact(self, fact: Fact, state: State) -> None:
        """A fact was folded."""


class _Observation(NamedTuple):
    customer: int
    now: int
    position: int
    absorbed: int | None


class ObservingWalk(Walk):
    """The first walk: folds everybody, takes a feature row at each observation."""

    def __init__(self, plan: Plan, states: dict[int, State], stale: Collection[int] = ()) -> None:
        super().__init__(plan, states, stale)
        self._rows: list[list[Any]] = []
        self._observations: list[_Observation] = []
        self._absorbed: int | None = None

    def on_observe(self, customer: int, row: list[Any], now: int, position: int) -> None:
        """Take the customer's row."""
        self._rows.append(row)
        self._observations.append(_Observation(customer, now, position, self._absorbed))
        self._absorbed = None

    def on_absorb(self, absorption: Absorption, now: int) -> None:
        """Remember whose memberships the next observation takes over."""
        self._absorbed = absorption.loser

    def answer(
        self, before: Mapping[int, Collection[str]]
    ) -> tuple[dict[int, AbstractSet[str]], dict[int, list[Sequence[MembershipChange]]]]:
        """Evaluate all rules over all rows at once.

        Args:
            before: the audiences each customer was in before the batch.

        Returns:
            The audiences of those for whom they changed, and per customer the changes at each
            observation.
        """
        rules = self.plan.rules
        members: dict[int, AbstractSet[str]] = {}
        script: dict[int, list[Sequence[MembershipChange]]] = {}
        for seen, now_in in zip(self._observations, self._evaluate(), strict=True):
            customer = seen.customer
            inside = members[customer] if customer in members else set(before.get(customer, ()))
            if (loser := seen.absorbed) is not None:
                inside = inside | (members.pop(loser) if loser in members else set(before[loser]))
                members[customer] = inside
            changes: Sequence[MembershipChange] = ()
            if now_in != inside:
                changes = [
                    MembershipChange(customer, name, name in now_in, seen.now, seen.position)
                    for name in rules
                    if (name in now_in) != (name in inside)
                ]
                members[customer] = (inside - rules.keys()) | now_in
            script.setdefault(customer, []).append(changes)
        return members, script

    def _evaluate(self) -> list[AbstractSet[str]]:
        """The audiences that each observed row belongs to; few combinations are ever met."""
        if not self._rows or not self.plan.rules:
            return [frozenset[str]()] * len(self._rows)
        columns = dict(
            zip(self.plan.columns, map(list, zip(*self._rows, strict=True)), strict=True)
        )
        answers = evaluate(self.plan.rules, columns)
        names = list(answers)
        met: dict[tuple[bool, ...], frozenset[str]] = {}
        found: list[AbstractSet[str]] = []
        for row in zip(*answers.values(), strict=True):
            inside = met.get(row)
            if inside is None:
                inside = met[row] = frozenset(compress(names, row))
            found.append(inside)
        return found
