"""Comparisons: what it means that two values of a column agree, by what the column is like.

Every condition is SQL over `<column>_l` and `<column>_r` of prepared records, so that Splink, a
live match and an explanation evaluate one and the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import duckdb

from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.forms import READING
from tsunagu.identity.linking.model import Column, Comparison, Level
from tsunagu.identity.linking.preparing import rarity, rates

# Two columns share their vocabulary, as given and family names do, from this share of rows on.
_SHARED_WORDS = 0.2


def _pair(column: str) -> tuple[str, str]:
    return quoted(f"{column}_l"), quoted(f"{column}_r")


def compare_column(column: Column) -> Comparison:
    """The comparison of one column."""
    a, b = _pair(column.name)
    levels = [Level(label="missing", condition=f"{a} is null or {b} is null", null=True)]
    levels += _equal(column, f"{a} = {b}")
    for label, condition in _similar(column, a, b):
        levels.append(Level(label=label, condition=condition))
    levels.append(Level(label="different", condition="else"))
    return Comparison(name=column.name, columns=(column.name,), levels=tuple(levels))


def compare_read(written: Column, reading: Column) -> Comparison:
    """The comparison of a name as written and as it is read: alike in either is alike."""
    (a, b), (c, d) = _pair(written.name), _pair(reading.name)
    missing = f"({a} is null or {b} is null) and ({c} is null or {d} is null)"
    near = f"jaro_winkler_similarity({c}, {d}) >= 0.88 or jaro_winkler_similarity({a}, {b}) >= 0.88"
    levels = [
        Level(label="missing", condition=missing, null=True),
        *_labelled("written alike", _equal(written, f"{a} = {b}")),
        *_labelled("read alike", _equal(reading, f"{c} = {d}")),
        Level(label="reading one letter off", condition=f"damerau_levenshtein({c}, {d}) <= 1"),
        Level(label="similar", condition=near),
        Level(label="different", condition="else"),
    ]
    return Comparison(name=written.name, columns=(written.name, reading.name), levels=tuple(levels))


def _labelled(label: str, levels: list[Level]) -> list[Level]:
    return [one.model_copy(update={"label": one.label.replace("equal", label)}) for one in levels]


def compare_swapped(one: Column, other: Column) -> Comparison:
    """The comparison of two columns whose values may stand in each other's place."""
    (a, b), (c, d) = _pair(one.name), _pair(other.name)
    missing = f"({a} is null or {b} is null) and ({c} is null or {d} is null)"
    near_one = f"jaro_winkler_similarity({a}, {b}) >= 0.88"
    near_other = f"jaro_winkler_similarity({c}, {d}) >= 0.88"
    levels = [
        Level(label="missing", condition=missing, null=True),
        *_equal_both(one, other, f"{a} = {b} and {c} = {d}"),
        Level(label="swapped", condition=f"{a} = {d} and {c} = {b}"),
        Level(label="one equal, the other similar", condition=f"{a} = {b} and {near_other}"),
        Level(label="similar, the other equal", condition=f"{c} = {d} and {near_one}"),
        Level(label="both similar", condition=f"{near_one} and {near_other}"),
        Level(label=f"{one.name} equal only", condition=f"{a} = {b}"),
        Level(label=f"{other.name} equal only", condition=f"{c} = {d}"),
        Level(label=f"{one.name} similar only", condition=near_one),
        Level(label=f"{other.name} similar only", condition=near_other),
        Level(label="one swapped", condition=f"{a} = {d} or {c} = {b}"),
        Level(label="different", condition="else"),
    ]
    return Comparison(
        name=f"{one.name} and {other.name}",
        columns=(one.name, other.name),
        levels=tuple(levels),
    )


def _equal(column: Column, equal: str) -> list[Level]:
    """Agreement on a rare value proves more than on a common one."""
    if not rates(column):
        return [Level(label="equal", condition=equal)]
    rare = quoted(f"{rarity(column.name)}_l")
    levels = [Level(label="equal, a rare value", condition=f"{equal} and {rare} = 2")]
    if column.common and column.usual:
        levels.append(Level(label="equal, a usual value", condition=f"{equal} and {rare} = 1"))
    levels.append(Level(label="equal, a common value", condition=equal))
    return levels


def _equal_both(one: Column, other: Column, equal: str) -> list[Level]:
    rated = [quoted(f"{rarity(c.name)}_l") for c in (one, other) if rates(c)]
    if not rated:
        return [Level(label="both equal", condition=equal)]
    rare = " and ".join(f"{r} = 2" for r in rated)
    return [
        Level(label="both equal, rare values", condition=f"{equal} and {rare}"),
        Level(label="both equal", condition=equal),
    ]


def _similar(column: Column, a: str, b: str) -> list[tuple[str, str]]:
    match column.nature:
        case "name":
            return [
                ("very similar", f"jaro_winkler_similarity({a}, {b}) >= 0.92"),
                ("similar", f"jaro_winkler_similarity({a}, {b}) >= 0.82"),
            ]
        case "text":
            words = f"string_split({a}, ' '), string_split({b}, ' ')"
            shared = f"len(list_intersect({words}))"
            union = f"len(list_distinct(list_concat({words})))"
            return [
                (
                    "very similar",
                    f"jaro_winkler_similarity({a}, {b}) >= 0.92 or "
                    f"replace({a}, ' ', '') = replace({b}, ' ', '')",
                ),
                (
                    "similar",
                    f"jaro_winkler_similarity({a}, {b}) >= 0.84 or {shared} >= 0.5 * {union}",
                ),
            ]
        case "date":
            return [
                ("one character off", f"damerau_levenshtein({a}, {b}) <= 1"),
                (
                    "two characters off or parts swapped",
                    f"damerau_levenshtein({a}, {b}) <= 2 or left({a}, 4) || right({a}, 2) || "
                    f"substr({a}, 5, 2) = {b}",
                ),
            ]
        case "number" | "email":
            return [
                ("one character off", f"damerau_levenshtein({a}, {b}) <= 1"),
                ("two characters off", f"damerau_levenshtein({a}, {b}) <= 2"),
            ]
        case "code":
            return [("one character off", f"damerau_levenshtein({a}, {b}) <= 1")]
        case _:
            return []


def comparisons_of(
    connection: duckdb.DuckDBPyConnection, prepared: str, columns: Sequence[Column]
) -> list[Comparison]:
    """The comparisons of all columns; two names that share their words are compared together."""
    by_name = {column.name: column for column in columns}
    read = {column.reading: column for column in columns if column.reading in by_name}
    made = [compare_read(written, by_name[name]) for name, written in read.items()]
    alone = [c for c in columns if c.name not in read and c.reading not in read]
    swapped = _swapped(connection, prepared, [c for c in alone if not c.name.endswith(READING)])
    if swapped:
        made.append(compare_swapped(*swapped))
    return made + [compare_column(c) for c in alone if swapped is None or c not in swapped]


def _swapped(
    connection: duckdb.DuckDBPyConnection, prepared: str, columns: Sequence[Column]
) -> tuple[Column, Column] | None:
    """The two name columns of which one's values are most often values of the other's too."""
    best: tuple[float, Column, Column] | None = None
    for one, other in combinations([c for c in columns if c.nature == "name"], 2):
        row = connection.execute(
            f"""
            with p as (select {quoted(one.name)} as a, {quoted(other.name)} as b
                       from {quoted(prepared)})
            select least(
                (select avg((a in (select b from p where b is not null))::int) from p
                 where a is not null),
                (select avg((b in (select a from p where a is not null))::int) from p
                 where b is not null))
            """  # noqa: S608 - quoted names
        ).fetchone()
        share = float(row[0] or 0) if row else 0.0
        if share >= _SHARED_WORDS and (best is None or share > best[0]):
            best = share, one, other
    return None if best is None else best[1:]
