"""Scores: the match weight of pairs of prepared records, in bulk, live, and explained.

A weight is log2 of the odds that two records are one person: that of any two records, and what
each comparison adds, less what speaks for other people who share something. The same SQL is used
for millions of pairs and for one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.model import Comparison, Level, Model, Rival

RIVAL = "as alike are others who share it"
"""The label of what is taken from a weight because other people may be as alike."""

# Of each comparison, a number for each level.
Weights = tuple[tuple[float, ...], ...]


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
    rivals: Sequence[Rival] = (),
    least: float | None = None,
    other: str | None = None,
) -> None:
    """Make the table `target` (left_id, right_id, weight, against) of scored pairs.

    `against` is what speaks against one person, as `clusters.Scored` has it.

    Args:
        prepared: the prepared records of the left side.
        pairs: a table (left_id, right_id) of candidates.
        rivals: the weight is against the likeliest of them and of people at random.
        least: leave out pairs below this weight.
        other: the prepared records of the right side; None where they are the same table.
    """
    places = ", ".join(f"{outcome(c)}::utinyint as o{n}" for n, c in enumerate(comparisons))
    told = {"one": weights(comparisons)}
    told |= {f"r{n}": rival_weights(comparisons, rival) for n, rival in enumerate(rivals)}
    sums = ", ".join(f"{_weighed(levels)} as {name}" for name, levels in told.items())
    frequent = [f", r{n} + {double(math.log2(r.share))}" for n, r in enumerate(rivals)]
    total = f"one + {double(prior_weight(prior))} - greatest(0{''.join(frequent)})"
    against = ", ".join(["one", *(f"one - {name}" for name in list(told)[1:])])
    where = "" if least is None else f"where weight >= {double(least)}"
    connection.execute(
        f"""
        create or replace table {quoted(target)} as
        select left_id, right_id, {total} as weight, least(0, {against}) as against from (
            select left_id, right_id, {sums} from (
                select left_id, right_id, {places}
                from ({compared(comparisons, prepared, pairs, other)})
            )
        ) {where}
        """  # noqa: S608 - quoted names and a model's conditions
    )


def compared(
    comparisons: Sequence[Comparison], prepared: str, pairs: str, other: str | None = None
) -> str:
    """The query of pairs with what the conditions name: `<column>_l` and `<column>_r`."""
    columns = sorted({column for c in comparisons for column in _columns(c)})
    sides = ", ".join(
        f"{side}.{quoted(name)} as {quoted(f'{name}_{side}')}"
        for name in columns
        for side in ("l", "r")
    )
    return f"""
        select p.left_id, p.right_id, {sides}
        from {quoted(pairs)} as p
        join {quoted(prepared)} as l on l.unique_id = p.left_id
        join {quoted(other or prepared)} as r on r.unique_id = p.right_id
    """  # noqa: S608 - quoted names


def weights(comparisons: Sequence[Comparison]) -> Weights:
    """What each level of each comparison adds to the weight of a pair."""
    return tuple(tuple(level_weight(level) for level in c.levels) for c in comparisons)


def rival_weights(comparisons: Sequence[Comparison], rival: Rival) -> Weights:
    """By how much each level tells for a rival: log2 of how much oftener than people at random."""
    return tuple(
        tuple(
            0.0 if level.null or not level.u else math.log2(chance / level.u)
            for level, chance in zip(c.levels, chances, strict=True)
        )
        for c, chances in zip(comparisons, rival.chances, strict=True)
    )


def reasons_of(model: Model, told: Sequence[Any]) -> tuple[Reason, ...]:
    """What each comparison adds to a pair's weight, and what other people take from it.

    Args:
        told: of each comparison the place of the level that the pair has, and both values.
    """
    places: list[int] = []
    reasons: list[Reason] = []
    for n, comparison in enumerate(model.comparisons):
        place, left, right = told[3 * n : 3 * n + 3]
        level = comparison.levels[place]
        adds = level_weight(level)
        places.append(place)
        reasons.append(Reason(comparison.name, level.label, place, adds, left or "", right or ""))
    takes, rival = max(
        ((_told_for(model, rival, places), rival.name) for rival in model.rivals),
        default=(0.0, ""),
    )
    if takes > 0:
        reasons.append(Reason(rival, RIVAL, -1, -takes, "", ""))
    return tuple(reasons)


def _told_for(model: Model, rival: Rival, places: Sequence[int]) -> float:
    """How much likelier than two people at random a rival is, as log2 of the odds."""
    told = zip(rival_weights(model.comparisons, rival), places, strict=True)
    return math.log2(rival.share) + sum(levels[place] for levels, place in told)


def _columns(comparison: Comparison) -> set[str]:
    """The columns of prepared records that its conditions name."""
    found = set(comparison.named)
    told = " ".join(level.condition for level in comparison.levels)
    return found | {f"{c}__rarity" for c in comparison.columns if f"{c}__rarity_l" in told}


def _weighed(told: Weights) -> str:
    """The sum over the comparisons, by the places of the levels."""
    return " + ".join(
        f"case o{n} "
        + " ".join(f"when {place} then {double(one)}" for place, one in enumerate(levels))
        + " end"
        for n, levels in enumerate(told)
    )
