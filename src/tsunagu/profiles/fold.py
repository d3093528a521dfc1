"""The fold: what one event changes in one customer's state.

`now` is when the business learned of the fact and never runs backwards for a customer; the
event's own time decides which of two values of a trait is newer.
"""

from __future__ import annotations

from tsunagu.core import Body, Event, Json
from tsunagu.core.events import CONSENT_WORDS
from tsunagu.profiles.features import Plan, count_event
from tsunagu.profiles.state import Consent, State, choose, tell_source
from tsunagu.profiles.survivorship import Candidate

MAX_TRAITS = 500


def fold_event(plan: Plan, state: State, event: Event, body: Body) -> bool:
    """Apply one event in place; True when an audience's answer might have changed."""
    state.now = max(state.now, event.known_at)
    state.first_seen = min(state.first_seen or event.at, event.at)
    state.last_seen = max(state.last_seen, event.at)
    state.events += 1
    state.position = max(state.position, event.position)
    if event.type == "identify":
        return fold_traits(plan, state, body.traits, event.at, event.position, event.source)
    if event.type != "track":
        return False
    if event.name in CONSENT_WORDS:
        _fold_consent(state, event, body.properties)
    return count_event(plan, state, event.name, body.properties, min(event.at, state.now))


def fold_traits(
    plan: Plan, state: State, values: Json, at: int, position: int, source: str
) -> bool:
    """Fold what one event says of traits, in place.

    Args:
        at: the event's own time, in microseconds.
        position: its place in the log.
        source: who sent it.

    Returns:
        Whether a trait that a rule looks at may have another value now.
    """
    if not plan.survivorship.plain:
        return _fold_by_rules(plan, state, values, at, position, source)
    traits, watched = state.traits, plan.traits
    changed, told = False, 0
    for name, value in values.items():
        held = traits.get(name)
        if held is None:
            if len(traits) >= MAX_TRAITS:
                continue
        else:
            _, time, place = held
            if time > at or (time == at and place >= position):
                continue
        traits[name] = (value, at, position)
        told += 1
        if not changed and name in watched:
            changed = True
    if not told:
        return False
    if told == len(traits):
        state.sources = {position: source}
    else:
        tell_source(state, position, source)
    return changed


def _fold_by_rules(
    plan: Plan, state: State, values: Json, at: int, position: int, source: str
) -> bool:
    changed = told = False
    for name, value in values.items():
        held = state.traits.get(name)
        if held is None and len(state.traits) >= MAX_TRAITS:
            continue
        rule = plan.survivorship.rule_of(name)
        if rule is not None:
            said = [Candidate(value, source, at, at, position, 1)]
            if choose(state, name, rule, said) and name in plan.traits:
                changed = True
        elif held is None or (held[1], held[2]) < (at, position):
            state.traits[name] = (value, at, position)
            told = True
            changed = changed or name in plan.traits
    if told:
        tell_source(state, position, source)
    return changed


def consent_key(channel: str, purpose: str) -> str:
    """How a state names one consent."""
    return f"{channel}/{purpose}"


def _fold_consent(state: State, event: Event, properties: Json) -> None:
    channel, purpose = properties.get("channel"), properties.get("purpose")
    if not isinstance(channel, str) or not isinstance(purpose, str):
        return
    key = consent_key(channel, purpose)
    held = state.consents.get(key)
    if held is None or (held.at, held.position) < (event.at, event.position):
        state.consents[key] = Consent(CONSENT_WORDS[event.name], event.at, event.position)
