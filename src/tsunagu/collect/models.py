"""The Segment spec's envelope as clients send it, before it becomes an event of the log.

Only the shape is typed here; what a call must carry is checked in `service`. Unknown fields
are ignored, as the spec's servers do.
"""

from __future__ import annotations

import msgspec

from tsunagu.core import Json

# The limits of the Segment spec, on the bytes after decompression.
MAX_BATCH_BYTES = 500 << 10
MAX_MESSAGE_BYTES = 32 << 10
MAX_ID_CHARACTERS = 512
MAX_NAME_CHARACTERS = 1000
# Decoders stop at different depths; what is taken must be readable by all of them.
MAX_DEPTH = 64

Id = str | int | None


class Options(msgspec.Struct, rename="camel"):
    """Where older clients put what stands in the call itself today."""

    context: Json | None = None
    integrations: Json | None = None
    anonymous_id: Id = None
    timestamp: str | None = None


class Message(msgspec.Struct, rename="camel"):
    """One call. Absent and null fields are the same."""

    type: str | None = None
    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    properties: Json | None = None
    traits: Json | None = None
    context: Json | None = None
    integrations: Json | None = None
    options: Options | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    write_key: str | None = None


class Batch(msgspec.Struct, rename="camel"):
    """Many calls. Each stays raw until it is read, so that its size and faults are its own."""

    batch: list[msgspec.Raw]
    sent_at: str | None = None
    context: Json | None = None
    integrations: Json | None = None
    write_key: str | None = None
