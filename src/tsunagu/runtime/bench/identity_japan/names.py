"""Surnames and given names with their readings, drawn as often as people bear them.

The lists are CSV files beside this module: surnames with the thousands of people who bear them,
parts that less common surnames are made of (more than half of all people have one outside the
list), and given names with the birth years in which they were liked. The same kanji stand under
several readings and the same reading under many kanji, as in life.
"""

from __future__ import annotations

import csv
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from itertools import accumulate
from math import exp
from random import Random

_FOLDER = files("tsunagu.runtime.bench.identity_japan")
_POPULATION = 125_000.0  # thousands
_PERIOD = 5  # years of birth that share one list of given names
# Characters that half of the names have: sharing them is no family custom.
_TOO_COMMON = frozenset("子美郎太夫男雄一二三江恵")


@dataclass(frozen=True, slots=True)
class Name:
    """A surname or a given name; `reading` is hiragana with `-` between parts that stay apart."""

    kanji: str
    reading: str

    @property
    def kana(self) -> str:
        """The reading in hiragana alone."""
        return self.reading.replace("-", "")


class Weighted:
    """Names of which some are drawn more often than others."""

    def __init__(self, names: Iterable[tuple[Name, float]]) -> None:
        self.entries = list(names)
        self._sums = list(accumulate(weight for _, weight in self.entries))

    def draw(self, chance: Random) -> Name:
        """One name."""
        return self.entries[bisect(self._sums, chance.random() * self._sums[-1])][0]

    def draw_where(self, chance: Random, holds: Callable[[Name], bool]) -> Name | None:
        """One of the names for which `holds`; nothing when there is none."""
        fitting = Weighted(entry for entry in self.entries if holds(entry[0]))
        return fitting.draw(chance) if fitting.entries else None

    @cached_property
    def by_kana(self) -> dict[str, list[tuple[Name, float]]]:
        """The names of each reading."""
        return _grouped(self.entries, lambda name: name.kana)

    @cached_property
    def by_kanji(self) -> dict[str, list[tuple[Name, float]]]:
        """The readings of each spelling."""
        return _grouped(self.entries, lambda name: name.kanji)


def _grouped(
    entries: list[tuple[Name, float]], key: Callable[[Name], str]
) -> dict[str, list[tuple[Name, float]]]:
    groups: dict[str, list[tuple[Name, float]]] = defaultdict(list)
    for name, weight in entries:
        groups[key(name)].append((name, weight))
    return groups


class Names:
    """All names of the made people."""

    def __init__(self) -> None:
        self.surnames = Weighted(_surnames())
        self._given = list(rows("given_names.csv"))
        self._liked: dict[tuple[bool, int], Weighted] = {}
        self.given = {
            female: Weighted(_given(self._given, female, None)) for female in (False, True)
        }

    def liked(self, *, female: bool, born: int) -> Weighted:
        """Given names as parents chose them in the year `born`."""
        period = born // _PERIOD
        if (female, period) not in self._liked:
            year = period * _PERIOD + _PERIOD // 2
            self._liked[female, period] = Weighted(_given(self._given, female, year))
        return self._liked[female, period]

    def shared(self, kin: Name, liked: Weighted, chance: Random) -> Name | None:
        """A name with a character of `kin`, as families like it."""
        kept = frozenset(kin.kanji) - _TOO_COMMON
        return liked.draw_where(
            chance, lambda name: name.kanji != kin.kanji and bool(kept & set(name.kanji))
        )

    def twin(self, of: Name, liked: Weighted, chance: Random) -> Name | None:
        """A name like that of the twin: a shared character, or the same first or last sound."""
        kept = frozenset(of.kanji) - _TOO_COMMON

        def alike(name: Name) -> bool:
            sounds = name.kana[:2] == of.kana[:2] or name.kana[-2:] == of.kana[-2:]
            return name.kana != of.kana and (sounds or bool(kept & set(name.kanji)))

        return liked.draw_where(chance, alike)


def other_kanji(name: Name, among: Weighted, chance: Random) -> Name | None:
    """A name that sounds the same and is written otherwise; nothing when there is none."""
    others = [entry for entry in among.by_kana[name.kana] if entry[0].kanji != name.kanji]
    return Weighted(others).draw(chance) if others else None


def other_reading(name: Name, among: Weighted, chance: Random) -> Name | None:
    """A name that is written the same and sounds otherwise; nothing when there is none."""
    others = [entry for entry in among.by_kanji[name.kanji] if entry[0].kana != name.kana]
    return Weighted(others).draw(chance) if others else None


def _surnames() -> Iterator[tuple[Name, float]]:
    listed: dict[str, list[tuple[Name, float]]] = defaultdict(list)
    for row in rows("surnames.csv"):
        listed[row["kanji"]].append((Name(row["kanji"], row["reading"]), float(row["thousands"])))
    made = [entry for entry in _made_surnames() if entry[0].kanji not in listed]
    rest = _POPULATION - sum(weight for group in listed.values() for _, weight in group)
    scale = rest / sum(weight for _, weight in made)
    for group in listed.values():
        yield from group
    for name, weight in made:
        yield name, weight * scale


def _made_surnames() -> Iterator[tuple[Name, float]]:
    """Surnames of two characters, from parts that stand in thousands of real ones."""
    parts = list(rows("surname_parts.csv"))
    for front in (part for part in parts if part["place"] == "front"):
        for back in (part for part in parts if part["place"] == "back"):
            if front["kanji"] == back["kanji"]:
                continue
            kanji = front["kanji"] + back["kanji"]
            weight = float(front["weight"]) * float(back["weight"])
            for share, reading in _joined(front["readings"].split(), back["readings"].split()):
                yield Name(kanji, reading), weight * share


def _joined(fronts: list[str], backs: list[str]) -> Iterator[tuple[float, str]]:
    for i, front in enumerate(fronts):
        for j, back in enumerate(backs):
            joint = "-" if back[0] in "うお" else ""
            yield 0.3 ** (i + j), front + joint + back


def _given(
    listed: list[dict[str, str]], female: bool, year: int | None
) -> Iterator[tuple[Name, float]]:
    for row in listed:
        if (row["sex"] == "f") != female:
            continue
        weight = float(row["weight"])
        if year is not None:
            weight *= exp(-(((year - float(row["peak"])) / float(row["spread"])) ** 2) / 2) + 0.003
        for place, kanji in enumerate(row["kanji"].split()):
            yield Name(kanji, row["reading"]), weight / (1 + place)


def rows(file: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV file beside this module."""
    with (
        files("tsunagu.runtime.bench.identity_japan").joinpath(file).open(encoding="utf-8") as lines
    ):
        yield from csv.DictReader(lines)
