"""What a sender works with: a claimed message, and what became of it.

Times are microseconds of business time, but for those called `wall`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tsunagu.core import Json

Obstacle = Literal["erased", "expired", "no_consent", "suppressed"]
State = Literal["sent", "refused", "failed", "unknown", "expired"]

EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Identity:
    """How events about a send name its customer and the message."""

    send_id: int
    journey: str | None
    node: str | None
    message: str
    channel: str
    purpose: str
    identifier_kind: str
    identifier: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One message as it was claimed, with what the second check needs to know.

    `obstacle` is what the database found against it at that moment, `zone` the customer's time
    zone as known now, `attempts` how often it was handed over without success, `archived` the
    content if an earlier attempt got that far: then exactly that is sent.
    """

    identity: Identity
    send_key: str
    customer_id: int
    message_version: int
    address: str
    traits: Json
    attempts: int
    obstacle: Obstacle | None
    zone: str | None
    archived: bytes | None
    decided_wall: int

    @property
    def send_id(self) -> int:
        """The number of the send."""
        return self.identity.send_id


@dataclass(frozen=True, slots=True)
class Delay:
    """A message that goes back into the queue until `not_before`."""

    send_id: int
    not_before: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a message: what it became, and why.

    `suppress` names an address that must not be written to again, or is empty.
    """

    identity: Identity
    state: State
    reason: str = ""
    detail: str = ""
    provider_id: str = ""
    suppress: str = ""
