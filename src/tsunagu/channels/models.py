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
    refused for good. unknown: the line broke after the content began to flow. `bounced` says
    that it was the address that was refused for good, not this message.
    """

    kind: ResultKind
    provider_id: str = ""
    detail: str = ""
    bounced: bool = False


class Channel(Protocol):
    """One line to a provider; it carries one message at a time."""

    @property
    def is_open(self) -> bool:
        """Whether the line stands, as far as this side knows."""
        ...

    async def connect(self) -> Result | None:
        """Open the line ahead of use; None when it stands, else why `deliver` would fail."""
        ...

    async def deliver(self, outgoing: Outgoing) -> Result:
        """Hand one message over, opening the line when it is not open."""
        ...

    async def close(self) -> None:
        """Close the line."""
        ...
