"""Rows of one block on their way to a chunk, the same for every format."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tsunagu.collect.files.chunk import LINE, BadRow
from tsunagu.collect.files.records import Cut, Places, Truths, holding

_SHOWN = 32 << 10


@dataclass
class Batch:
    """`records` of a file in order: the rows of `table` are those at `places`, the rest bad."""

    records: int
    table: pa.Table
    places: Places
    bad: list[tuple[int, BadRow]]

    def after(self, skip: int) -> Batch:
        """The batch without its first `skip` records."""
        if skip <= 0:
            return self
        rest = int(np.searchsorted(self.places, skip))
        bad = [(at - skip, row) for at, row in self.bad if at >= skip]
        return Batch(self.records - skip, self.table.slice(rest), self.places[rest:] - skip, bad)


def with_lines(table: pa.Table, lines: Places) -> pa.Table:
    """The table with each row's line."""
    return table.append_column(LINE, pa.array(lines, pa.int64()))


def faulty(
    data: bytes, found: Cut, faults: dict[int, str]
) -> tuple[Truths, list[tuple[int, BadRow]]]:
    """Which records have no faulty line, and the others as bad rows."""
    if not faults:
        return np.ones(len(found.starts), np.bool_), []
    wrong = holding(found, faults)
    bad: list[tuple[int, BadRow]] = []
    for at in np.flatnonzero(wrong).tolist():
        lines = range(int(found.lines[at]), int(found.last_lines[at]) + 1)
        reason = "; ".join(faults[line] for line in lines if line in faults)
        raw = data[int(found.starts[at]) : int(found.ends[at])]
        bad.append((at, BadRow(lines[0], reason, shown(raw.decode()))))
    return ~wrong, bad


def shown(text: str) -> str:
    """What of a bad row is kept to be read and mended."""
    return text.rstrip("\r\n")[:_SHOWN]
