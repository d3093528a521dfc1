"""Folding a batch of the log into a shadow: the pipeline's pure functions, and no journeys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import compress, groupby

from psycopg import Cursor

from tsunagu import identity, profiles
from tsunagu.core import Event, Json, decode_body
from tsunagu.core.events import CONSENT_WORDS, IDENTITY_KEPT_APART, PLATFORM_SOURCE
from tsunagu.decisions import Policy
from tsunagu.identity import Kinds
from tsunagu.journeys import Book
from tsunagu.profiles import Absorption, Fact, Plan
from tsunagu.runtime.batch import Changes, Loaded, advance_batch, resolve_batch
from tsunagu.runtime.replay import queries
from tsunagu.runtime.replay.models import Replay
from tsunagu.runtime.replay.source import Cut
from tsunagu.storage import Row

_TIMERS = 2_000
# No journey is published: nothing is entered, decided or sent.
_NO_JOURNEYS = Book({}, {}, {}, Policy())


def fold_cut(cursor: Cursor[Row], replay: Replay, plan: Plan, kinds: Kinds, cut: Cut) -> None:
    """Fold one batch, in the caller's transaction."""
    queries.note_read(cursor, replay, cut.low, cut.high, len(cut.events))
    if not cut.events:
        return
    parts = list(_parts(cut.events))
    starts = [*(part[0].known_at for part in parts[1:]), cut.next_known_at]
    for events, following in zip(parts, starts, strict=True):
        if identity.stands_alone(events[0]):
            _keep_apart(cursor, replay, events[0])
        else:
            _fold(cursor, replay, plan, kinds, events, following)


def _parts(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """The events, each that decides alone by itself, as the pipeline takes them."""
    for alone, some in groupby(events, identity.stands_alone):
        if alone:
            yield from ([event] for event in some)
        else:
            yield list(some)


def _keep_apart(cursor: Cursor[Row], replay: Replay, event: Event) -> None:
    """Note who is kept apart; partings are not followed, and the swap is refused for them."""
    decision = identity.decision_of(event, decode_body(event.body))
    if decision is not None and event.name == IDENTITY_KEPT_APART:
        identity.keep_apart(cursor, replay.shadow, event, decision)


def _fold(
    cursor: Cursor[Row],
    replay: Replay,
    plan: Plan,
    kinds: Kinds,
    events: Sequence[Event],
    next_known_at: int | None,
) -> None:
    facts, absorbed = _identify(cursor, replay, kinds, events)
    touched = {fact.customer for fact in facts}
    touched |= {customer for a in absorbed for customer in (a.loser, a.survivor)}
    states, _ = profiles.load_states(cursor, replay.shadow, touched, plan.key)
    last = events[-1].known_at
    closing = last if next_known_at is None else min(last, next_known_at)
    changes = advance_batch(plan, _NO_JOURNEYS, facts, absorbed, Loaded(states), closing)
    _store(cursor, replay, plan, changes)
    queries.note_owners(cursor, replay, ((f.event.position, f.customer) for f in facts))


def fire_timers(cursor: Cursor[Row], replay: Replay, plan: Plan, until: int) -> bool:
    """Let some of the timers due by a time fire; True while there are more."""
    due = profiles.due_customers(cursor, replay.shadow, until, _TIMERS)
    if due:
        states, _ = profiles.load_states(cursor, replay.shadow, due, plan.key)
        changes = advance_batch(plan, _NO_JOURNEYS, (), (), Loaded(states), until)
        _store(cursor, replay, plan, changes)
    return len(due) == _TIMERS


def _identify(
    cursor: Cursor[Row], replay: Replay, kinds: Kinds, events: Sequence[Event]
) -> tuple[Sequence[Fact], Sequence[Absorption]]:
    bodies = [decode_body(event.body) for event in events]
    told = kinds.identifiers(events, bodies).identifiers
    decided = identity.decisions_of(events, bodies)
    if decided:
        told = identity.with_decided(told, events, decided)
    named = [bool(some) for some in told]
    events, bodies = list(compress(events, named)), list(compress(bodies, named))
    stated = [some for some in told if some]
    known = identity.load_known(cursor, replay.shadow, {i for some in stated for i in some})
    gaining = identity.gaining(stated, known)
    known.counts = identity.load_counts(cursor, replay.shadow, gaining)
    known.apart = identity.load_apart(cursor, replay.shadow, gaining)
    # Customers' numbers come from the workspace's own, so that they are those that are live.
    facts, absorbed, resolution = resolve_batch(
        replay.workspace_id, events, bodies, stated, known, kinds, decided
    )
    resolution.held.clear()  # what was held back is there to be read, and was noted live
    identity.store(cursor, replay.shadow, resolution)
    return facts, absorbed


def _store(cursor: Cursor[Row], replay: Replay, plan: Plan, changes: Changes) -> None:
    side = replay.shadow
    states, absorbed = changes.states, changes.absorbed
    profiles.store_merges(cursor, side, absorbed)
    stored = profiles.stored_form(states)
    profiles.store_states(cursor, side, states, stored, changes.wakes, changes.retold, plan.key)
    profiles.store_memberships(cursor, side, changes.memberships, states, absorbed)
    profiles.store_consents(cursor, side, states, _evidence(changes))


def _evidence(changes: Changes) -> dict[int, dict[int, Json]]:
    found: dict[int, dict[int, Json]] = defaultdict(dict)
    for fact in changes.facts:
        if fact.event.name in CONSENT_WORDS and fact.event.source != PLATFORM_SOURCE:
            said = {"properties": fact.body.properties, "context": fact.body.context}
            found[fact.customer][fact.event.position] = said
    for absorption in changes.absorbed:
        found[absorption.survivor].update(found.pop(absorption.loser, {}))
    return found
