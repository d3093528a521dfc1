"""A state parted in two: both sides folded anew from what was theirs.

Traits, counters and times are what they would be had the two never been one. Consent is not
widened: where the whole had withdrawn it, both sides have, until the customer speaks. What was
sent counts for both, so that nobody hears more often for having been parted.
"""

from __future__ import annotations

from collections.abc import Sequence

from tsunagu.core import Event, decode_body
from tsunagu.core.events import OWN_SOURCES
from tsunagu.profiles.features import Plan
from tsunagu.profiles.fold import fold_event
from tsunagu.profiles.state import Consent, State


def part_state(
    plan: Plan, whole: State, stays: Sequence[Event], leaves: Sequence[Event]
) -> tuple[State, State]:
    """The states of both sides.

    Args:
        whole: the state of the one customer before.
        stays, leaves: each side's rows of the timeline, in log order.
    """
    known = {event.position for event in (*stays, *leaves)}
    sides = _folded(plan, whole, stays), _folded(plan, whole, leaves)
    stay, leave = sides
    # What was said before the timeline begins, nobody can tell apart; it stays.
    for name, said in whole.traits.items():
        if said[2] not in known and name not in stay.traits:
            stay.traits[name] = said
    for key, held in whole.consents.items():
        if not held.granted:
            for side in sides:
                said = side.consents.get(key, held)
                side.consents[key] = Consent(False, said.at, said.position)
        elif held.position not in known and key not in stay.consents:
            stay.consents[key] = held
    stay.audiences = list(whole.audiences)
    return stay, leave


def _folded(plan: Plan, whole: State, events: Sequence[Event]) -> State:
    state = State({}, {}, {}, list(whole.sends), [], sources={}, candidates={})
    state.now = whole.now
    for event in events:
        if event.source not in OWN_SOURCES:
            fold_event(plan, state, event, decode_body(event.body))
    state.position = max((event.position for event in events), default=whole.position)
    return state
