"""Rivals: the other people who are alike, as those of one home, learned without labels.

Comparisons count as independent, but who lives together agrees in family name, address, postcode
and telephone at once, and would weigh as one person. The pairs of a block of equal addresses are
either one person, whose chances are known by now, or somebody else of that address, whose chances
are learned there by expectation maximisation. They are a third kind of pair beside one person and
two at random (a latent class model, Goodman 1974), and a pair has to outweigh the likeliest kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from tsunagu.identity.linking.blocking import CAP
from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.model import Column, Comparison, Rival
from tsunagu.identity.linking.scoring import compared, outcome

# A block is looked at by about so many of its pairs, and teaches from so many other people's on.
_PAIRS, _LEAST_PAIRS = 200_000, 200
# Others who share the block agree elsewhere by so many bits more than people at random do.
_LEAST_BITS = 0.5
# Are so many of them alike in a date of birth, too many are one person to learn of others.
_ONE_PERSON = 0.25
_MOST_RIVALS = 4
_ROUNDS = 200
# No level is impossible for others: so many pairs at random are added to what was seen.
_ADDED = 5.0
_LEAST = 1e-9
# Learning ends when the share of one person's pairs moves by less.
_CLOSE = 1e-7

Floats = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Places = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class _Block:
    """The pairs with equal values in a column, by how their comparisons come out.

    `patterns` are (n, comparisons) places of levels, `counts` how often each was seen; `seen` is
    the share of the block's pairs that were looked at.
    """

    patterns: Places
    counts: Floats
    seen: float


def learn_rivals(
    connection: duckdb.DuckDBPyConnection,
    prepared: str,
    columns: Sequence[Column],
    comparisons: Sequence[Comparison],
    total: float,
) -> tuple[Rival, ...]:
    """Of all columns, those whose equal values other people share who are alike elsewhere too.

    Args:
        total: how many pairs of records there are.
    """
    found: list[tuple[float, Rival]] = []
    dates = frozenset(column.name for column in columns if column.nature == "date")
    for column in columns:
        if column.name in dates:
            continue
        block = _block(connection, prepared, column.name, comparisons)
        if block is None:
            continue
        learned = _learn(column.name, block, comparisons, dates, total)
        if learned is not None:
            found.append(learned)
    found.sort(key=lambda one: -one[0])
    return tuple(rival for _, rival in found[:_MOST_RIVALS])


def _block(
    connection: duckdb.DuckDBPyConnection,
    prepared: str,
    column: str,
    comparisons: Sequence[Comparison],
) -> _Block | None:
    """The pairs of equal values of a column, of some values where they are many."""
    name = quoted(column)
    connection.execute(
        f"""
        create or replace temp table shared as
        select unique_id, v, n from (
            select unique_id, {name} as v, count(*) over (partition by {name}) as n
            from {quoted(prepared)} where {name} is not null
        ) where n between 2 and {CAP}
        """  # noqa: S608 - quoted names
    )
    row = connection.execute("select coalesce(sum((n - 1) / 2), 0) from shared").fetchone()
    pairs = float(row[0]) if row else 0.0
    if pairs < _LEAST_PAIRS:
        return None
    seen = min(1.0, _PAIRS / pairs)
    connection.execute(
        f"""
        create or replace temp table shared_pairs as
        select l.unique_id as left_id, r.unique_id as right_id
        from shared as l join shared as r on l.v = r.v and l.unique_id < r.unique_id
        where hash(l.v) % 1000000 < {seen * 1e6:.0f}
        """  # noqa: S608 - a number
    )
    places = ", ".join(f"{outcome(c)} as o{n}" for n, c in enumerate(comparisons))
    named = ", ".join(f"o{n}" for n in range(len(comparisons)))
    told = connection.execute(
        f"select {named}, count(*) as times from (select {places} from "  # noqa: S608
        f"({compared(comparisons, prepared, 'shared_pairs')})) group by {named}"
    ).fetchnumpy()
    connection.execute("drop table shared; drop table shared_pairs")
    patterns = np.column_stack([told[f"o{n}"] for n in range(len(comparisons))])
    return _Block(patterns.astype(np.int64), told["times"].astype(np.float64), seen)


def _learn(
    column: str,
    block: _Block,
    comparisons: Sequence[Comparison],
    dates: frozenset[str],
    total: float,
) -> tuple[float, Rival] | None:
    """The other people of a block, and how many bits would be counted wrongly without them.

    None where there are few, where they are like people at random, or where they agree in a date:
    who lives together shares much, but has a date of birth of his own. Those who agree in it are
    one person, whose address or name has changed.
    """
    kinds = [
        _Chances.of(c, block.patterns[:, n], column in c.named) for n, c in enumerate(comparisons)
    ]
    one = np.sum([np.log(k.same[k.places]) for k in kinds], axis=0)
    others = [kind.random for kind in kinds]
    share, likely = 0.5, np.zeros(len(block.counts))
    for _ in range(_ROUNDS):
        told = zip(kinds, others, strict=True)
        other = np.sum([np.log(chance[kind.places]) for kind, chance in told], axis=0)
        odds = np.clip(one + np.log(share) - other - np.log1p(-share), -60, 60)
        likely = 1 / (1 + np.exp(odds))
        others = [kind.seen(likely * block.counts) for kind in kinds]
        before, share = share, 1 - float((likely * block.counts).sum() / block.counts.sum())
        share = min(1 - 1e-6, max(1e-6, share))
        if abs(share - before) < _CLOSE:
            break
    pairs = float((likely * block.counts).sum())
    bits = sum(
        kind.divergence(chance)
        for kind, chance in zip(kinds, others, strict=True)
        if not kind.shared
    )
    same = any(
        kind.like_one(chance)
        for kind, chance, comparison in zip(kinds, others, comparisons, strict=True)
        if dates & set(comparison.columns)
    )
    if pairs < _LEAST_PAIRS or bits < _LEAST_BITS or same:
        return None
    whole = pairs / block.seen
    agreeing = min(kind.reach for kind in kinds)
    rival = Rival(
        name=column,
        share=min(0.5, whole / agreeing / total),
        chances=tuple(
            tuple(kind.everywhere(chance).tolist())
            for kind, chance in zip(kinds, others, strict=True)
        ),
    )
    return whole * bits, rival


@dataclass(frozen=True)
class _Chances:
    """One comparison within a block: how often which pairs have each of its levels there.

    Of a comparison that the block has a part in (`shared`) some levels are left only, and `reach`
    is how often one person's pairs have one of those. Where the values differ, others who share
    something are as one person: who lives at one home has moved from one home.
    """

    places: Places
    null: Flags
    left: Flags
    whole: Floats
    same: Floats
    random: Floats
    reach: float
    shared: bool

    @classmethod
    def of(cls, comparison: Comparison, places: Places, shared: bool) -> _Chances:
        """Of the places of levels that the pairs have."""
        null = np.array([level.null for level in comparison.levels])
        m, u = (
            np.array([getattr(v, kind) or 0.0 for v in comparison.levels]) for kind in ("m", "u")
        )
        left = ~null
        if shared:
            left &= np.bincount(places, minlength=len(null)) > 0
        reach = float(m[left].sum()) if shared and left.any() else 1.0
        return cls(places, null, left, m, _within(m, left, null), _within(u, left, null),
                   reach, shared)  # fmt: skip

    def seen(self, counts: Floats) -> Floats:
        """How often so many pairs of each pattern have each level."""
        found = np.bincount(self.places, counts, minlength=len(self.null)) + _ADDED * self.random
        return _within(found, self.left, self.null)

    def divergence(self, others: Floats) -> float:
        """By how many bits others are told from people at random, on average."""
        a, b = others[self.left], self.random[self.left]
        return float((a * np.log2(a / b)).sum())

    def like_one(self, others: Floats) -> bool:
        """Whether a quarter of the others or more agree as one person does."""
        one, random = self.same[-1], self.random[-1]
        return bool(random - others[-1] > _ONE_PERSON * (random - one))

    def everywhere(self, others: Floats) -> Floats:
        """How often others have each level, in the block or not."""
        return np.where(self.left, others * self.reach, np.where(self.null, 1.0, self.whole))


def _within(chances: Floats, left: Flags, null: Flags) -> Floats:
    """The chances among the levels that are left; missing says nothing and counts as 1."""
    kept = np.where(left, np.maximum(chances, _LEAST), 0.0)
    return np.where(null, 1.0, np.where(left, kept / max(kept.sum(), _LEAST), _LEAST))
