"""Cutting UTF-8 lines into records, where a quoted value may hold line ends; vectorised.

The places of quotes and line ends are compared with NumPy; no record is looked at by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Places = np.ndarray[tuple[int], np.dtype[np.int64]]
Truths = np.ndarray[tuple[int], np.dtype[np.bool_]]
_NEWLINE, _RETURN = 10, 13


@dataclass(frozen=True)
class Cut:
    """Where records begin and end (their line end included), and their first and last lines.

    Blank lines are no records. `tail` is where a record begins that does not end in the data,
    or the data's length; it begins on line `tail_line`.
    """

    starts: Places
    ends: Places
    lines: Places
    last_lines: Places
    tail: int
    tail_line: int


def cut(data: bytes, first_line: int, quote: str = "") -> Cut:
    """Cut data that ends with a line end; without a quote each line is a record."""
    array = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero(array == _NEWLINE).astype(np.int64)
    ends = breaks
    if quote and quote.encode() in data:
        quotes = np.flatnonzero(array == ord(quote))
        ends = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
    after = ends + 1
    starts = np.concatenate([np.zeros(1, np.int64), after[:-1]]) if len(ends) else after
    tail = int(after[-1]) if len(after) else 0
    lines = first_line + np.searchsorted(breaks, starts)
    last_lines = first_line + np.searchsorted(breaks, ends)
    tail_line = first_line + int(np.searchsorted(breaks, tail))
    length = ends - starts
    full = (length > 1) | ((length == 1) & (array[starts] != _RETURN))
    return Cut(starts[full], after[full], lines[full], last_lines[full], tail, tail_line)


def well_quoted(data: bytes, delimiter: str, quote: str) -> bool:
    """Whether quotes stand only where values begin and end, or doubled within them.

    Only then do all readers agree on where values and records end.
    """
    if not quote or quote.encode() not in data:
        return True
    array = np.frombuffer(b"\n" + data + b"\n", np.uint8)
    places = np.flatnonzero(array == ord(quote))
    beside = np.zeros(256, np.bool_)
    beside[[ord(delimiter), ord(quote), _NEWLINE, _RETURN]] = True
    opened, closed = places[::2], places[1::2]
    return bool(beside[array[opened - 1]].all() and beside[array[closed + 1]].all())


def holding(found: Cut, lines: Iterable[int]) -> Truths:
    """Which records hold one of these lines."""
    listed = np.asarray(sorted(lines), np.int64)
    before = np.searchsorted(listed, found.lines, "left")
    through = np.searchsorted(listed, found.last_lines, "right")
    return through > before


def joined(data: bytes, found: Cut, chosen: Truths) -> bytes:
    """The data of the chosen records alone, without what stands between."""
    if chosen.all() and int((found.ends - found.starts).sum()) == len(data):
        return data
    pieces = zip(found.starts[chosen].tolist(), found.ends[chosen].tolist(), strict=True)
    return b"".join([data[start:end] for start, end in pieces])
