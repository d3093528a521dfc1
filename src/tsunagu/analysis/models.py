"""What an analyst's question may cost, what comes back, and how it can end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tsunagu.core import Invalid, Retryable

# pyarrow's Schema, RecordBatch and DataType: the library has no types of its own.
Schema: TypeAlias = Any
Batch: TypeAlias = Any
DataType: TypeAlias = Any

OUT_OF_MEMORY = (
    "The question needs more memory than it may have. Ask about less at a time: a shorter "
    "period, fewer columns, or sums instead of single rows."
)


@dataclass(frozen=True)
class Limits:
    """The bounds of one question.

    Args:
        seconds: its process is killed after this long, the wait for the caller included.
        memory: bytes that DuckDB works with before it uses the disk.
        spill: bytes that it may use of the disk.
        rows: the result ends after this many, and says so.
        result: bytes of the result in memory, beyond which the question is refused.
        threads: of DuckDB.
    """

    seconds: float = 60.0
    memory: int = 1 << 30
    spill: int = 4 << 30
    rows: int = 10_000
    result: int = 1 << 30
    threads: int = 2


Why = Literal[
    "sql",  # DuckDB says in its own words what is wrong
    "empty",
    "long",
    "several",
    "select_only",
    "table",
    "function",
    "outside",
    "seconds",
    "memory",
    "disk",
    "result",
    "file",
    "no_lake",
    "busy",
    "stopped",
    "failed",
]


class Refused(Invalid):
    """The question cannot be answered as it stands; the message says why and what to change.

    Args:
        why: the same for a page that says it in another language.
        about: the table, function or bound that it is about.
    """

    def __init__(self, message: str, why: Why = "sql", about: str = "") -> None:
        super().__init__(message)
        self.why: Why = why
        self.about = about


class Stopped(Refused):
    """Somebody stopped the question."""


class Busy(Retryable):
    """Others are asking, and all places are taken."""


@dataclass(frozen=True)
class Column:
    """A column of a result, with its type as DuckDB or Arrow calls it."""

    name: str
    type: str


@dataclass(frozen=True)
class Result:
    """How a question ended.

    Args:
        rows: how many came.
        truncated: whether there were more than the limit.
        seconds: from the question to the last row.
    """

    rows: int
    truncated: bool
    seconds: float
