"""What models merged, weighed again: the records of both sides of each merge, by the model in use.

A merge has several readings: parts of the customer that stand on its two sides, each by its own
record. The heaviest one counts, so that nobody is parted as long as anything of the one side is
like anything of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from tsunagu.identity.linking import Model
from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.scoring import score
from tsunagu.identity.linking.service import PREPARED, prepare_for
from tsunagu.identity.matching import RECORDS, Why, explain_pairs

_READINGS, _PAIRS, _WEIGHED = "matching_readings", "matching_sides", "matching_weighed"


@dataclass(frozen=True, slots=True)
class Reading:
    """Two records that stand on the two sides of a merge, each by its number."""

    merge: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """A merge that the model would not make, by its heaviest reading."""

    merge: int
    weight: float
    reasons: tuple[Why, ...]
    told_left: dict[str, str]
    told_right: dict[str, str]


def weigh_again(
    connection: duckdb.DuckDBPyConnection, model: Model, readings: Sequence[Reading]
) -> list[Doubt]:
    """The merges that weigh less than the upper threshold, the lightest first.

    A record without any value proves nothing; a merge of which no reading has two with values is
    left out. The records are in `RECORDS`.
    """
    if not readings:
        return []
    prepare_for(connection, model, RECORDS)
    _pair(connection, model, readings)
    score(
        connection,
        model.comparisons,
        PREPARED,
        _PAIRS,
        _WEIGHED,
        prior=model.prior,
        rivals=model.rivals,
    )
    found = connection.execute(
        f"""
        select merge, left_id, right_id, weight from (
            select r.merge, r.left_id, r.right_id, w.weight
            from {_READINGS} as r
            join {_WEIGHED} as w on w.left_id = r.left_id and w.right_id = r.right_id
            qualify row_number() over (
                partition by r.merge order by w.weight desc, r.left_id, r.right_id
            ) = 1
        ) where weight < $1 order by weight, merge
        """,  # noqa: S608 - names of this file
        [model.upper],
    ).fetchall()
    reasons = explain_pairs(connection, model, [(left, right) for _, left, right, _ in found])
    told = _told(connection, {number for _, *both, _ in found for number in both})
    return [
        Doubt(merge, weight, reasons[left, right], told[left], told[right])
        for merge, left, right, weight in found
    ]


def _pair(connection: duckdb.DuckDBPyConnection, model: Model, readings: Sequence[Reading]) -> None:
    """Make the tables of readings and of the pairs to weigh."""
    columns = {
        "merge": [one.merge for one in readings],
        "left_id": [one.left for one in readings],
        "right_id": [one.right for one in readings],
    }
    connection.register("readings_in", pa.table(columns))
    connection.execute(f"create or replace table {_READINGS} as select * from readings_in")  # noqa: S608
    connection.unregister("readings_in")
    filled = ", ".join(map(quoted, model.fields))
    connection.execute(
        f"""
        create or replace table {_PAIRS} as
        with filled as (
            select unique_id from {RECORDS} where coalesce({filled}) is not null
        )
        select distinct left_id, right_id from {_READINGS}
        where left_id in (from filled) and right_id in (from filled)
        """  # noqa: S608 - quoted names
    )


def _told(connection: duckdb.DuckDBPyConnection, numbers: set[int]) -> dict[int, dict[str, str]]:
    """What these records tell, by column."""
    found = connection.execute(
        f"select * from {RECORDS} where unique_id in (select unnest($1))",  # noqa: S608
        [sorted(numbers)],
    )
    names = [one[0] for one in found.description or ()][1:]
    return {
        number: {name: text for name, text in zip(names, told, strict=True) if text is not None}
        for number, *told in found.fetchall()
    }
