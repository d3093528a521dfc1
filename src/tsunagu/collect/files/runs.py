"""Runs: rows that follow each other and say the same in some columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tsunagu.collect.files.arrow import Array, Table, compute
from tsunagu.collect.files.records import Places, Truths
from tsunagu.core import Invalid


def runs(table: Table, by: Sequence[str]) -> Places:
    """For each row the number of its run, from 0.

    Raises:
        Invalid: the table has no such column.
    """
    changes: Truths = np.zeros((table.num_rows,), np.bool_)
    for name in by:
        if name not in table.column_names:
            listed = ", ".join(table.column_names)
            raise Invalid(f"gather.by: the table has no column {name!r}. It has: {listed}")
        changes[1:] |= _changes(table[name])
    return np.cumsum(changes, dtype=np.int64)


def _changes(column: Array) -> Truths:
    """Where a value differs from the one before; NULL is like NULL."""
    texts = compute.fill_null(compute.cast(column, pa.string()), "")
    differing = compute.not_equal(texts[1:], texts[:-1])
    return np.asarray(differing.to_numpy(zero_copy_only=False), np.bool_)
