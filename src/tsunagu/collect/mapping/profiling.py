"""What the columns of a sample look like: read by the same expressions as a mapping reads them."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from tsunagu.collect.files.arrow import Schema, Table
from tsunagu.collect.mapping import wording
from tsunagu.collect.mapping.columns import Columns
from tsunagu.collect.mapping.steps import Sql, Steps
from tsunagu.collect.mapping.table import trimmed

_PATTERNS = {
    "emails": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "phones": r"\+?[0-9０-９][0-9０-９\-－ー()（）\s]{8,16}",
    "clocks": r"\d{1,2}:\d{2}(:\d{2})?",
    "zeros_led": r"0\d+",
    "short_days": r"\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])",
    "sea_days": r"\d{1,2}/\d{1,2}/\d{4}(\s.*)?",
    "days_first": r"(1[3-9]|2\d|3[01])/\d{1,2}/\d{4}(\s.*)?",
    "months_first": r"\d{1,2}/(1[3-9]|2\d|3[01])/\d{4}(\s.*)?",
    "japanese": r".*[぀-ヿ㐀-鿿].*",
}


@dataclass(frozen=True)
class Profile:
    """Counts over a sample of one column; `filled` is how many rows are not blank."""

    name: str
    rows: int
    filled: int
    distinct: int
    numbers: int
    integers: int
    moments: int
    truths: int
    zeros: int
    counts: dict[str, int]
    examples: tuple[str, ...]
    is_time: bool
    is_text: bool

    def mostly(self, count: int) -> bool:
        """Whether that many are nearly all of what is filled in."""
        return self.filled > 0 and count >= 0.95 * self.filled

    @property
    def is_unique(self) -> bool:
        """Whether it tells the rows apart."""
        return self.filled == self.rows == self.distinct and self.rows > 1


def profiles(
    connection: duckdb.DuckDBPyConnection, table: Table, names: list[str]
) -> list[Profile]:
    """The profiles of these columns of a table."""
    connection.register("sample", trimmed(table))
    try:
        return [_profile(connection, table.schema, name, table.num_rows) for name in names]
    finally:
        connection.unregister("sample")


def _profile(
    connection: duckdb.DuckDBPyConnection, schema: Schema, name: str, rows: int
) -> Profile:
    columns = Columns(schema, "sample")
    steps = columns.steps
    text = columns.text(name)
    time = columns.moment(name, "UTC")
    read = {
        "numbers": wording.number(steps, text),
        "integers": wording.integer(steps, text),
        "moments": time or wording.moment(steps, text, None, "UTC"),
        "truths": wording.boolean(steps, text),
    }
    asked = [f"count({text})", f"count(distinct {text})"]
    asked += [f"count({sql})" for sql in read.values()]
    asked.append(f"count(*) filter (where {text} = '0')")
    asked += [_matching(steps, text, pattern) for pattern in _PATTERNS.values()]
    asked.append(f"list(distinct {text})[:5]")
    query = steps.query(", ".join(asked), columns.source)
    told = connection.execute(query).fetchall()[0]
    filled, distinct, numbers, integers, moments, truths, zeros, *rest = told
    counts = dict(zip(_PATTERNS, rest[:-1], strict=True))
    return Profile(
        name, rows, filled, distinct, numbers, integers, moments, truths, zeros, counts,
        tuple(rest[-1] or ()), time is not None, columns.is_text(name),
    )  # fmt: skip


def _matching(steps: Steps, text: Sql, pattern: str) -> str:
    quoted = pattern.replace("'", "''")
    return f"count(*) filter (where regexp_full_match({text}, '{quoted}'))"
