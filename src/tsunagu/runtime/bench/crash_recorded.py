"""Bench `crash-recorded`: the kills of `crash` over the replay of the recorded year."""

from __future__ import annotations

from collections.abc import Iterator

from tsunagu.runtime.bench.crash import KILLS, compared, recorded_year
from tsunagu.runtime.bench.measures import Measure


def measure(size: int | None) -> Iterator[Measure]:
    """The figures of the comparison; `size` is the number of random kills."""
    yield from compared(recorded_year(), KILLS if size is None else size)
