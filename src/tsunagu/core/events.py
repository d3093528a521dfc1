"""The event: one immutable fact in the Segment spec's envelope, as it lies in the inbox.

`now` of a fact is its `known_at`: when the business learned of it. It equals `received_at`
live, the driver's time in a replay, and the event's own time for history that is loaded.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tsunagu.core.errors import Invalid

TYPES = ("identify", "track", "page", "screen", "group", "alias")

# The source of events by which the pipeline tells of its own work: they stand in the timeline
# and the lake, and are not folded again, so that no decision depends on how batches are cut.
PLATFORM_SOURCE = "tsunagu"

# Events the platform itself emits; they go through the inbox like any other.
AUDIENCE_ENTERED = "Audience Entered"
AUDIENCE_EXITED = "Audience Exited"
JOURNEY_ENTERED = "Journey Entered"
JOURNEY_ENDED = "Journey Ended"
MESSAGE_REFUSED = "Message Refused"
MESSAGE_SENT = "Message Sent"
MESSAGE_FAILED = "Message Failed"
MESSAGE_UNKNOWN = "Message Delivery Unknown"
EMAIL_OPENED = "Email Opened"
LINK_CLICKED = "Email Link Clicked"
UNSUBSCRIBED = "Unsubscribed"
CONSENT_GIVEN = "Consent Given"
CONSENT_WITHDRAWN = "Consent Withdrawn"

# Decisions about who is one person. They are events of a source of their own, which nobody outside
# can state, so that the log decides alike whenever it is read; no customer did them: not folded.
DECISION_SOURCE = "tsunagu/identity"
IDENTITY_MERGED = "Identity Merged"
IDENTITY_KEPT_APART = "Identity Kept Apart"
IDENTITY_PARTED = "Identity Parted"
OWN_SOURCES = frozenset({PLATFORM_SOURCE, DECISION_SOURCE})

IDENTITY_DECISIONS = frozenset({IDENTITY_MERGED, IDENTITY_KEPT_APART, IDENTITY_PARTED})

# The events by which a customer speaks about consent, and whether they grant it.
CONSENT_WORDS = {CONSENT_GIVEN: True, CONSENT_WITHDRAWN: False, UNSUBSCRIBED: False}

Json = dict[str, Any]


def check_source(name: str) -> None:
    """Whether events from outside may come under this name.

    Raises:
        Invalid: it is, or looks like, one of the platform's own.
    """
    if name.partition("/")[0].strip().lower() == PLATFORM_SOURCE:
        raise Invalid(f"{name!r} would be a source of the platform's own events; choose another.")


class Body(msgspec.Struct, omit_defaults=True, rename="camel"):
    """What an event carries beside its envelope; stored as one JSON text."""

    properties: Json = {}
    traits: Json = {}
    context: Json = {}
    previous_id: str | None = None
    group_id: str | None = None
    integrations: Json = {}


class Event(msgspec.Struct, frozen=True):
    """One row of the inbox. Times are microseconds; `position` is its place in the log."""

    position: int
    received_at: int
    known_at: int
    message_id: str
    type: str
    name: str
    user_id: str | None
    anonymous_id: str | None
    at: int
    source: str
    body: bytes


class NewEvent(msgspec.Struct, frozen=True):
    """An event on its way into the inbox; the log gives it its position and receipt time.

    `known_at` is None for live traffic (it becomes the receipt time). `body` is the JSON of
    a `Body`, already checked to be UTF-8 without U+0000.
    """

    message_id: str
    type: str
    name: str
    user_id: str | None
    anonymous_id: str | None
    at: int | None
    source: str
    body: bytes
    known_at: int | None = None
    sent_at: int | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Body)


def encode_body(body: Body) -> bytes:
    """The JSON bytes stored in the inbox."""
    return _encoder.encode(body)


def decode_body(raw: bytes | str) -> Body:
    """The body of a stored event.

    Raises:
        msgspec.DecodeError: the JSON is broken or a field has the wrong type.
    """
    return _decoder.decode(raw)
