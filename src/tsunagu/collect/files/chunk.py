"""What a reader gives: a table of rows that knows where in which file they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tsunagu.collect.files.arrow import Table

# The one column of an NDJSON table, and the column with each row's line in its file.
JSON = "__json__"
LINE = "__line__"


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read or cannot become events.

    `row` is the line on which it begins in its file, counted from 1 (the number of the row
    where a file has no lines); `text` is what stands there, a row of a table as JSON.
    """

    row: int
    reason: str
    text: str


@dataclass(frozen=True)
class Chunk:
    """Some consecutive rows of one file.

    `table` has the rows that could be read, all columns of a text file as text, and `LINE`.
    `first_row` counts the file's rows from 0, the bad ones too; the next chunk begins at
    `first_row + rows`, which is what to skip when reading goes on later. `read_bytes` of the
    file's `total_bytes` have been read, as they lie on the disk.
    """

    file: str
    first_row: int
    rows: int
    table: Table
    bad: Sequence[BadRow]
    read_bytes: int
    total_bytes: int
