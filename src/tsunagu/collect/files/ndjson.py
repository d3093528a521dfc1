"""NDJSON: each line stays one text, whose fields a mapping draws by path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from tsunagu.collect.files.arrow import Array
from tsunagu.collect.files.batches import Batch, faulty, with_lines
from tsunagu.collect.files.chunk import JSON
from tsunagu.collect.files.lines import Block
from tsunagu.collect.files.records import Cut, cut


def ndjson(blocks: Iterable[Block]) -> Iterator[Batch]:
    """The lines of an NDJSON file. Whether a line is an object is seen when it is mapped."""
    for block in blocks:
        found = cut(block.data, block.first_line)
        if not len(found.starts):
            continue
        good, bad = faulty(block.data, found, block.faults)
        rows = np.flatnonzero(good)
        table = pa.table({JSON: _texts(block.data, found).filter(pa.array(good))})
        yield Batch(len(found.starts), with_lines(table, found.lines[rows]), rows, bad)


def _texts(data: bytes, found: Cut) -> Array:
    """The records as texts, over the same bytes."""
    offsets = np.append(found.starts, found.ends[-1:]).astype(np.int32)
    return pa.StringArray.from_buffers(len(found.starts), pa.py_buffer(offsets), pa.py_buffer(data))
