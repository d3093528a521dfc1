"""Rows of one block on their way to a chunk, the same for every format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tsunagu.collect.files.arrow import Table
from tsunagu.collect.files.chunk import LINE, BadRow
from tsunagu.collect.files.records import Cut, Places, Truths, holding
from tsunagu.collect.files.runs import runs

_SHOWN = 32 << 10
_LONGEST_RUN = 100_000


@dataclass
class Batch:
    """`records` of a file in order: the rows of `table` are those at `places`, the rest bad."""

    records: int
    table: Table
    places: Places
    bad: list[tuple[int, BadRow]]

    def after(self, skip: int) -> Batch:
        """The batch without its first `skip` records."""
        if skip <= 0:
            return self
        rest = int(np.searchsorted(self.places, skip))
        bad = [(at - skip, row) for at, row in self.bad if at >= skip]
        return Batch(self.records - skip, self.table.slice(rest), self.places[rest:] - skip, bad)

    def before(self, end: int) -> Batch:
        """The batch up to that record."""
        rest = int(np.searchsorted(self.places, end))
        bad = [(at, row) for at, row in self.bad if at < end]
        return Batch(end, self.table.slice(0, rest), self.places[:rest], bad)

    def followed_by(self, other: Batch) -> Batch:
        """Both together."""
        return Batch(
            self.records + other.records,
            pa.concat_tables([self.table, other.table]),
            np.concatenate([self.places, other.places + self.records]),
            self.bad + [(at + self.records, row) for at, row in other.bad],
        )


def together(batches: Iterable[Batch], by: Sequence[str]) -> Iterator[Batch]:
    """The same rows, cut anew so that no run of rows with like columns `by` is cut apart.

    A run that does not end within `_LONGEST_RUN` rows is cut all the same: memory is bounded.
    """
    waiting: Batch | None = None
    for batch in batches:
        whole = batch if waiting is None else waiting.followed_by(batch)
        numbers = runs(whole.table, by)
        begin = int(np.searchsorted(numbers, numbers[-1])) if len(numbers) else 0
        cut = whole.records if len(numbers) - begin > _LONGEST_RUN else 0
        if begin > 0 and not cut:
            cut = int(whole.places[begin])
        if cut:
            yield whole.before(cut)
        waiting = whole.after(cut)
    if waiting is not None and waiting.records:
        yield waiting


def with_lines(table: Table, lines: Places) -> Table:
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
