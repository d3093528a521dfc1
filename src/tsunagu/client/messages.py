"""Events as the Segment spec writes them, each with its message id before it is first sent.

The id makes a repeat harmless: the platform counts an id once, however often it arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from tsunagu.client.errors import Refused

# The limits of the spec.
MAX_MESSAGE_BYTES = 32 << 10
MAX_BATCH_BYTES = 500 << 10
_OVERHEAD = 200
_LIBRARY = {"library": {"name": "tsunagu", "version": "1"}}

Fields = Mapping[str, Any]


class Message(msgspec.Struct, frozen=True):
    """One event, encoded, with its id."""

    id: str
    body: bytes

    def readable(self) -> dict[str, Any]:
        """The event as an object."""
        return msgspec.json.decode(self.body)


def message(
    kind: str,
    *,
    user_id: str | None,
    anonymous_id: str | None,
    message_id: str | None,
    timestamp: datetime | None,
    context: Fields | None,
    **fields: Any,
) -> Message:
    """Encode one event.

    Raises:
        ValueError: nobody is named, or a value cannot be written as JSON.
        Refused: the event is above the limit of 32 KiB.
    """
    if not user_id and not anonymous_id and kind != "alias":
        raise ValueError("Name somebody: user_id or anonymous_id.")
    if timestamp is not None and timestamp.tzinfo is None:
        raise ValueError("The timestamp needs a zone, for example datetime.now(UTC).")
    told = {
        "type": kind,
        "messageId": message_id or uuid4().hex,
        "timestamp": _time(timestamp or datetime.now(UTC)),
        "userId": user_id,
        "anonymousId": anonymous_id,
        **fields,
        "context": {**_LIBRARY, **(context or {})},
    }
    try:
        body = msgspec.json.encode({k: v for k, v in told.items() if v is not None})
    except (TypeError, OverflowError, UnicodeEncodeError) as error:
        raise ValueError(f"The event cannot be written as JSON: {error}.") from None
    if len(body) > MAX_MESSAGE_BYTES:
        raise Refused(413, f"The event has {len(body)} bytes; {MAX_MESSAGE_BYTES} are taken")
    return Message(str(told["messageId"]), body)


def fits(size: int, more: Message) -> bool:
    """Whether a batch of `size` bytes has room for one more."""
    return size + len(more.body) + 1 + _OVERHEAD <= MAX_BATCH_BYTES


def batch_body(messages: list[Message]) -> bytes:
    """The body of a batch, told when it is sent so that the platform can mend a wrong clock."""
    listed = b",".join(one.body for one in messages)
    return b'{"batch":[' + listed + b'],"sentAt":"' + _time(datetime.now(UTC)).encode() + b'"}'


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
