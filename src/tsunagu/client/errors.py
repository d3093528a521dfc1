"""What can go wrong for a program that talks to the platform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ClientError(Exception):
    """The one to catch if the difference does not matter."""


class Refused(ClientError):
    """The platform understood the request and does not take it; sending it again is no use."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{message} (HTTP {status})")
        self.status = status


class Unreachable(ClientError):
    """Nobody answered, or only that it is too busy, for as long as it was tried."""


class QueueFull(ClientError):
    """More events wait than the queue may hold: the platform is away or slower than the calls."""


class NotTaken(ClientError):
    """Events that were given up, with the cause. They are as they would have been sent."""

    def __init__(self, messages: Sequence[dict[str, Any]], cause: ClientError) -> None:
        super().__init__(f"{len(messages)} events were not taken: {cause}")
        self.messages = list(messages)
        self.cause = cause
