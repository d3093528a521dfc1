"""Comparisons: what it means that two values of a column agree, by what the column is like.

Every condition is SQL over `<column>_l` and `<column>_r` of prepared records, so that Splink, a
live match and an explanation evaluate one and the same text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import duckdb

from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.forms import FAMILY, GIVEN, READING
from tsunagu.identity.linking.model import Column, Comparison, Level
from tsunagu.identity.linking.preparing import rarity, rates

# Two columns share their vocabulary, as given and family names do, from this share of rows on.
_SHARED_WORDS = 0.2
# A number of a mobile or an IP phone of Japan, as prepared records hold it.
_MOBILE = "81[5789]0[0-9]{8}"


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


def compare_read(
    written: Column, reading: Column, beside: Column | None = None, *, family: bool = False
) -> Comparison:
    """The comparison of a name as written and as it is read: alike in either is alike.

    Args:
        beside: how the other part of the name is read. A name that nobody parted stands whole in
            the family name, and one in the other order is swapped with the given one: both are
            levels of the `family` name and say nothing more of the given one.
    """
    (a, b), (c, d) = _pair(written.name), _pair(reading.name)
    missing = f"({a} is null or {b} is null) and ({c} is null or {d} is null)"
    near = f"jaro_winkler_similarity({c}, {d}) >= 0.88 or jaro_winkler_similarity({a}, {b}) >= 0.88"
    whole: list[Level] = []
    if beside and family:
        whole = _whole(c, d, *_pair(beside.name))
    elif beside:
        e, f = _pair(beside.name)
        missing = f"({missing}) or ({c} = {f} and {d} = {e})"
    levels = [
        Level(label="missing", condition=missing, null=True),
        *_labelled("written alike", _equal(written, f"{a} = {b}")),
        *whole,
        # Whose writing is known and other may be of the same sound by chance, as 淳 and 敦.
        Level(
            label="read alike, written otherwise",
            condition=f"{c} = {d} and {a} is not null and {b} is not null",
        ),
        *_labelled("read alike", _equal(reading, f"{c} = {d}")),
        Level(label="reading one letter off", condition=f"damerau_levenshtein({c}, {d}) <= 1"),
        Level(label="similar", condition=near),
        Level(label="different", condition="else"),
    ]
    return Comparison(
        name=written.name,
        columns=(written.name, reading.name),
        beside=(beside.name,) if beside else (),
        levels=tuple(levels),
    )


def _whole(c: str, d: str, e: str, f: str) -> list[Level]:
    """Levels of whole names, of which one is not parted or in the other order.

    That both are not parted is not among them: equal then are the family names, as far as told.

    Args:
        c, d: how the family names are read; `e` and `f` how the given names are.
    """
    one = f"({e} is null) <> ({f} is null)"
    off = f"damerau_levenshtein({c} || coalesce({e}, ''), {d} || coalesce({f}, ''))"
    turned = f"{c} = {f} || {d} or {d} = {e} || {c}"
    return [
        Level(label="whole name read alike", condition=f"{one} and ({off} = 0 or {turned})"),
        Level(label="whole name one letter off", condition=f"{one} and {off} = 1"),
        Level(label="whole name swapped", condition=f"{c} = {f} and {d} = {e}"),
    ]


def _labelled(label: str, levels: list[Level]) -> list[Level]:
    return [one.model_copy(update={"label": one.label.replace("equal", label)}) for one in levels]


def compare_phone(column: Column) -> Comparison:
    """The comparison of telephone numbers of Japan: a landline is shared by who lives together.

    Somebody may tell the one here and the other there: that differs, and says little.
    """
    a, b = _pair(column.name)
    mobile, other = (f"regexp_full_match({side}, '{_MOBILE}')" for side in (a, b))
    levels = [
        Level(label="missing", condition=f"{a} is null or {b} is null", null=True),
        Level(label="equal, of a mobile phone", condition=f"{a} = {b} and {mobile}"),
        Level(label="equal, of a place", condition=f"{a} = {b}"),
        *(Level(label=label, condition=condition) for label, condition in _similar(column, a, b)),
        Level(label="one of a mobile phone, one of a place", condition=f"{mobile} <> {other}"),
        Level(label="different", condition="else"),
    ]
    return Comparison(name=column.name, columns=(column.name,), levels=tuple(levels))


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
    connection: duckdb.DuckDBPyConnection,
    prepared: str,
    columns: Sequence[Column],
    forms: Mapping[str, str],
) -> list[Comparison]:
    """The comparisons of all columns; two names that share their words are compared together.

    Args:
        forms: which columns were read, as what kind.
    """
    by_name = {column.name: column for column in columns}
    read = {column.reading: column for column in columns if column.reading in by_name}
    made = [
        compare_read(
            written, by_name[name], _beside(written, by_name), family=written.name.endswith(FAMILY)
        )
        for name, written in read.items()
    ]
    alone = [c for c in columns if c.name not in read and c.reading not in read]
    swapped = _swapped(connection, prepared, [c for c in alone if not c.name.endswith(READING)])
    if swapped:
        made.append(compare_swapped(*swapped))
    rest = [c for c in alone if swapped is None or c not in swapped]
    phones = {name for name, kind in forms.items() if kind == "phone"}
    return made + [compare_phone(c) if c.name in phones else compare_column(c) for c in rest]


def _beside(written: Column, by_name: Mapping[str, Column]) -> Column | None:
    """How the other part of a name is read: the given one of a family name, and the reverse."""
    name = written.name
    if name.endswith(FAMILY):
        return by_name.get(f"{name.removesuffix(FAMILY)}{GIVEN}{READING}")
    return by_name.get(f"{name.removesuffix(GIVEN)}{FAMILY}{READING}")


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
