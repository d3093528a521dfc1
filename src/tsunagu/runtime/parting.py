"""Decisions that stand alone in their batch: to keep two apart, and to part one in two.

They change who is who for everything after them, so nothing may be in flight. It is one
transaction under the pipeline's lease: a crash repeats it whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import Cursor

from tsunagu import eventlog, identity, profiles
from tsunagu.core import Event, decode_body
from tsunagu.core.events import IDENTITY_PARTED
from tsunagu.eventlog import Lease
from tsunagu.identity import Decision, Identifier, Kinds, Parted
from tsunagu.profiles import Lived, Plan, State
from tsunagu.storage import Row, notify

_ANOTHER_PLAN = ""


@dataclass(frozen=True)
class Rules:
    """By what a parted customer is folded and their rows are told apart, and the time it is."""

    plan: Plan
    kinds: Kinds
    now: int


def decide_alone(
    cursor: Cursor[Row], workspace_id: int, before: Lease, event: Event, rules: Rules
) -> None:
    """Do what an event decides, and move the pipeline's cursor behind it.

    Args:
        before: where the pipeline stands; the event is the next one.
    """
    decision = identity.decision_of(event, decode_body(event.body))
    if decision is not None and event.name == IDENTITY_PARTED:
        parted = identity.part(cursor, workspace_id, event, decision)
        if parted is not None:
            _part_profile(cursor, workspace_id, parted, rules)
    elif decision is not None:
        identity.keep_apart(cursor, workspace_id, event, decision)
    eventlog.remember(cursor, workspace_id, before.position, event.position, ())
    profiles.store_timeline(cursor, workspace_id, (), before.position, event.position)
    eventlog.move_cursor(
        cursor,
        workspace_id,
        eventlog.PIPELINE,
        event.position,
        closed_at=None,
        received_at=event.received_at,
    )
    eventlog.disturb(cursor, workspace_id)
    notify(cursor, "tsunagu_done", workspace_id)


def _part_profile(cursor: Cursor[Row], workspace_id: int, parted: Parted, rules: Rules) -> None:
    """Fold both sides anew from the timeline; their audiences are answered anew by their timers."""
    customer, other = parted.customer, parted.other
    rows = profiles.lived_by(cursor, workspace_id, list(parted.family))
    side = {lived.event.position: _side(lived, parted, rules.kinds) for lived in rows}
    leaves = [lived.event for lived in rows if side[lived.event.position] == other]
    stays = [lived.event for lived in rows if side[lived.event.position] == customer]
    stored, _ = profiles.load_states(cursor, workspace_id, [customer], rules.plan.key)
    whole = profiles.decode_state(stored[customer]) if customer in stored else State()
    stay, leave = profiles.part_state(rules.plan, whole, stays, leaves)
    states = {customer: stay, other: leave}
    profiles.move_rows(cursor, workspace_id, [event.position for event in leaves], other)
    strayed = [
        lived.event.position
        for lived in rows
        if side[lived.event.position] == customer and parted.family[lived.customer] == other
    ]
    profiles.move_rows(cursor, workspace_id, strayed, customer)
    profiles.store_states(
        cursor,
        workspace_id,
        states,
        profiles.stored_form(states),
        dict.fromkeys(states, rules.now),
        states.keys(),
        _ANOTHER_PLAN,
    )
    words = {c: _words(state) for c, state in states.items()}
    profiles.part_consents(cursor, workspace_id, customer, other, words)


def _words(state: State) -> Mapping[str, bool]:
    return {key: consent.granted for key, consent in state.consents.items()}


def _side(lived: Lived, parted: Parted, kinds: Kinds) -> int:
    """Whose a row is: by its strongest identifier that is on a side, else by where it lies."""
    event = lived.event
    for identifier in _named(event, kinds):
        if identifier in parted.moved:
            return parted.other
        if identifier in parted.stayed:
            return parted.customer
    return parted.family[lived.customer]


def _named(event: Event, kinds: Kinds) -> list[Identifier]:
    body = decode_body(event.body)
    if identity.is_decision(event):
        decision: Decision | None = identity.decision_of(event, body)
        return [] if decision is None else [decision.right]
    return kinds.identifiers_of(event, body)
