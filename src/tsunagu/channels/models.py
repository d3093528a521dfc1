"""What every channel has in common: a message goes in, one of four results comes out.

The result is typed because the sender acts on it without knowing the channel: only `later`
may be tried again, and `unknown` (the provider may or may not have it) never is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

ResultKind = Literal["sent", "later", "never", "unknown"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message for one address. `key` is the same in every attempt at the same message."""

    key: str
    address: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a hand-over.

    sent: the provider took it over. later: it did not, and may if asked again. never: it
    refused for good. unknown: the line broke after the content began to flow.
    """

    kind: ResultKind
    provider_id: str = ""
    detail: str = ""


class Channel(Protocol):
    """One line to a provider; it carries one message at a time."""

    async def connect(self) -> None:
        """Open the line ahead of use. A failure is not raised: `deliver` tells it."""
        ...

    async def deliver(self, outgoing: Outgoing) -> Result:
        """Hand one message over, opening the line when it is not open."""
        ...

    async def close(self) -> None:
        """Close the line."""
        ...
