"""Orchestrate: the second walk, over the customers whose journeys have something to do.

It folds their facts again from the state before the batch, so that every decision sees the
customer as known at that fact, and plays the audience changes the first walk found in their
places. Enrolment timers fire between facts at their own time, audience timers first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tsunagu.journeys.advance import Book, Moves, enter, leave, on_event, on_timer
from tsunagu.journeys.models import Enrolment
from tsunagu.profiles import Absorption, Fact, MembershipChange, Plan, State, Walk

Script = Mapping[int, Sequence[Sequence[MembershipChange]]]


def concerned(
    book: Book,
    enrolments: Collection[Enrolment],
    script: Script,
    absorptions: Sequence[Absorption],
) -> set[int]:
    """The customers to walk again: enrolled ones, new members, and whom these merge with."""
    audiences = {book.journeys[n, v].entry.audience for n, v in book.published.items()}
    found = {e.customer_id for e in enrolments if e.status == "active"}
    for observations in script.values():
        for changes in observations:
            for change in changes:
                if change.entered and change.audience in audiences:
                    found.add(change.customer)
    size = -1
    while size != len(found):  # merges of merges pull each other in
        size = len(found)
        for absorption in absorptions:
            if absorption.loser in found or absorption.survivor in found:
                found |= {absorption.loser, absorption.survivor}
    return found


class JourneyWalk(Walk):
    """Moves enrolments along facts, timers and audience changes in the order of the log."""

    def __init__(
        self,
        plan: Plan,
        states: dict[int, State],
        book: Book,
        enrolments: Collection[Enrolment],
        script: Script,
        stale: Collection[int] = (),
    ) -> None:
        super().__init__(plan, states, stale)
        self.moves = Moves()
        self._book = book
        self._script = script
        self._seen: dict[int, int] = {}
        self._enrolments: dict[int, list[Enrolment]] = {customer: [] for customer in states}
        for enrolment in sorted(enrolments, key=lambda e: (e.entered_at, e.enrolment_id)):
            self._enrolments.setdefault(enrolment.customer_id, []).append(enrolment)
        self._entries: dict[str, list[str]] = {}
        for name in sorted(book.published):
            audience = book.journeys[name, book.published[name]].entry.audience
            self._entries.setdefault(audience, []).append(name)

    def fire_timers(self, customer: int, until: int) -> None:
        """Fire audience and enrolment timers due by `until` in the order of their times."""
        if self.stale:
            self.heed_new_rules(customer, until)
        state = self.states[customer]
        while True:
            due = [e for e in self._enrolments[customer] if 0 < e.wake_at <= until]
            first = min(due, key=lambda e: (e.wake_at, e.enrolment_id), default=None)
            audience = state.audience_wake if 0 < state.audience_wake <= until else 0
            if audience and (first is None or audience <= first.wake_at):
                self.observe(customer, audience, state.position)
            elif first is not None:
                state.now = max(state.now, first.wake_at)
                on_timer(self._book, self.moves, state, first, first.wake_at, state.position)
            else:
                return

    def on_observe(self, customer: int, row: list[Any], now: int, position: int) -> None:
        """Play the audience changes of this observation; new members enter journeys."""
        state = self.states[customer]
        number = self._seen.get(customer, 0)
        self._seen[customer] = number + 1
        for change in self._script[customer][number]:
            for journey in self._entries.get(change.audience, ()) if change.entered else ():
                past = self._enrolments[customer]
                enter(self._book, self.moves, state, journey, customer, past, now, position)

    def on_fact(self, fact: Fact, state: State) -> None:
        """An event may end waits and reach goals, in journeys entered before it."""
        if fact.event.type != "track":
            return
        position, name = fact.event.position, fact.event.name
        for enrolment in list(self._enrolments[fact.customer]):
            entered_here = enrolment.entered_position == position
            if enrolment.status == "active" and not entered_here:
                on_event(self._book, self.moves, state, enrolment, name, state.now, position)

    def on_absorb(self, absorption: Absorption, now: int) -> None:
        """Enrolments follow the customer; of two in one journey the later one leaves."""
        kept = self._enrolments[absorption.survivor]
        for enrolment in self._enrolments.pop(absorption.loser, []):
            enrolment.customer_id = absorption.survivor
            self.moves.changed[enrolment.enrolment_id] = enrolment
            kept.append(enrolment)
        kept.sort(key=lambda e: (e.entered_at, e.enrolment_id))
        running: set[str] = set()
        for enrolment in kept:
            if enrolment.status != "active":
                continue
            if enrolment.journey in running:
                leave(self.moves, enrolment, "merged", now, absorption.position)
            running.add(enrolment.journey)

    def next_wake(self, customer: int) -> int:
        """The customer's next timer of either kind; 0 is never."""
        wakes = [e.wake_at for e in self._enrolments[customer] if e.wake_at]
        if self.states[customer].audience_wake:
            wakes.append(self.states[customer].audience_wake)
        return min(wakes, default=0)
