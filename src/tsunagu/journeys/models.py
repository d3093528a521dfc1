"""A journey is a document: where customers enter, the nodes they pass, and the goal.

It is checked whole when it is read, so that a running journey never meets a node that does
not exist. An enrolment is one customer's way through one version of it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tsunagu.core.times import parse_duration

HOLDOUT_NODE = "holdout"


def _is_duration(_: type[BaseModel], value: str) -> str:
    parse_duration(value)
    return value


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Document):
    """Customers enter when they join the audience."""

    audience: str


class Send(_Document):
    """Say a message, if the contact policy allows it."""

    kind: Literal["send"]
    message: str
    next: str


class Wait(_Document):
    """Wait for an event up to a time, or for the time alone."""

    kind: Literal["wait"]
    within: str
    event: str | None = None
    then: str | None = None
    otherwise: str

    _within = field_validator("within")(classmethod(_is_duration))

    @model_validator(mode="after")
    def _event_has_a_way(self) -> Wait:
        if (self.event is None) != (self.then is None):
            raise ValueError("a wait for an event names both `event` and `then`")
        return self


class End(_Document):
    """The way ends here."""

    kind: Literal["end"]


Node = Annotated[Send | Wait | End, Field(discriminator="kind")]


class Goal(_Document):
    """What the journey is for: an event within a time of entry, asked of both arms alike."""

    event: str
    within: str

    _within = field_validator("within")(classmethod(_is_duration))


class Journey(_Document):
    """The document of a journey."""

    title: dict[str, str]
    entry: Entry
    holdout: float = Field(default=0.0, ge=0.0, lt=1.0)
    start: str
    nodes: dict[str, Node] = Field(min_length=1, max_length=200)
    goal: Goal
    reentry_after: str | None = None

    @field_validator("reentry_after")
    @classmethod
    def _is_duration_or_never(cls, value: str | None) -> str | None:
        if value is not None:
            parse_duration(value)
        return value

    @model_validator(mode="after")
    def _ways_lead_somewhere(self) -> Journey:
        for name in [self.start, *(n for node in self.nodes.values() for n in ways(node))]:
            if name not in self.nodes:
                known = ", ".join(sorted(self.nodes))
                raise ValueError(f"there is no node {name!r}; the nodes are: {known}")
        if HOLDOUT_NODE in self.nodes:
            raise ValueError(f"{HOLDOUT_NODE!r} is the name of the group nothing is sent to")
        _refuse_loops_without_wait(self)
        return self


def ways(node: Node) -> list[str]:
    """The names of the nodes that may follow a node."""
    if isinstance(node, Send):
        return [node.next]
    if isinstance(node, Wait):
        return [name for name in (node.then, node.otherwise) if name is not None]
    return []


def _refuse_loops_without_wait(journey: Journey) -> None:
    for start, node in journey.nodes.items():
        seen = {start}
        while isinstance(node, Send):
            if node.next in seen:
                raise ValueError(f"nodes {sorted(seen)} would send forever without a wait")
            seen.add(node.next)
            node = journey.nodes[node.next]


class Enrolment(msgspec.Struct):
    """One customer in one version of a journey. Times are microseconds; 0 is never."""

    enrolment_id: int
    journey: str
    version: int
    customer_id: int
    entry: int
    arm: Literal["treated", "holdout"]
    node: str
    status: Literal["active", "completed", "exited"]
    entered_at: int
    entered_position: int
    node_since: int
    wake_at: int = 0
    steps: int = 0
    goal_at: int = 0
    ended_at: int = 0
    end_reason: str = ""
