"""Scores: the match weight of pairs of prepared records, in bulk, live, and explained.

A weight is log2 of the odds that two records are one person: that of any two records, and what
each comparison adds. The same SQL is used for millions of pairs and for one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.model import Comparison, Level


@dataclass(frozen=True, slots=True)
class Reason:
    """What one comparison adds to the weight of a pair, and why: the level at that place."""

    comparison: str
    label: str
    level: int
    weight: float
    left: str
    right: str


def level_weight(level: Level) -> float:
    """What a level adds: log2 of how much more often one person's records have it."""
    if level.null or level.m is None or level.u is None:
        return 0.0
    return math.log2(level.m / level.u)


def prior_weight(prior: float) -> float:
    """The weight of any two records."""
    return math.log2(prior / (1 - prior))


def probability(weight: float) -> float:
    """The probability that a pair of this weight is one person."""
    return 1 / (1 + 2.0**-weight) if weight > -1000 else 0.0


def double(number: float) -> str:
    """A number as a literal that DuckDB reads as a double and not as a decimal."""
    return f"{number:.17e}"


def outcome(comparison: Comparison) -> str:
    """The expression of the place of the level that a pair has."""
    whens = " ".join(
        f"when {level.condition} then {place}"
        for place, level in enumerate(comparison.levels)
        if level.condition != "else"
    )
    return f"case {whens} else {len(comparison.levels) - 1} end"


def score(
    connection: duckdb.DuckDBPyConnection,
    comparisons: Sequence[Comparison],
    prepared: str,
    pairs: str,
    target: str,
    *,
    prior: float,
    least: float | None = None,
    other: str | None = None,
) -> None:
    """Make the table `target` (left_id, right_id, weight) of scored pairs.

    Args:
        prepared: the prepared records of the left side.
        pairs: a table (left_id, right_id) of candidates.
        least: leave out pairs below this weight.
        other: the prepared records of the right side; None where they are the same table.
    """
    columns = sorted({column for c in comparisons for column in _columns(c)})
    sides = ", ".join(
        f"{side}.{quoted(name)} as {quoted(f'{name}_{side}')}"
        for name in columns
        for side in ("l", "r")
    )
    total = " + ".join(_weighed(c) for c in comparisons)
    where = "" if least is None else f"where weight >= {double(least)}"
    connection.execute(
        f"""
        create or replace table {quoted(target)} as
        select left_id, right_id, weight from (
            select left_id, right_id, {double(prior_weight(prior))} + {total} as weight
            from (
                select p.left_id, p.right_id, {sides}
                from {quoted(pairs)} as p
                join {quoted(prepared)} as l on l.unique_id = p.left_id
                join {quoted(other or prepared)} as r on r.unique_id = p.right_id
            )
        ) {where}
        """  # noqa: S608 - quoted names and a model's conditions
    )


def _columns(comparison: Comparison) -> set[str]:
    """The columns of prepared records that its conditions name."""
    found = set(comparison.columns)
    told = " ".join(level.condition for level in comparison.levels)
    return found | {f"{c}__rarity" for c in comparison.columns if f"{c}__rarity_l" in told}


def _weighed(comparison: Comparison) -> str:
    whens = " ".join(
        f"when {level.condition} then {double(level_weight(level))}"
        for level in comparison.levels
        if level.condition != "else"
    )
    return f"case {whens} else {double(level_weight(comparison.levels[-1]))} end"
