"""Decisions about identity, as the log tells them: made one, kept apart, parted.

An operator's or a model's decision is an event of a source of its own. So it stands in the
one order of the log with everything else: who reads the log from its beginning decides alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsunagu.core import Body, Event
from tsunagu.core.events import DECISION_SOURCE, IDENTITY_DECISIONS, IDENTITY_MERGED
from tsunagu.identity.kinds import Identifier

MODEL = "model"
MOST_PARTED = 1_000


@dataclass(frozen=True, slots=True)
class Decision:
    """That the owners of `left` and `right` are one person, or are not.

    A merge names one identifier of each. To part a customer, `left` are the identifiers that
    leave and `right` is one that stays. `weight` is the match weight, where a model decided.
    """

    name: str
    left: tuple[Identifier, ...]
    right: Identifier
    by: str
    reason: str
    weight: float | None = None


def is_decision(event: Event) -> bool:
    """Whether an event decides about identity; what others call by these names does not."""
    return event.name in IDENTITY_DECISIONS and event.source == DECISION_SOURCE


def stands_alone(event: Event) -> bool:
    """Whether an event changes who is who in a way that no other event of its batch may see."""
    return is_decision(event) and event.name != IDENTITY_MERGED


def decision_of(event: Event, body: Body) -> Decision | None:
    """The decision that an event tells; None if it is damaged or is none."""
    if not is_decision(event):
        return None
    told = body.properties
    left, right = _identifiers(told.get("left")), _identifiers([told.get("right")])
    if not left or not right or right[0] in left:
        return None
    weight = told.get("weight")
    return Decision(
        event.name,
        tuple(left),
        right[0],
        str(told.get("by", "")),
        str(told.get("reason", "")),
        float(weight) if isinstance(weight, int | float) else None,
    )


def decisions_of(events: Sequence[Event], bodies: Sequence[Body]) -> dict[int, Decision]:
    """The merges that a batch decides, by position."""
    found: dict[int, Decision] = {}
    for event, body in zip(events, bodies, strict=True):
        if event.name == IDENTITY_MERGED:
            decision = decision_of(event, body)
            if decision is not None:
                found[event.position] = decision
    return found


def as_properties(decision: Decision) -> dict[str, Any]:
    """What the event of a decision carries."""
    told: dict[str, Any] = {
        "left": [list(identifier) for identifier in decision.left],
        "right": list(decision.right),
        "by": decision.by,
        "reason": decision.reason,
    }
    return told if decision.weight is None else told | {"weight": decision.weight}


def with_decided(
    stated: Sequence[list[Identifier]], events: Sequence[Event], decided: Mapping[int, Decision]
) -> list[list[Identifier]]:
    """The identifiers of each event; a decision states those that it decides about."""
    return [
        [*found.left, found.right] if (found := decided.get(event.position)) else some
        for event, some in zip(events, stated, strict=True)
    ]


def _identifiers(told: Any) -> list[Identifier]:
    if not isinstance(told, list) or len(told) > MOST_PARTED:  # pyright: ignore[reportUnknownArgumentType]
        return []
    found: list[Identifier] = []
    for one in told:  # pyright: ignore[reportUnknownVariableType]
        match one:
            case [str(kind), str(value)]:
                found.append((kind, value))
            case _:
                return []
    return found
