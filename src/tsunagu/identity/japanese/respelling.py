"""Addresses in kana or in Latin letters, respelled as Japan Post's list writes the places.

Old hosts hold half-width katakana with small letters made large, and English forms Latin letters
from the room to the prefecture. Places are found by how they are read; what follows them stays
as it is. A text whose places are not on the list is left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from tsunagu.identity.japanese.characters import is_kana, is_kanji, katakana, narrow
from tsunagu.identity.japanese.places import Town, list_of_places
from tsunagu.identity.japanese.readings import romaji_key, romaji_of

_LARGE = str.maketrans("ァィゥェォッャュョヮヂヅ", "アイウエオツヤユヨワジズ", "ー・ ")
_COUNTY = re.compile(r"^.{1,8}?(?:グン|gun)(?=..)")
_KIND = re.compile(r"(?:ケン|フ|ト|ken|fu|to)$")
_SECTION = re.compile(r"^(?:オオアザ|アザ|oaza|aza)(?=.)")
_LETTERS = re.compile("[a-z]+")
_KANA = re.compile("[ァ-ヿ]+")
_BESIDE = re.compile(r"(?:[\s,]+(?:[0-9]{3}-[0-9]{4}|japan))+\s*$", re.IGNORECASE)
_NUMBERS_FIRST = re.compile(r"^([0-9][0-9-]*)\s+(\D.*)$")
_UNITS = (
    (re.compile(r"(?<=[0-9])-?(?:チヨウメ|チョウメ|chome)[- ]*", re.IGNORECASE), "丁目"),
    (re.compile(r"(?<=[0-9])-?(?:バンチノ?|banchi)[- ]*", re.IGNORECASE), "番地"),
    (re.compile(r"(?<=[0-9])-?(?:バン|ban)[- ]*(?![ァ-ヿa-z])", re.IGNORECASE), "番"),
    (re.compile(r"(?<=[0-9])-?(?:ゴウ|go)(?![ァ-ヿa-z])", re.IGNORECASE), "号"),
)
_MOST_WORDS = 5
_LONGEST_NAME = 30


@dataclass(slots=True)
class _Read:
    """What there is by how it is read, in large katakana as well as in Latin letters."""

    prefectures: dict[str, str] = field(default_factory=dict[str, str])
    cities: dict[str, set[tuple[str, str]]] = field(default_factory=dict[str, set[tuple[str, str]]])
    """Prefecture and city, by the name of the city with and without its county."""
    towns: dict[tuple[str, str], dict[str, str]] = field(
        default_factory=dict[tuple[str, str], dict[str, str]]
    )


@cache
def _read() -> _Read:
    found = _Read()
    with list_of_places() as connection:
        rows = connection.execute("select prefecture, city, neighborhood, data from postal_data")
        for prefecture, city, town, told in rows:
            _add(found, Town(prefecture, city, town), json.loads(told))
    return found


def _add(found: _Read, place: Town, told: Mapping[str, str]) -> None:
    at = place.prefecture, place.city
    if at not in found.towns:
        found.towns[at] = {}
        for key in _keys(told["prefecture_kana"]):
            found.prefectures[key] = found.prefectures[_KIND.sub("", key)] = place.prefecture
        for key in _keys(told["city_kana"]):
            for name in (key, _COUNTY.sub("", key)):
                found.cities.setdefault(name, set()).add(at)
    if place.town:
        for key in _keys(told["neighborhood_kana"]):
            found.towns[at][key] = place.town


def _keys(kana: str) -> tuple[str, str]:
    """A name in katakana as it is looked up where it is in kana, and where in Latin letters."""
    plain = narrow(kana, 80)
    return _kana_key(plain), _latin_key(_KANA.sub(lambda m: romaji_of(m[0]), plain))


def _kana_key(text: str) -> str:
    return katakana(text).translate(_LARGE)


def _latin_key(text: str) -> str:
    plain = re.sub("[^a-z0-9]+", "", text.casefold())
    return _LETTERS.sub(lambda m: romaji_key(m[0]), plain)


def respelled(text: str, listed: list[Town]) -> str:
    """The address with its places in kanji, if it is written in kana or Latin letters.

    Args:
        text: half and full width made equal.
        listed: the towns of its postcode, if it has one: they tell which of two equal names it is.
    """
    if any(map(is_kanji, text)):
        return text
    if sum(map(is_kana, text)) > 3:
        found = _of_kana(_kana_key(text), listed)
    elif re.search("[A-Za-z]{3}", text):
        found = next(filter(None, (_of_words(words, listed) for words in _orders(text))), None)
    else:
        return text
    if found is None:
        return text
    place, rest = found
    for unit, kanji in _UNITS:
        rest = unit.sub(kanji, rest)
    return f"{place.prefecture}{place.city}{place.town}{rest}"


def _of_kana(text: str, listed: list[Town]) -> tuple[Town, str] | None:
    prefecture, rest = _longest(text, _read().prefectures)
    # オオサカシキタク begins with the city, not with the prefecture of that name.
    found = _in(prefecture, rest, listed) if prefecture else None
    return found or _in("", text, listed)


def _in(prefecture: str, rest: str, listed: list[Town]) -> tuple[Town, str] | None:
    """City and town at the beginning of a text in kana; of any prefecture, if none is told."""
    known = _read()
    for size in range(min(_LONGEST_NAME, len(rest)), 1, -1):
        cities = known.cities.get(rest[:size], set())
        after = _SECTION.sub("", rest[size:])
        towns = {at: _longest(after, known.towns[at]) for at in cities if prefecture in ("", at[0])}
        if found := _one(towns, prefecture, listed):
            return found
    return None


def _one(
    towns: Mapping[tuple[str, str], tuple[str, str]], prefecture: str, listed: list[Town]
) -> tuple[Town, str] | None:
    """The only city that a name can be, by its town if there are several of that name.

    Args:
        towns: of each city the town that follows and what is left then.
    """
    said = {at: told for at, told in towns.items() if told[0]} or towns
    coded = {(t.prefecture, t.city) for t in listed}
    by_code = {at: told for at, told in said.items() if at in coded}
    said = by_code or said
    if len(said) != 1:
        return None
    ((at, (town, rest)),) = said.items()
    # A city without its prefecture could be any word, unless a town of it follows.
    return (Town(*at, town), rest) if prefecture or town or by_code else None


def _longest(text: str, names: Mapping[str, str]) -> tuple[str, str]:
    for size in range(min(_LONGEST_NAME, len(text)), 0, -1):
        if found := names.get(text[:size]):
            return found, text[size:]
    return "", text


def _orders(text: str) -> Iterator[list[str]]:
    """The words of an address in Latin letters, from the largest place on."""
    pieces = [piece.strip() for piece in _BESIDE.sub("", text).split(",") if piece.strip()]
    turned = [_NUMBERS_FIRST.sub(r"\2 \1", piece) for piece in reversed(pieces)]
    yield " ".join(turned).split()
    yield " ".join(pieces).split()


def _of_words(words: list[str], listed: list[Town]) -> tuple[Town, str] | None:
    known = _read()
    prefecture = known.prefectures.get(_latin_key(words[0]), "") if words else ""
    rest = words[1:] if prefecture else words
    for count in range(min(_MOST_WORDS, len(rest)), 0, -1):
        cities = known.cities.get(_latin_key("".join(rest[:count])), set())
        towns = {
            at: _town(rest[count:], known.towns[at]) for at in cities if prefecture in ("", at[0])
        }
        if found := _one(towns, prefecture, listed):
            return found
    return None


def _town(words: list[str], towns: Mapping[str, str]) -> tuple[str, str]:
    for count in range(min(_MOST_WORDS, len(words)), 0, -1):
        key = _SECTION.sub("", _latin_key("".join(words[:count])))
        if found := towns.get(key):
            return found, " ".join(words[count:])
    return "", " ".join(words)
