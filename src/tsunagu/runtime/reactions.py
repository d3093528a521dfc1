"""Reactions: what the pipeline tells of its own work, as events of the same log.

They stand in the timeline, the lake and the insights. The pipeline does not fold them again:
what follows from them was already decided where they arose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tsunagu.core import Body, Json, NewEvent, encode_body, stable_key
from tsunagu.core.events import (
    AUDIENCE_ENTERED,
    AUDIENCE_EXITED,
    JOURNEY_ENDED,
    JOURNEY_ENTERED,
    MESSAGE_REFUSED,
    PLATFORM_SOURCE,
)
from tsunagu.identity import ANONYMOUS_ID, USER_ID, Identifier
from tsunagu.journeys import Decision, Enrolment
from tsunagu.profiles import MembershipChange
from tsunagu.runtime.batch import Changes


def spoken_of(changes: Changes) -> set[int]:
    """The customers that the reactions to a batch will name."""
    moves = changes.moves
    found = {change.customer for change in changes.memberships}
    found |= {enrolment.customer_id for enrolment in [*moves.entered, *moves.ended]}
    found |= {d.enrolment.customer_id for d in moves.decisions if d.verdict.kind == "refused"}
    return found


def reactions(changes: Changes, firsts: Mapping[int, Identifier]) -> list[NewEvent]:
    """The events that tell what a batch changed.

    Args:
        changes: the outcome of the batch.
        firsts: for each customer of `spoken_of` the identifier that names it.
    """
    moves = changes.moves
    found = [_membership(c, firsts) for c in changes.memberships if c.customer in firsts]
    found += [_entered(e, firsts) for e in moves.entered]
    found += list(_refusals(moves.decisions, firsts))
    found += [_ended(e, firsts) for e in moves.ended]
    return found


def _event(name: str, first: Identifier, at: int, key: str, properties: Json) -> NewEvent:
    kind, value = first
    named = kind in (USER_ID, ANONYMOUS_ID)
    context: Json = {} if named else {"externalIds": [{"id": value, "type": kind}]}
    return NewEvent(
        message_id=key,
        type="track",
        name=name,
        user_id=value if kind == USER_ID else None,
        anonymous_id=value if kind == ANONYMOUS_ID else None,
        at=at,
        source=PLATFORM_SOURCE,
        body=encode_body(Body(properties=properties, context=context)),
        known_at=at,
    )


def _membership(change: MembershipChange, firsts: Mapping[int, Identifier]) -> NewEvent:
    name = AUDIENCE_ENTERED if change.entered else AUDIENCE_EXITED
    key = stable_key(name, change.audience, change.customer, change.now)
    properties = {"audience": change.audience}
    return _event(name, firsts[change.customer], change.now, key, properties)


def _entered(enrolment: Enrolment, firsts: Mapping[int, Identifier]) -> NewEvent:
    return _event(
        JOURNEY_ENTERED,
        firsts[enrolment.customer_id],
        enrolment.entered_at,
        stable_key(JOURNEY_ENTERED, enrolment.enrolment_id),
        _about(enrolment),
    )


def _ended(enrolment: Enrolment, firsts: Mapping[int, Identifier]) -> NewEvent:
    properties = _about(enrolment) | {
        "reason": enrolment.end_reason,
        "goal": bool(enrolment.goal_at),
    }
    return _event(
        JOURNEY_ENDED,
        firsts[enrolment.customer_id],
        enrolment.ended_at,
        stable_key(JOURNEY_ENDED, enrolment.enrolment_id),
        properties,
    )


def _about(enrolment: Enrolment) -> Json:
    return {
        "journey": enrolment.journey,
        "version": enrolment.version,
        "arm": enrolment.arm,
        "enrolment_id": str(enrolment.enrolment_id),
    }


def _refusals(decisions: list[Decision], firsts: Mapping[int, Identifier]) -> Iterator[NewEvent]:
    for decision in decisions:
        if decision.verdict.kind != "refused":
            continue
        properties: Json = {
            "journey": decision.enrolment.journey,
            "node": decision.node,
            "message": decision.message,
            "channel": decision.channel,
            "reason": decision.verdict.reason,
            "detail": decision.verdict.detail,
        }
        key = stable_key(MESSAGE_REFUSED, decision.send_key)
        first = firsts[decision.enrolment.customer_id]
        yield _event(MESSAGE_REFUSED, first, decision.at, key, properties)
