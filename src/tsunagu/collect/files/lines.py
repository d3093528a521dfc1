"""Blocks of whole lines in UTF-8, each line's number known, each bad line kept apart.

Bytes are cut at line ends first: neither in CP932 nor in UTF-8 can a line end be part of a
character. A block that does not decode is looked at line by line, so that only the guilty
lines are bad.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field

from tsunagu.collect.files.encodings import bad_bytes, utf8
from tsunagu.collect.files.form import Encoding
from tsunagu.collect.files.opening import Stream

BLOCK = 8 << 20
_LONGEST = 4 << 20
_SHOWN = 1000
_DOS_END = b"\x1a"


@dataclass
class Block:
    """Whole lines: `data` as they are to be read, the first of them line `first_line`.

    `faults` names lines that cannot be read and why.
    """

    data: bytes
    first_line: int
    faults: dict[int, str] = field(default_factory=dict[int, str])


def raw_blocks(stream: Stream, *, size: int = BLOCK) -> Iterator[Block]:
    """The file in blocks of whole lines, without BOM; the last line gets an end if it has none."""
    tail, line, first = b"", 1, True
    cut_off = False
    while piece := stream.read(size):
        if first:
            piece = piece.removeprefix(codecs.BOM_UTF8)
            first = False
        end = piece.rfind(b"\n") + 1
        if not end:
            tail, cut_off = _grown(tail, piece, cut_off)
            continue
        head = piece.find(b"\n") + 1 if cut_off else 0
        faults = {line: _too_long()} if cut_off else {}
        block = Block((tail + b"\n" if cut_off else tail) + piece[head:end], line, faults)
        yield block
        line += block.data.count(b"\n")
        tail, cut_off = piece[end:], False
    tail = tail.removesuffix(_DOS_END)
    if tail:
        yield Block(tail + b"\n", line, {line: _too_long()} if cut_off else {})


def _grown(tail: bytes, piece: bytes, cut_off: bool) -> tuple[bytes, bool]:
    """The beginning of a line that has not ended yet; of one too long only what is shown."""
    if cut_off:
        return tail, True
    tail += piece
    return (tail[:_SHOWN], True) if len(tail) > _LONGEST else (tail, False)


def _too_long() -> str:
    return f"the line is longer than {_LONGEST} bytes; only its beginning is kept"


def decoded(block: Block, encoding: Encoding) -> Block:
    """The block in UTF-8; a line that does not decode has U+FFFD in it and a fault."""
    try:
        return Block(utf8(block.data, encoding), block.first_line, block.faults)
    except UnicodeDecodeError:
        pass
    lines: list[bytes] = []
    faults = dict(block.faults)
    for number, raw in enumerate(block.data[:-1].split(b"\n"), start=block.first_line):
        try:
            lines.append(utf8(raw, encoding))
        except UnicodeDecodeError as error:
            lines.append(raw.decode(encoding, errors="replace").encode())
            reason = bad_bytes(raw[error.start : error.start + 2], error.start, encoding)
            faults.setdefault(number, reason)
    return Block(b"\n".join(lines) + b"\n", block.first_line, faults)
