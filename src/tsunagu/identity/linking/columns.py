"""What the columns of a table of records are like, told by their values and not by their names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import duckdb

from tsunagu.identity.linking.model import Column, Nature

# Values that one in so many records has make a class; the rest are rare.
_CLASSES = (1 / 200, 1 / 700, 1 / 2_000, 1 / 7_000)
_MOST_FREQUENT = 7_000

_DATE = r"^(1[89]|20)\d\d[-/.]?(0?[1-9]|1[0-2])[-/.]?(0?[1-9]|[12]\d|3[01])$"
_LOOK = """
select
    count(v)::double / greatest(count(*), 1),
    count(distinct v)::double / greatest(count(v), 1),
    count(distinct v),
    coalesce(avg((contains(v, '@'))::int), 0),
    coalesce(avg(regexp_full_match(v, '{date}')::int), 0),
    coalesce(avg(regexp_full_match(v, '[0-9 ()+.-]+')::int), 0),
    coalesce(avg(length(v)), 0),
    coalesce(avg(len(string_split(trim(v), ' '))), 0)
from (select nullif(trim({column}::varchar), '') as v from {table})
"""


@dataclass(frozen=True, slots=True)
class _Look:
    filled: float
    distinct: float
    values: int
    mail: float
    date: float
    digits: float
    length: float
    words: float


def quoted(name: str) -> str:
    """A name as an identifier of DuckDB's SQL."""
    return '"' + name.replace('"', '""') + '"'


def look_at(
    connection: duckdb.DuckDBPyConnection, table: str, skip: frozenset[str]
) -> list[tuple[str, Nature, float]]:
    """The columns that can tell people apart: name, nature and share filled.

    Args:
        table: name of a table or view; every column is read as text.
        skip: columns that are no attribute of a person, such as the record's id.
    """
    names = [row[0] for row in connection.execute(f"describe {quoted(table)}").fetchall()]
    found: list[tuple[str, Nature, float]] = []
    for name in names:
        if name in skip:
            continue
        query = _LOOK.format(column=quoted(name), table=quoted(table), date=_DATE)
        row: tuple[Any, ...] | None = connection.execute(query).fetchone()
        assert row is not None
        look = _Look(*row)
        if look.filled and look.values > 1:
            found.append((name, _nature(look), look.filled))
    return found


def _nature(look: _Look) -> Nature:
    if look.mail > 0.8:
        return "email"
    if look.date > 0.8:
        return "date"
    if look.digits > 0.8:
        return "number" if look.distinct > 0.25 and look.length >= 6 else "code"
    if look.values <= 60:
        return "category"
    return "text" if look.words >= 2 or look.length > 16 else "name"


def with_frequencies(
    connection: duckdb.DuckDBPyConnection, prepared: str, name: str, nature: Nature, filled: float
) -> Column:
    """The column with its frequent values, as the prepared records hold them."""
    if nature in ("number", "email", "date"):
        return Column(name=name, nature=nature, filled=filled)
    rows = connection.execute(
        f"""
        select v, n::double / sum(n) over () as share
        from (select {quoted(name)} as v, count(*) as n from {quoted(prepared)}
              where {quoted(name)} is not null group by 1)
        qualify share >= {_CLASSES[-1]} order by share desc, v limit {_MOST_FREQUENT}
        """  # noqa: S608 - quoted names and constants
    ).fetchall()
    classes = tuple(
        tuple(v for v, share in rows if least <= share < most)
        for most, least in pairwise((math.inf, *_CLASSES))
    )
    return Column(name=name, nature=nature, filled=filled, classes=classes if rows else ())
