"""The pipeline: the stages through which a batch of one workspace's log passes, in order.

This file is the map of the system. Everything happens in ONE transaction: a crash repeats the
batch whole and changes nothing twice. What a stage computes is pure (`runtime/batch.py`); the
queries around it only load the touched rows and store the changed ones, set-based.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, Cursor

from tsunagu import access, eventlog, identity, journeys, profiles, sending
from tsunagu.core import Event, Json, decode_body
from tsunagu.core.events import CONSENT_WORDS, PLATFORM_SOURCE
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import wall, zone
from tsunagu.eventlog import Lease
from tsunagu.identity import Known, Resolution
from tsunagu.journeys import Decision
from tsunagu.profiles import Absorption, Fact, Plan
from tsunagu.runtime.batch import Changes, Loaded, advance_batch, resolve_batch
from tsunagu.runtime.memory import Memory
from tsunagu.runtime.reactions import reactions, spoken_of
from tsunagu.serve import definitions
from tsunagu.serve.definitions import Definitions
from tsunagu.storage import in_workspace, notify

Row = tuple[Any, ...]

BATCH = 5_000
TIMERS = 2_000


@dataclass(frozen=True)
class Report:
    """What one batch did: how many events, repeats, timers, moves, sends and refusals.

    `lag` is the age of its oldest event in seconds, `more` whether work is left at once.
    """

    events: int
    repeats: int
    timers: int
    entered: int
    queued: int
    refused: int
    lag: float
    more: bool


@dataclass
class Desk:
    """One workspace as the pipeline sees it, kept between batches.

    `limit` is how many events it dares at once: halved after failures, doubled after success.
    `rests_until` is when to try again a workspace in which nothing works.
    """

    workspace_id: int
    zone_name: str
    driven: bool = False
    definitions: Definitions | None = None
    limit: int = BATCH
    rests_until: int = 0
    memory: Memory = field(default_factory=Memory)

    def forget(self) -> None:
        """Load everything anew: a batch failed, and what was remembered may be wrong."""
        self.definitions = None
        self.memory.forget()


@dataclass(frozen=True)
class _Done:
    """A batch that is stored but not committed: its report, and what to remember of it."""

    report: Report
    lease: Lease
    known: Known
    resolution: Resolution
    states: dict[int, bytes]


def process_batch(connection: Connection[Row], desk: Desk, limit: int, timers: int) -> Report:
    """Take the next `limit` events and `timers` due customers through all stages; commit."""
    with in_workspace(connection, desk.workspace_id) as cursor:
        done = _stages(cursor, desk, limit, timers)
        failpoint("pipeline.before_commit")
    desk.memory.keep(done.lease, done.known, done.resolution, done.states)
    failpoint("pipeline.after_commit")
    return done.report


def _stages(cursor: Cursor[Row], desk: Desk, limit: int, timers: int) -> _Done:
    workspace = desk.workspace_id

    # 1. the lease, the clock and what is published
    lease = eventlog.hold_cursor(cursor, workspace, eventlog.PIPELINE)
    after = lease.position
    clock = access.business_now(cursor, workspace)
    current = _definitions(cursor, desk, clock)
    desk.memory.heed(lease, current.plan.key)

    # 2. the next events, without those that came before
    batch = eventlog.read_batch(cursor, workspace, after, limit)
    repeats = _repeats(cursor, workspace, after, batch)

    # 3. identify: whom each event is about, and which customers turn out to be one
    events = [event for event in batch.events if event.position not in repeats]
    facts, absorbed, known, resolution = _identify(cursor, desk, events)

    # 4. load the touched customers, and those whose timers are due
    closing = clock if batch.next_known_at is None else min(clock, batch.next_known_at)
    due = profiles.due_customers(cursor, workspace, closing, timers)
    loaded = _load(cursor, desk, current.plan, facts, absorbed, due)

    # 5. fold profiles, answer audiences, move journeys, ask the contact policy
    changes = advance_batch(current.plan, current.book, facts, absorbed, loaded, closing)

    # 6. store what changed: profiles, audiences, consents, timeline, enrolments, ledger, outbox
    states = _store_profiles(cursor, workspace, changes, current.plan.key)
    profiles.store_timeline(cursor, workspace, changes.facts, after, batch.upto)
    journeys.store_enrolments(cursor, workspace, changes.moves.changed.values())
    journeys.store_steps(cursor, workspace, changes.moves.steps)
    sayings = [_saying(decision) for decision in changes.moves.decisions]
    sending.record(cursor, workspace, sayings)

    # 7. move the cursor, wake who waits, tell the log what happened
    eventlog.move_cursor(
        cursor,
        workspace,
        eventlog.PIPELINE,
        batch.upto,
        closed_at=closing if len(due) < timers else None,
        received_at=batch.events[-1].received_at if batch.events else None,
    )
    refused = sum(1 for saying in sayings if saying.reason)
    if len(sayings) > refused:
        notify(cursor, "tsunagu_outbox", workspace)
    notify(cursor, "tsunagu_done", workspace)
    told = reactions(changes, identity.first_identifiers(cursor, workspace, spoken_of(changes)))
    eventlog.append(cursor, workspace, told, received_at=wall(), now=clock)

    report = Report(
        events=len(batch.events),
        repeats=len(repeats),
        timers=len(due),
        entered=len(changes.moves.entered),
        queued=len(sayings) - refused,
        refused=refused,
        lag=(wall() - batch.events[0].received_at) / 1e6 if batch.events else 0.0,
        more=batch.next_known_at is not None or len(due) >= timers > 0 or bool(told),
    )
    return _Done(report, Lease(batch.upto, lease.epoch), known, resolution, states)


def _definitions(cursor: Cursor[Row], desk: Desk, clock: int) -> Definitions:
    """What is published now; new rules are answered for everybody, a few timers at a time."""
    current = definitions.load(cursor, desk.workspace_id, zone(desk.zone_name), desk.definitions)
    if current is not desk.definitions:
        desk.definitions = current
        workspace, key = desk.workspace_id, current.plan.key
        if eventlog.heed_plan(cursor, workspace, eventlog.PIPELINE, key):
            profiles.wake_everyone(cursor, workspace, clock)
    return current


def _repeats(cursor: Cursor[Row], workspace: int, after: int, batch: eventlog.Batch) -> set[int]:
    if not batch.events:
        return set()
    repeats = eventlog.remember(cursor, workspace, after, batch.upto)
    if repeats:
        eventlog.leave_out(cursor, workspace, repeats, "repeat")
    return repeats


def _identify(
    cursor: Cursor[Row], desk: Desk, events: Sequence[Event]
) -> tuple[list[Fact], list[Absorption], Known, Resolution]:
    workspace = desk.workspace_id
    bodies = [decode_body(event.body) for event in events]
    stated = [identity.identifiers_of(*pair) for pair in zip(events, bodies, strict=True)]
    known, missing = desk.memory.known({i for some in stated for i in some})
    identity.load_known(cursor, workspace, missing, known)
    facts, absorbed, resolution = resolve_batch(workspace, events, bodies, stated, known)
    identity.store(cursor, workspace, resolution, desk.memory.edges)
    return facts, absorbed, known, resolution


def _load(
    cursor: Cursor[Row],
    desk: Desk,
    plan: Plan,
    facts: Sequence[Fact],
    absorbed: Sequence[Absorption],
    due: Sequence[int],
) -> Loaded:
    workspace = desk.workspace_id
    touched = {fact.customer for fact in facts} | set(due)
    touched |= {customer for a in absorbed for customer in (a.loser, a.survivor)}
    states, missing = desk.memory.states(touched)
    loaded, stale = profiles.load_states(cursor, workspace, missing, plan.key)
    return Loaded(
        states | loaded,
        journeys.load_enrolments(cursor, workspace, touched),
        stale,
        profiles.load_history(cursor, workspace, stale, plan.needs),
    )


def _store_profiles(
    cursor: Cursor[Row], workspace: int, changes: Changes, plan: str
) -> dict[int, bytes]:
    retold = {f.customer for f in changes.facts if f.event.type == "identify"}
    retold |= {a.survivor for a in changes.absorbed}
    states, absorbed = changes.states, changes.absorbed
    profiles.store_merges(cursor, workspace, absorbed)
    stored = profiles.store_states(cursor, workspace, states, changes.wakes, retold, plan)
    profiles.store_memberships(cursor, workspace, changes.memberships, states, absorbed)
    profiles.store_consents(cursor, workspace, states, _evidence(changes))
    return stored


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
