"""What the renderer and its worker process say to each other: length-prefixed MessagePack.

Each request is answered by exactly one answer, in order. So when the worker dies, the first
request without an answer is the one that killed it.
"""

from __future__ import annotations

from typing import Any

import msgspec

HEADER_BYTES = 4


class Load(msgspec.Struct, array_like=True, tag=0):
    """Compile the wording and keep it under `template`."""

    template: int
    subject: str
    mjml: str
    text: str


class Render(msgspec.Struct, array_like=True, tag=1):
    """Render a loaded template for one customer."""

    template: int
    traits: dict[str, Any]
    clicks: list[str]
    unsubscribe: str
    view: str


class Check(msgspec.Struct, array_like=True, tag=2):
    """Look for everything that is wrong with a wording."""

    subject: str
    mjml: str
    text: str
    needs_unsubscribe: bool
    samples: list[dict[str, Any]]


class Loaded(msgspec.Struct, array_like=True, tag=0):
    """The template is ready; `targets` are its static links in order."""

    targets: list[str]


class Done(msgspec.Struct, array_like=True, tag=1):
    """One customer's message."""

    subject: str
    html: str
    text: str


class Failed(msgspec.Struct, array_like=True, tag=2):
    """The request cannot be fulfilled, and would not be the next time either."""

    detail: str


class Finding(msgspec.Struct, array_like=True, frozen=True):
    """One thing a check found. `line` is that of the part's source; 0 is the whole part."""

    part: str
    line: int
    text: str
    severity: str


class Checked(msgspec.Struct, array_like=True, tag=3):
    """What a check found."""

    findings: list[Finding]


Request = Load | Render | Check
Answer = Loaded | Done | Failed | Checked

_encoder = msgspec.msgpack.Encoder()
read_requests = msgspec.msgpack.Decoder(list[Request]).decode
read_answer = msgspec.msgpack.Decoder(Answer).decode


def frame(message: list[Request] | Answer) -> bytes:
    """The bytes of one frame, its length first."""
    body = _encoder.encode(message)
    return len(body).to_bytes(HEADER_BYTES) + body
