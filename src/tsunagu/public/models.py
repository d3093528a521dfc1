"""What a public page knows about who opened it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["ja", "en"]
Choice = Literal["leave", "stay"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """One send and the customer it went to.

    `granted` is the customer's last word on this channel and purpose as far as it is folded
    (None: never asked), `said_at` when it was said, in microseconds of business time.
    """

    send_id: int
    message: str
    journey: str | None
    node: str | None
    channel: str
    purpose: str
    address: str
    identifier_kind: str
    identifier: str
    language: str | None
    granted: bool | None
    said_at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a customer answered on the unsubscribe page, and what stood before their eyes.

    `turn` counts the answers given on one opened page, so that sending a form twice is one
    answer and changing one's mind is another.
    """

    choice: Choice
    how: Literal["button", "one-click"]
    turn: int
    language: Language
    page: str
    shown: tuple[str, ...]
    device: str
