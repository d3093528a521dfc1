"""Advance: how enrolments move, as pure functions over a customer's state.

Nothing here reads a clock, a database or a generator: `now` comes with the fact or timer that
moves the enrolment, chance is a hash of names. So a crash, another cut of the log and a
simulation all give the same moves, and each message has one key for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tsunagu.content import Message
from tsunagu.core import chance, stable_id
from tsunagu.core.times import parse_duration
from tsunagu.decisions import Policy, Verdict, check
from tsunagu.journeys.models import HOLDOUT_NODE, Enrolment, Journey, Send, Wait
from tsunagu.profiles import State


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an enrolment's history."""

    enrolment_id: int
    step: int
    journey: str
    customer_id: int
    node: str
    outcome: str
    at: int
    position: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The policy's final word on one message of one enrolment."""

    send_key: str
    enrolment: Enrolment
    node: str
    message: str
    message_version: int
    channel: str
    purpose: str
    verdict: Verdict
    traits: dict[str, Any]
    expires_at: int
    at: int
    position: int


@dataclass
class Book:
    """Published definitions, by name and version where versions matter."""

    journeys: Mapping[tuple[str, int], Journey]
    published: Mapping[str, int]
    messages: Mapping[str, tuple[int, Message]]
    policy: Policy


@dataclass
class Moves:
    """What advancing a batch produced."""

    changed: dict[int, Enrolment] = field(default_factory=dict[int, Enrolment])
    steps: list[Step] = field(default_factory=list[Step])
    decisions: list[Decision] = field(default_factory=list[Decision])
    entered: list[Enrolment] = field(default_factory=list[Enrolment])
    ended: list[Enrolment] = field(default_factory=list[Enrolment])


def enter(
    book: Book,
    moves: Moves,
    state: State,
    name: str,
    customer: int,
    past: list[Enrolment],
    now: int,
    position: int,
) -> Enrolment | None:
    """Enrol a customer who joined the journey's audience, or None when re-entry forbids it."""
    version = book.published[name]
    journey = book.journeys[name, version]
    earlier = [e for e in past if e.journey == name]
    if earlier and not _may_reenter(journey, earlier, now):
        return None
    held_out = chance("holdout", name, customer) < journey.holdout
    enrolment = Enrolment(
        # With its time: of a customer who was parted, an earlier one may have gone to the other.
        stable_id("enrolment", name, customer, len(earlier) + 1, now),
        name,
        version,
        customer,
        len(earlier) + 1,
        "holdout" if held_out else "treated",
        HOLDOUT_NODE if held_out else journey.start,
        "active",
        now,
        position,
        now,
    )
    past.append(enrolment)
    moves.entered.append(enrolment)
    moves.changed[enrolment.enrolment_id] = enrolment
    _note(moves, enrolment, "entered", now, position)
    if held_out:
        enrolment.wake_at = goal_end(journey, enrolment)
    else:
        _run(book, moves, state, enrolment, now, position)
    return enrolment


def _may_reenter(journey: Journey, earlier: list[Enrolment], now: int) -> bool:
    if journey.reentry_after is None or any(e.status == "active" for e in earlier):
        return False
    return now >= max(e.entered_at for e in earlier) + parse_duration(journey.reentry_after)


def goal_end(journey: Journey, enrolment: Enrolment) -> int:
    """When the goal can no longer be reached."""
    return enrolment.entered_at + parse_duration(journey.goal.within)


def on_event(
    book: Book, moves: Moves, state: State, enrolment: Enrolment, name: str, now: int, position: int
) -> None:
    """An event of the enrolled customer: it may reach the goal and end a wait."""
    journey = book.journeys[enrolment.journey, enrolment.version]
    moves.changed[enrolment.enrolment_id] = enrolment
    reached = name == journey.goal.event and now < goal_end(journey, enrolment)
    if reached and not enrolment.goal_at:
        enrolment.goal_at = now
        _note(moves, enrolment, "goal", now, position)
    node = journey.nodes.get(enrolment.node)
    if isinstance(node, Wait) and node.event == name and node.then is not None:
        _note(moves, enrolment, f"event: {name}", now, position)
        _go(enrolment, node.then, now)
        _run(book, moves, state, enrolment, now, position)
    elif enrolment.goal_at and not isinstance(node, Wait | Send):
        _end(moves, enrolment, "completed", "goal", now)


def on_timer(
    book: Book, moves: Moves, state: State, enrolment: Enrolment, now: int, position: int
) -> None:
    """The enrolment's own timer is due: a wait ran out, quiet hours ended, the goal closed."""
    journey = book.journeys[enrolment.journey, enrolment.version]
    moves.changed[enrolment.enrolment_id] = enrolment
    enrolment.wake_at = 0
    node = journey.nodes.get(enrolment.node)
    if isinstance(node, Wait):
        _note(moves, enrolment, "time passed", now, position)
        _go(enrolment, node.otherwise, now)
        _run(book, moves, state, enrolment, now, position)
    elif isinstance(node, Send):
        _run(book, moves, state, enrolment, now, position)
    else:
        _end(moves, enrolment, "completed", "goal" if enrolment.goal_at else "no goal", now)


def leave(moves: Moves, enrolment: Enrolment, reason: str, now: int, position: int) -> None:
    """Take an enrolment out of its journey, wherever it stands."""
    moves.changed[enrolment.enrolment_id] = enrolment
    _note(moves, enrolment, f"left: {reason}", now, position)
    _end(moves, enrolment, "exited", reason, now)


def _run(
    book: Book, moves: Moves, state: State, enrolment: Enrolment, now: int, position: int
) -> None:
    journey = book.journeys[enrolment.journey, enrolment.version]
    while enrolment.status == "active":
        node = journey.nodes[enrolment.node]
        if isinstance(node, Send):
            if not _send(book, moves, state, enrolment, node, now, position):
                return
            _go(enrolment, node.next, now)
        elif isinstance(node, Wait):
            enrolment.wake_at = enrolment.node_since + parse_duration(node.within)
            return
        elif enrolment.goal_at or now >= goal_end(journey, enrolment):
            reason = "goal" if enrolment.goal_at else "no goal"
            _end(moves, enrolment, "completed", reason, now)
        else:  # the way is over; the goal may still be reached
            enrolment.wake_at = goal_end(journey, enrolment)
            return


def _send(
    book: Book,
    moves: Moves,
    state: State,
    enrolment: Enrolment,
    node: Send,
    now: int,
    position: int,
) -> bool:
    """Ask the policy; False when the enrolment has to wait at this node."""
    version, message = book.messages[node.message]
    verdict = check(book.policy, state, message.channel, message.purpose, now)
    if verdict.kind == "wait":
        enrolment.wake_at = verdict.until
        return False
    decision = Decision(
        f"{enrolment.enrolment_id}:{enrolment.node}:{enrolment.steps}",
        enrolment,
        enrolment.node,
        node.message,
        version,
        message.channel,
        message.purpose,
        verdict,
        state.values(),
        now + parse_duration(message.expires_after),
        now,
        position,
    )
    moves.decisions.append(decision)
    if verdict.kind == "allowed":
        state.sends.append((now, message.channel))
    outcome = "queued" if verdict.kind == "allowed" else f"refused: {verdict.reason}"
    _note(moves, enrolment, outcome, now, position)
    return True


def _go(enrolment: Enrolment, node: str, now: int) -> None:
    enrolment.node, enrolment.node_since, enrolment.wake_at = node, now, 0


def _note(moves: Moves, enrolment: Enrolment, outcome: str, now: int, position: int) -> None:
    moves.steps.append(
        Step(
            enrolment.enrolment_id,
            enrolment.steps,
            enrolment.journey,
            enrolment.customer_id,
            enrolment.node,
            outcome,
            now,
            position,
        )
    )
    enrolment.steps += 1


def _end(moves: Moves, enrolment: Enrolment, status: Any, reason: str, now: int) -> None:
    enrolment.status, enrolment.end_reason, enrolment.ended_at = status, reason, now
    enrolment.wake_at = 0
    moves.ended.append(enrolment)
