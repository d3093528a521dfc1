"""What the API answers. Times are ISO 8601 texts in UTC, ids are texts.

What the contact policy would say now of each message stands in a profile's `contact`.
"""

from __future__ import annotations

from typing import Any

import msgspec

Json = dict[str, Any]


class Identifier(msgspec.Struct, frozen=True):
    """An identifier that leads to the customer."""

    kind: str
    value: str


class Membership(msgspec.Struct, frozen=True):
    """An audience the customer is in."""

    audience: str
    entered_at: str


class Consent(msgspec.Struct, frozen=True):
    """The customer's last word on a channel and purpose, with what proves it."""

    channel: str
    purpose: str
    granted: bool
    at: str
    evidence: Json


class Score(msgspec.Struct, frozen=True):
    """A score, with the time as of which it was computed."""

    score: str
    value: float
    as_of: str


class Happened(msgspec.Struct, frozen=True):
    """One event of the customer's timeline."""

    position: int
    at: str
    type: str
    name: str
    source: str
    body: Json


class Enrolment(msgspec.Struct, frozen=True):
    """The customer's way through a journey."""

    enrolment_id: str
    journey: str
    version: int
    arm: str
    node: str
    status: str
    entered_at: str
    waits_until: str | None = None
    reached_goal_at: str | None = None
    ended_at: str | None = None
    end_reason: str | None = None


class PolicyAnswer(msgspec.Struct, frozen=True):
    """What the contact policy would say of a message now: `allowed`, `refused` or `wait`."""

    message: str
    channel: str
    purpose: str
    answer: str
    reason: str | None = None
    detail: str | None = None
    until: str | None = None


class Contact(msgspec.Struct, frozen=True):
    """What the customer was sent, what was refused, and what the policy says now."""

    sends: list[Json]
    refusals: list[Json]
    now: list[PolicyAnswer]


class Profile(msgspec.Struct, frozen=True):
    """The whole customer, under whichever identifier was asked for."""

    customer_id: str
    merged_ids: list[str]
    identifiers: list[Identifier]
    traits: Json
    audiences: list[Membership]
    consents: list[Consent]
    suppressions: list[Json]
    scores: list[Score]
    first_seen: str
    last_seen: str
    event_count: int
    events: list[Happened]
    journeys: list[Enrolment]
    contact: Contact

    def is_in(self, audience: str) -> bool:
        """Whether the customer is in an audience."""
        return any(one.audience == audience for one in self.audiences)


class Journey(msgspec.Struct, frozen=True):
    """A journey as published, and how many customers are where."""

    name: str
    version: int
    status: str
    document: Json
    nodes: list[Json]
    messages: list[Json]


class Definition(msgspec.Struct, frozen=True):
    """The version under which a document is in force."""

    kind: str
    name: str
    version: int
