"""Blocking: which records are compared at all, chosen by counting and not by guessing.

Many keys are tried: columns, their sounds, beginnings and parts, and pairs of those. Each costs
the pairs it gives and is worth the likely pairs it finds. What no key finds is estimated from
how many likely pairs only one key found (Chao 1984), so the recall is stated without labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import duckdb
import numpy as np

from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.model import Column, Key
from tsunagu.identity.linking.preparing import parts, whole_parts

CAP = 200
PAIRS_A_RECORD = 30.0
# Keys are counted on so many records; what a larger table has is reckoned from it.
_SAMPLE = 100_000
_MOST_OF_ONE = 30.0
# A key costs an index and a place among the few, as much as so many pairs a record.
_KEY_PAIRS = 0.5
# What several keys find is found in other, unlike pairs too.
_WORTH = np.array([1.0, 0.4, 0.2, 0.1])

_SEED = 7
_MIXED = np.uint64(0x9E3779B97F4A7C15)

Floats = np.ndarray[Any, np.dtype[np.float64]]
Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Held = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key that might be used, and about how many pairs it gives.

    `reach` is the share of the records with such a key whose value is not too frequent to be used.
    """

    parts: tuple[str, ...]
    pairs: float
    reach: float = 1.0


def candidates(
    connection: duckdb.DuckDBPyConnection, prepared: str, columns: Sequence[Column], records: int
) -> list[Candidate]:
    """All keys that give any pairs and not too many, the cheapest first."""
    bases = {c.name: [c.name, *parts(c.name, c.nature)] for c in columns}
    whole = whole_parts(bases)
    alone = [(b,) for c in columns if c.nature not in ("category", "code") for b in bases[c.name]]
    alone += [(b,) for b in whole]
    bases |= {part: [part] for part in whole}
    together = [
        (a, b) for one, other in combinations(bases.values(), 2) for a in one for b in other
    ]
    named = [part for base in bases.values() for part in base]
    values, scale = _hashes(connection, prepared, named, records)
    cap = max(2.0, CAP / scale)
    found: list[Candidate] = []
    for key in [*alone, *together]:
        pairs, reach = _count(values, key, cap)
        if 0 < pairs * scale**2 <= _MOST_OF_ONE * records:
            found.append(Candidate(key, pairs * scale**2, reach))
    return sorted(found, key=lambda c: (c.pairs, c.parts))


def _hashes(
    connection: duckdb.DuckDBPyConnection, prepared: str, named: Sequence[str], records: int
) -> tuple[dict[str, Hashes], float]:
    """The hash of each value of the columns, 0 where it is missing; and of how many rows one is."""
    chosen, scale = "", 1.0
    if records > _SAMPLE:
        chosen, scale = f"order by hash(unique_id) limit {_SAMPLE}", records / _SAMPLE
    listed = ", ".join(
        f"case when {quoted(part)} is null then 0::ubigint else hash({quoted(part)}) end as h{n}"
        for n, part in enumerate(named)
    )
    table = connection.execute(
        f"select {listed} from (select * from {quoted(prepared)} {chosen})"  # noqa: S608 - quoted
    ).fetchnumpy()
    return {part: np.asarray(table[f"h{n}"], np.uint64) for n, part in enumerate(named)}, scale


def _count(values: dict[str, Hashes], key: tuple[str, ...], cap: float) -> tuple[float, float]:
    """How many pairs share a key that no more than `cap` records have; what share those are."""
    whole = values[key[0]]
    for part in key[1:]:
        other = values[part]
        whole = np.where((whole != 0) & (other != 0), whole * _MIXED + other, np.uint64(0))
    ordered = np.sort(whole[whole != 0])
    if not len(ordered):
        return 0.0, 0.0
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    sizes = np.diff(np.append(starts, len(ordered)))
    sizes = sizes[sizes <= cap].astype(np.float64)
    return float((sizes * (sizes - 1) / 2).sum()), float(sizes.sum()) / len(ordered)


def key_value(key: Sequence[str]) -> str:
    """The expression of a key's value, null where a part is missing."""
    named = [quoted(part) for part in key]
    filled = " and ".join(f"{part} is not null" for part in named)
    return f"case when {filled} then hash({', '.join(named)}) end"


def make_pairs(
    connection: duckdb.DuckDBPyConnection,
    prepared: str,
    keys: Sequence[tuple[str, ...]],
    to: str,
    *,
    share: float = 1.0,
) -> int:
    """Make the table `to` (left_id, right_id) of pairs that share a key; how many there are.

    Args:
        share: make only so many of them, those of some left records.
    """
    some = f" and hash(l.unique_id) % 1000000 < {share * 1e6:.0f}" if share < 1 else ""
    values = ", ".join(f"{key_value(key)} as k{n}" for n, key in enumerate(keys))
    capped = ", ".join(
        f"case when count(*) over (partition by k{n}) <= {CAP} then k{n} end as k{n}"
        for n in range(len(keys))
    )
    connection.execute(
        f"create or replace temp table keyed as select unique_id, {capped} "  # noqa: S608 - quoted
        f"from (select unique_id, {values} from {quoted(prepared)})"
    )
    connection.execute(f"create or replace table {quoted(to)} (left_id bigint, right_id bigint)")
    for n in range(len(keys)):
        earlier = "".join(f" and (l.k{m} = r.k{m}) is not true" for m in range(n))
        connection.execute(
            f"""
            insert into {quoted(to)}
            select l.unique_id, r.unique_id
            from keyed as l join keyed as r on l.k{n} = r.k{n} and l.unique_id < r.unique_id
            where true{some}{earlier}
            """  # noqa: S608
        )
    connection.execute("drop table keyed")
    row = connection.execute(f"select count(*) from {quoted(to)}").fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def held_by(
    connection: duckdb.DuckDBPyConnection,
    prepared: str,
    pairs: str,
    keys: Sequence[Candidate],
) -> Held:
    """Which pairs each key holds: a matrix of 0 and 1, a row for each pair, a column a key.

    Equal values that are too frequent hold no pair: a key's pairs go at random by its reach.
    """
    named = sorted({part for key in keys for part in key.parts})
    equal = {part: f"e{n}" for n, part in enumerate(named)}
    tests = ", ".join(
        f"coalesce(l.{quoted(part)} = r.{quoted(part)}, false)::tinyint as {short}"
        for part, short in equal.items()
    )
    table = connection.execute(
        f"""
        select {tests} from {quoted(pairs)} as p
        join {quoted(prepared)} as l on l.unique_id = p.left_id
        join {quoted(prepared)} as r on r.unique_id = p.right_id
        """  # noqa: S608
    ).fetchnumpy()
    chance = np.random.default_rng(_SEED)
    columns: list[Held] = []
    for key in keys:
        held = np.prod([table[equal[part]] for part in key.parts], axis=0).astype(np.float32)
        if key.reach < 1:
            held *= chance.random(len(held)) < key.reach
        columns.append(held)
    return np.column_stack(columns)


def choose(
    found: Sequence[Candidate], held: Held, records: int, *, most: float = PAIRS_A_RECORD
) -> tuple[list[Key], float]:
    """The keys worth their pairs, and the estimated recall of all of them together.

    Args:
        held: as `held_by` tells, for the likely pairs.
        most: how many candidate pairs a record all keys together may give.
    """
    times = np.zeros(len(held))
    left, spent = np.ones(len(found), np.bool_), 0.0
    costs = np.array([candidate.pairs for candidate in found]) + _KEY_PAIRS * records
    chosen: list[int] = []
    while left.any():
        worth = _WORTH[np.minimum(times, 3).astype(int)] * (times < 4)
        gains = np.where(left, worth.astype(np.float32) @ held, -1.0)
        number = int(np.argmax(gains / costs))
        left[number] = False
        if gains[number] < 1e-4 * max(1, len(held)) or len(chosen) >= 24:
            break
        if spent + found[number].pairs > most * records:
            continue
        chosen.append(number)
        spent += found[number].pairs
        times += held[:, number]
    total = max(1, len(held))
    keys = [
        Key(
            parts=found[n].parts,
            cap=CAP,
            pairs=int(found[n].pairs),
            share=float(held[:, n].sum() / total),
        )
        for n in chosen
    ]
    seen = float((times > 0).sum())
    whole = max(total, seen + _missed(times))
    return keys, seen / whole if whole else 0.0


def _missed(times: Floats) -> float:
    """Chao's lower bound on how many pairs no key finds."""
    once, twice = float((times == 1).sum()), float((times == 2).sum())
    return once * (once - 1) / (2 * (twice + 1))
