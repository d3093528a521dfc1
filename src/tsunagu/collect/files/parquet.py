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
        raise Invalid(f"{path} cannot be read as Parquet ({error}); get the file again") from error
