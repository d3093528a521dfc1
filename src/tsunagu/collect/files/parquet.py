"""Parquet: batches of rows as they lie in the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tsunagu.collect.files.batches import Batch, with_lines
from tsunagu.core import Invalid

_ROWS = 64 << 10


def rows_in(path: Path) -> int:
    """How many rows a Parquet file has, as its footer says.

    Raises:
        Invalid: the file is no Parquet or is damaged.
    """
    try:
        return pq.read_metadata(path).num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def parquet(path: Path) -> Iterator[Batch]:
    """The rows of a Parquet file; their lines are the numbers of the rows, from 1.

    Raises:
        Invalid: the file is no Parquet or is damaged.
    """
    first = 1
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS):
                table = pa.Table.from_batches([batch])
                rows = np.arange(len(batch), dtype=np.int64)
                yield Batch(len(batch), with_lines(table, rows + first), rows, [])
                first += len(batch)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> Invalid:
    return Invalid(f"{path} cannot be read as Parquet ({error}); get the file again")
