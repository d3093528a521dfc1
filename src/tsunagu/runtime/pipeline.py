"""The pipeline: the stages through which a batch of one workspace's log passes, in order.

This file is the map of the system. A batch is prepared, which only reads, all in one snapshot,
and then stored in ONE transaction that holds the lease: a crash repeats the batch whole and
changes nothing twice. What a stage computes is pure (`runtime/batch.py`); the queries around
it only load the touched rows and store the changed ones, set-based. `runtime/stream.py`
prepares a batch while the one before it is stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import compress
from typing import Any

from psycopg import Connection, Cursor

from tsunagu import access, eventlog, identity, journeys, profiles, sending
from tsunagu.collect import plan as tracking
from tsunagu.core import Body, Event, Json, decode_body
from tsunagu.core.events import CONSENT_WORDS, PLATFORM_SOURCE
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import wall, zone
from tsunagu.eventlog import Lease
from tsunagu.identity import Known, Resolution
from tsunagu.journeys import Decision
from tsunagu.profiles import Absorption, Fact, Plan
from tsunagu.runtime.ahead import Read, read, snapshot
from tsunagu.runtime.batch import Changes, Loaded, advance_batch, resolve_batch
from tsunagu.runtime.desk import Desk, Overtaken, Prepared, Report
from tsunagu.runtime.parting import Rules, decide_alone
from tsunagu.runtime.reactions import reactions, spoken_of
from tsunagu.serve import definitions
from tsunagu.serve.definitions import Definitions
from tsunagu.storage import in_workspace, notify

Row = tuple[Any, ...]


def process_batch(connection: Connection[Row], desk: Desk, limit: int, timers: int) -> Report:
    """Take the next `limit` events and `timers` due customers through all stages; commit.

    Raises:
        Overtaken: another process worked in the workspace meanwhile; nothing was changed.
    """
    prepared = prepare(connection, desk, limit, timers)
    desk.keep(prepared)
    return store(connection, desk.workspace_id, prepared)


def prepare(connection: Connection[Row], desk: Desk, limit: int, timers: int) -> Prepared:
    """Read and compute the next batch; new rules are adopted first, if nothing is in flight."""
    while True:
        with snapshot(connection, desk.workspace_id) as cursor:
            tz = zone(desk.zone_name)
            current = definitions.load(cursor, desk.workspace_id, tz, desk.definitions)
            changed = current is not desk.definitions
            adopts = changed and not desk.flight
            found = None if adopts else _prepared(cursor, desk, limit, timers, last=changed)
        if isinstance(found, Prepared):
            return found
        if found is None:
            _adopt(connection, desk, current)
        else:
            _decide(connection, desk, found)


def _adopt(connection: Connection[Row], desk: Desk, current: Definitions) -> None:
    """Work by what is published now; new rules are answered for everybody, by their timers."""
    workspace, key = desk.workspace_id, current.plan.key
    with in_workspace(connection, workspace) as cursor:
        eventlog.hold_cursor(cursor, workspace, eventlog.PIPELINE)
        if eventlog.heed_plan(cursor, workspace, eventlog.PIPELINE, key):
            profiles.wake_everyone(cursor, workspace, access.business_now(cursor, workspace))
    desk.definitions = current


def _decide(connection: Connection[Row], desk: Desk, event: Event) -> None:
    """Do what an event decides that stands alone, and forget what was remembered before."""
    workspace, current = desk.workspace_id, desk.definitions
    assert current is not None
    with in_workspace(connection, workspace) as cursor:
        before = eventlog.hold_cursor(cursor, workspace, eventlog.PIPELINE)
        if before.position >= event.position:
            return
        now = access.business_now(cursor, workspace)
        decide_alone(cursor, workspace, before, event, Rules(current.plan, current.kinds, now))
        failpoint("pipeline.before_decision")
    desk.memory.forget()


def _prepared(
    cursor: Cursor[Row], desk: Desk, limit: int, timers: int, *, last: bool
) -> Prepared | Event:
    """The next batch; or its first event, if that decides alone and nothing is in flight."""
    workspace, current = desk.workspace_id, desk.definitions
    assert current is not None

    # 1. where the log goes on, and what time it is
    before = desk.standing(eventlog.cursor_stands(cursor, workspace, eventlog.PIPELINE))
    clock = access.business_now(cursor, workspace)
    goes_on = desk.memory.heed(before, current.plan.key)

    # 2. the next events, without those that came before
    batch, stored = _read(cursor, desk, before, limit, goes_on=goes_on)
    brought = desk.loaded.look(cursor, workspace, batch.events) if desk.loaded else None
    repeats = desk.memory.repeats(batch.events, stored | brought.repeats if brought else stored)
    events = [event for event in batch.events if event.position not in repeats]
    alone = next((event for event in events if identity.stands_alone(event)), None)
    if alone is not None:
        if alone is batch.events[0] and not desk.flight:
            return alone
        batch = batch.before(alone)
        repeats = {position for position in repeats if position < alone.position}
        events = [event for event in events if event.position < alone.position]
        last = True
    if desk.ahead and not last and batch.next_known_at is not None:
        desk.ahead.start(workspace, batch.upto, limit)
    bodies = [decode_body(event.body) for event in events]

    # 2b. hold them against the tracking plan; what it blocks goes no further
    checked = tracking.check(current.tracking, events, bodies) if current.tracking else None
    if checked is not None and checked.blocked:
        passed = [event.position not in checked.blocked for event in events]
        events, bodies = list(compress(events, passed)), list(compress(bodies, passed))

    # 3. identify: whom each event is about, and which customers turn out to be one
    facts, absorbed, known, resolution = _identify(cursor, desk, events, bodies)

    # 4. load the touched customers, and those whose timers are due
    closing = clock if batch.next_known_at is None else min(clock, batch.next_known_at)
    waiting = profiles.due_customers(cursor, workspace, closing, timers)
    due = desk.due(waiting, closing)
    loaded = _load(cursor, desk, current.plan, facts, absorbed, due)

    # 5. fold profiles, answer audiences, move journeys, ask the contact policy
    changes = advance_batch(current.plan, current.book, facts, absorbed, loaded, closing)

    full = len(waiting) >= timers
    return Prepared(
        before=before,
        after=Lease(batch.upto, before.epoch),
        events=batch.events,
        repeats=repeats,
        brought=brought,
        checked=checked,
        known=known,
        resolution=resolution,
        changes=changes,
        states=profiles.stored_form(changes.states),
        plan=current.plan.key,
        clock=clock,
        closed_at=None if full else closing,
        due=len(due),
        more=batch.next_known_at is not None or (full and timers > 0),
        last=last,
    )


def store(connection: Connection[Row], workspace: int, prepared: Prepared) -> Report:
    """Write what a batch changes, under the lease; commit.

    Raises:
        Overtaken: the cursor no longer stands where the batch begins, or a load was quicker.
    """
    with in_workspace(connection, workspace) as cursor:
        if eventlog.hold_cursor(cursor, workspace, eventlog.PIPELINE) != prepared.before:
            raise Overtaken("Another process works in this workspace; trying again.")
        if prepared.brought and prepared.brought.overtaken(cursor, prepared.events):
            raise Overtaken("A load has just brought events of this batch; trying again.")
        report = _stored(cursor, workspace, prepared)
        failpoint("pipeline.before_commit")
    failpoint("pipeline.after_commit")
    return report


def _stored(cursor: Cursor[Row], workspace: int, prepared: Prepared) -> Report:
    changes, repeats = prepared.changes, prepared.repeats
    after, upto = prepared.before.position, prepared.after.position

    # 6. store what changed: the log's memory, identity, profiles, audiences, consents,
    #    timeline, enrolments, ledger, outbox
    if prepared.events:
        eventlog.remember(cursor, workspace, after, upto, repeats)
        eventlog.leave_out(cursor, workspace, repeats, "repeat")
    if prepared.checked is not None:
        tracking.store_checked(cursor, workspace, prepared.checked, prepared.events)
    identity.store(cursor, workspace, prepared.resolution)
    _store_profiles(cursor, workspace, prepared)
    profiles.store_timeline(cursor, workspace, changes.facts, after, upto)
    journeys.store_enrolments(cursor, workspace, changes.moves.changed.values())
    journeys.store_steps(cursor, workspace, changes.moves.steps)
    sayings = [_saying(decision) for decision in changes.moves.decisions]
    sending.record(cursor, workspace, sayings)

    # 7. move the cursor, wake who waits, tell the log what happened
    eventlog.move_cursor(
        cursor,
        workspace,
        eventlog.PIPELINE,
        upto,
        closed_at=prepared.closed_at,
        received_at=prepared.events[-1].received_at if prepared.events else None,
    )
    refused = sum(1 for saying in sayings if saying.reason)
    if len(sayings) > refused:
        notify(cursor, "tsunagu_outbox", workspace)
    notify(cursor, "tsunagu_done", workspace)
    told = reactions(changes, identity.first_identifiers(cursor, workspace, spoken_of(changes)))
    eventlog.append(cursor, workspace, told, received_at=wall(), now=prepared.clock)

    return Report(
        events=len(prepared.events),
        repeats=len(repeats),
        timers=prepared.due,
        entered=len(changes.moves.entered),
        queued=len(sayings) - refused,
        refused=refused,
        blocked=len(prepared.checked.blocked) if prepared.checked else 0,
        flagged=len(prepared.checked.flagged) if prepared.checked else 0,
        told=len(told),
        lag=(wall() - prepared.events[0].received_at) / 1e6 if prepared.events else 0.0,
        more=prepared.more or bool(told),
    )


def _read(cursor: Cursor[Row], desk: Desk, before: Lease, limit: int, *, goes_on: bool) -> Read:
    """The next events, if possible as they were read ahead."""
    workspace, after = desk.workspace_id, before.position
    early = desk.ahead.take(workspace, after, limit) if desk.ahead and goes_on else None
    return early or read(cursor, workspace, after, limit)


def _identify(
    cursor: Cursor[Row], desk: Desk, events: Sequence[Event], bodies: Sequence[Body]
) -> tuple[list[Fact], list[Absorption], Known, Resolution]:
    workspace = desk.workspace_id
    assert desk.definitions is not None
    kinds = desk.definitions.kinds
    told = kinds.identifiers(events, bodies)
    decided = identity.decisions_of(events, bodies)
    stated = told.identifiers
    if decided:
        stated = identity.with_decided(stated, events, decided)
    if not all(stated):  # what names nobody stays in the log and the lake alone, as in a load
        named = [bool(some) for some in stated]
        events, bodies = list(compress(events, named)), list(compress(bodies, named))
        stated = [some for some in stated if some]
    known, missing = desk.memory.known({i for some in stated for i in some})
    desk.memory.settle(identity.load_known(cursor, workspace, missing), known)
    gaining = identity.gaining(stated, known)
    known.counts, uncounted = desk.memory.counts(gaining)
    known.counts |= identity.load_counts(cursor, workspace, uncounted)
    known.apart = identity.load_apart(cursor, workspace, gaining, desk.merging())
    facts, absorbed, resolution = resolve_batch(
        workspace, events, bodies, stated, known, kinds, decided
    )
    identity.note_blocked(resolution, told.blocked)
    desk.memory.pass_over(resolution)
    return facts, absorbed, known, resolution


def _load(
    cursor: Cursor[Row],
    desk: Desk,
    plan: Plan,
    facts: Sequence[Fact],
    absorbed: Sequence[Absorption],
    due: Collection[int],
) -> Loaded:
    workspace = desk.workspace_id
    touched = {fact.customer for fact in facts} | set(due)
    touched |= {customer for a in absorbed for customer in (a.loser, a.survivor)}
    states, missing = desk.memory.states(touched)
    loaded, stale = profiles.load_states(cursor, workspace, missing, plan.key)
    anew = profiles.to_refold(plan, loaded, stale)
    enrolments = journeys.load_enrolments(cursor, workspace, touched)
    return Loaded(
        states | loaded,
        desk.enrolments(enrolments, touched),
        stale,
        profiles.load_history(cursor, workspace, stale, plan.needs),
        profiles.load_told(cursor, workspace, anew),
    )


def _store_profiles(cursor: Cursor[Row], workspace: int, prepared: Prepared) -> None:
    changes = prepared.changes
    states, absorbed = changes.states, changes.absorbed
    profiles.store_merges(cursor, workspace, absorbed)
    profiles.store_states(
        cursor, workspace, states, prepared.states, changes.wakes, changes.retold, prepared.plan
    )
    profiles.store_memberships(cursor, workspace, changes.memberships, states, absorbed)
    profiles.store_consents(cursor, workspace, states, _evidence(changes))


def _evidence(changes: Changes) -> dict[int, dict[int, Json]]:
    """What the facts of the batch say of consent, per customer and position."""
    found: dict[int, dict[int, Json]] = defaultdict(dict)
    for fact in changes.facts:
        if _speaks_of_consent(fact.event):
            said = {"properties": fact.body.properties, "context": fact.body.context}
            found[fact.customer][fact.event.position] = said
    for absorption in changes.absorbed:
        found[absorption.survivor].update(found.pop(absorption.loser, {}))
    return found


def _speaks_of_consent(event: Event) -> bool:
    return event.name in CONSENT_WORDS and event.source != PLATFORM_SOURCE


def _saying(decision: Decision) -> sending.Saying:
    refused = decision.verdict.kind == "refused"
    return sending.Saying(
        send_key=decision.send_key,
        customer_id=decision.enrolment.customer_id,
        enrolment_id=decision.enrolment.enrolment_id,
        journey=decision.enrolment.journey,
        node=decision.node,
        message=decision.message,
        message_version=decision.message_version,
        channel=decision.channel,
        purpose=decision.purpose,
        address=decision.verdict.address,
        traits=decision.traits,
        expires_at=decision.expires_at,
        at=decision.at,
        position=decision.position,
        reason=decision.verdict.reason if refused else "",
        detail=decision.verdict.detail,
    )
