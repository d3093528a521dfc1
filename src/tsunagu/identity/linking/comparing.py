"""Comparisons: what it means that two values of a column agree, by what the column is like.

Every condition is SQL over `<column>_l` and `<column>_r` of prepared records, so that Splink, a
live match and an explanation evaluate one and the same text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb

from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.forms import FAMILY, GIVEN, READING
from tsunagu.identity.linking.model import Column, Comparison, Level
from tsunagu.identity.linking.preparing import rarity

# Two columns share their vocabulary, as given and family names do, from this share of rows on.
_SHARED_WORDS = 0.2
AS_WRITTEN, AS_READ = "compared as it is written", "compared as it is read"
"""The labels of a name's two comparisons where the other one tells."""
# What the classes of frequent values are called.
_FREQUENT = ("a very common", "a common", "a usual", "an uncommon")
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


def compare_written(written: Column, reading: Column) -> Comparison:
    """The comparison of names that both records have as written, such as in kanji."""
    (a, b), (c, d) = _pair(written.name), _pair(reading.name)
    levels = [
        Level(
            label=AS_READ,
            condition=f"({a} is null or {b} is null) and {c} is not null and {d} is not null",
            null=True,
        ),
        Level(label="missing", condition=f"{a} is null or {b} is null", null=True),
        *_labelled("written alike", _equal(written, f"{a} = {b}")),
        # Whose writing is known and other may be of the same sound by chance, as 淳 and 敦.
        Level(label="read alike, written otherwise", condition=f"{c} = {d}"),
        Level(label="reading one letter off", condition=f"damerau_levenshtein({c}, {d}) <= 1"),
        Level(
            label="similar",
            condition=f"jaro_winkler_similarity({c}, {d}) >= 0.88 "
            f"or jaro_winkler_similarity({a}, {b}) >= 0.88",
        ),
        Level(label="different", condition="else"),
    ]
    columns = (written.name, reading.name)
    return Comparison(name=written.name, columns=columns, levels=tuple(levels))


def compare_read(
    written: Column, reading: Column, beside: Column | None = None, *, family: bool = False
) -> Comparison:
    """The comparison of names as they are read, where not both records have them as written.

    Whether both have is a habit of their sources and says nothing of the person, so it is no
    level of one comparison.

    Args:
        beside: how the other part of the name is read. Names in the other order are alike in both
            parts, and so are those of which one is in one piece, as a `family` name.
    """
    (a, b), (c, d) = _pair(written.name), _pair(reading.name)
    missing = f"{c} is null or {d} is null"
    alike, off, near = (
        f"{c} = {d}",
        f"damerau_levenshtein({c}, {d}) <= 1",
        f"jaro_winkler_similarity({c}, {d}) >= 0.88",
    )
    if beside:
        other = _pair(beside.name)
        whole = _Whole.of((c, d), other) if family else _Whole.of(other, (c, d))
        here, there = (whole.family, whole.given) if family else (whole.given, whole.family)
        alike = f"({alike} or {c} = {other[1]} and {d} = {other[0]} or {whole.holds(here)})"
        rest = whole.without(there)
        off = f"{off} or {whole.holds(there)} and damerau_levenshtein({rest}, {here}) <= 1"
        near = f"{near} or {whole.holds(there)} and jaro_winkler_similarity({rest}, {here}) >= 0.88"
        if not family:
            known = f"{whole.holds(here)} or {whole.longer}"
            missing = f"({missing}) and not coalesce({known}, false)"
    levels = [
        Level(label=AS_WRITTEN, condition=f"{a} is not null and {b} is not null", null=True),
        Level(label="missing", condition=missing, null=True),
        *_labelled("read alike", _equal(reading, alike)),
        Level(label="reading one letter off", condition=off),
        Level(label="similar", condition=near),
        Level(label="different", condition="else"),
    ]
    return Comparison(
        name=reading.name,
        columns=(reading.name,),
        beside=(written.name, *([beside.name] if beside else [])),
        levels=tuple(levels),
    )


@dataclass(frozen=True, slots=True)
class _Whole:
    """Expressions of a pair of which one name is in one piece, and where the other parts it.

    `piece` stands in the family name of the one record, and `family` and `given` are the parts
    of the other's; `one` tells whether the pair is so.
    """

    one: str
    piece: str
    family: str
    given: str

    @classmethod
    def of(cls, family: tuple[str, str], given: tuple[str, str]) -> _Whole:
        """Of how both records' family and given names are read."""
        (c, d), (e, f) = family, given
        return cls(
            one=f"(({e} is null) <> ({f} is null))",
            piece=f"if({e} is null, {c}, {d})",
            family=f"if({e} is null, {d}, {c})",
            given=f"coalesce({e}, {f})",
        )

    def holds(self, part: str) -> str:
        """That the piece begins or ends with a part of the other name."""
        found = f"starts_with({self.piece}, {part}) or ends_with({self.piece}, {part})"
        return f"({self.one} and ({found}))"

    @property
    def longer(self) -> str:
        """That the piece is more than the other's family name."""
        return f"({self.holds(self.family)} and {self.piece} <> {self.family})"

    def without(self, part: str) -> str:
        """What the piece is beside a part that it holds."""
        size = f"length({self.piece}) - length({part})"
        return (
            f"if(starts_with({self.piece}, {part}), right({self.piece}, {size}), "
            f"left({self.piece}, {size}))"
        )


def _labelled(label: str, levels: list[Level]) -> list[Level]:
    return [one.model_copy(update={"label": one.label.replace("equal", label)}) for one in levels]


def compare_phone(column: Column) -> Comparison:
    """The comparison of telephone numbers of Japan: a landline is shared by who lives together.

    Which of the two is told is a habit of the source: that they differ then says nothing.
    """
    a, b = _pair(column.name)
    mobile, other = (f"regexp_full_match({side}, '{_MOBILE}')" for side in (a, b))
    levels = [
        Level(label="missing", condition=f"{a} is null or {b} is null", null=True),
        Level(
            label="one of a mobile phone, one of a place",
            condition=f"{mobile} <> {other}",
            null=True,
        ),
        Level(label="equal, of a mobile phone", condition=f"{a} = {b} and {mobile}"),
        Level(label="equal, of a place", condition=f"{a} = {b}"),
        *(Level(label=label, condition=condition) for label, condition in _similar(column, a, b)),
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
    if not column.classes:
        return [Level(label="equal", condition=equal)]
    # Values of which one is no more than a piece of the other are as frequent as the piece.
    rare = f"least({quoted(f'{rarity(column.name)}_l')}, {quoted(f'{rarity(column.name)}_r')})"
    words = (*_FREQUENT[: len(column.classes)], "a rare")
    held = [place for place, values in enumerate(column.classes) if values]
    levels = [
        Level(label=f"equal, {words[place]} value", condition=f"{equal} and {rare} = {place}")
        for place in (len(column.classes), *reversed(held[1:]))
    ]
    return [*levels, Level(label=f"equal, {words[held[0]]} value", condition=equal)]


def _equal_both(one: Column, other: Column, equal: str) -> list[Level]:
    rated = [
        f"{quoted(f'{rarity(c.name)}_l')} >= {len(c.classes) - 1}"
        for c in (one, other)
        if c.classes
    ]
    if not rated:
        return [Level(label="both equal", condition=equal)]
    rare = " and ".join(rated)
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
    made: list[Comparison] = []
    for name, written in read.items():
        reading, family = by_name[name], written.name.endswith(FAMILY)
        made.append(compare_written(written, reading))
        made.append(compare_read(written, reading, _beside(written, by_name), family=family))
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
