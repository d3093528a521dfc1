"""What the pool and a question's process say to each other, as length-prefixed frames.

The process gets one `Task` and answers with pieces of one Arrow IPC stream, then with `Done`
or `Fault`. Each frame begins with its length and one letter.
"""

from __future__ import annotations

from typing import BinaryIO

import msgspec

from tsunagu.analysis.models import Why

LENGTH_BYTES = 4
ARROW, DONE, FAULT = b"A", b"D", b"F"


class Task(msgspec.Struct):
    """A question to one workspace's lake. Sizes in bytes, times in microseconds."""

    home: str
    sql: str
    known_at: int | None
    memory: int
    spill: int
    rows: int
    result: int
    threads: int
    place: str


class Done(msgspec.Struct):
    """The question is answered."""

    rows: int
    truncated: bool


class Fault(msgspec.Struct):
    """The question cannot be answered; as `Refused`."""

    message: str
    why: Why
    about: str


encode = msgspec.msgpack.encode
read_task = msgspec.msgpack.Decoder(Task).decode
read_done = msgspec.msgpack.Decoder(Done).decode
read_fault = msgspec.msgpack.Decoder(Fault).decode


def write_frame(sink: BinaryIO, kind: bytes, body: bytes) -> None:
    """Write one frame and let it leave."""
    sink.write(len(body).to_bytes(LENGTH_BYTES) + kind)
    sink.write(body)
    sink.flush()
