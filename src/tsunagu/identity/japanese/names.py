"""Names of people: width, kana, variants, spacing, order, readings.

A name's `key` ignores spaces and the variants of its characters. Where no reading is given, the
dictionary's likeliest stands in for it: good to find candidates by, weak as evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from tsunagu.identity.japanese.characters import fold, is_kana, is_kanji, katakana, narrow
from tsunagu.identity.japanese.readings import (
    FAMILY,
    GIVEN,
    kana_of,
    pieces,
    readings_of,
    roles_of,
    romaji_key,
    romaji_of,
)

LONGEST = 80
_TITLES = re.compile(r"(?<=..)\s*(様|さま|殿|さん|御中)$|^(mr|mrs|ms|dr)\.?\s+", re.IGNORECASE)
_BESIDE = re.compile(r"[(\[（【]([^)\]）】]*)[)\]）】]")
_BETWEEN = re.compile(r"[\s・,、/_.]+")


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name; each part empty if unknown.

    `family` and `given` as written (kanji folded to their standard forms), `kana` the reading in
    katakana without spaces, `romaji` one spelling of it, in lower case with a space between family
    and given name, `key` what equal names have in common.
    """

    family: str = ""
    given: str = ""
    kana: str = ""
    romaji: str = ""
    key: str = ""


def normalise_name(text: str) -> Name:
    """The name that a text says, family name first whatever the order it was written in."""
    plain = narrow(text, LONGEST)
    beside = _BESIDE.search(plain)
    reading = _letters(beside[1]) if beside else ""
    plain = _TITLES.sub("", _BESIDE.sub("", plain).strip()).strip()
    written = [p for p in _BETWEEN.split(fold(plain)) if p]
    if not written:
        return Name()
    if all(c.isascii() or not (is_kana(c) or is_kanji(c)) for p in written for c in p):
        return _latin(plain, written)
    family, given = _split(written)
    if all(is_kana(c) for c in family + given):
        family, given = katakana(family), katakana(given)
    parts = (_kana(family, FAMILY), _kana(given, GIVEN))
    told = katakana(reading) if reading and all(map(is_kana, reading)) else ""
    kana = told or ("".join(parts) if all(parts) or not given else "")
    romaji = romaji_of(told) if told else " ".join(romaji_of(p) for p in parts if p)
    return Name(family, given, kana, romaji if kana else "", family + given)


def _letters(text: str) -> str:
    return "".join(_BETWEEN.split(text))


def _kana(word: str, role: str) -> str:
    if all(is_kana(c) for c in word):
        return katakana(word)
    return next(iter(readings_of(word, role)), "")


def _split(written: list[str]) -> tuple[str, str]:
    if len(written) == 1:
        return _split_one(written[0])
    family, given = written[0], "".join(written[1:])
    roles, others = roles_of(family), roles_of(given)
    turned = FAMILY not in roles and GIVEN in roles and FAMILY in others and GIVEN not in others
    return (given, family) if turned else (family, given)


def _split_one(word: str) -> tuple[str, str]:
    word = katakana(word) if all(map(is_kana, word)) else word
    if FAMILY in roles_of(word):
        return word, ""
    for at in range(min(len(word) - 1, 5), 0, -1):
        if FAMILY in roles_of(word[:at]) and GIVEN in roles_of(word[at:]):
            return word[:at], word[at:]
    found = pieces(word)
    if len(found) > 1 and found[0][1] == FAMILY:
        return found[0][0], word[len(found[0][0]) :]
    if GIVEN in roles_of(word) or len(word) < 2 or not any(map(is_kanji, word)):
        return word, ""
    divided = _divider().divide_name(word)
    return str(divided.family), str(divided.given)


@cache
def _divider() -> Any:
    from namedivider import BasicNameDivider

    return BasicNameDivider()


def _latin(plain: str, written: list[str]) -> Name:
    keys = [k for k in (romaji_key(p) for p in written) if k]
    if not keys:
        key = "".join(written).casefold()
        return Name(key, "", "", "", key)
    if len(keys) == 1:
        return Name(keys[0], "", kana_of(keys[0]), keys[0], keys[0])
    last_first = "," not in plain and not _family_first(plain, keys)
    family = keys[-1] if last_first else keys[0]
    given = "".join(keys[:-1] if last_first else keys[1:])
    kana = (kana_of(family), kana_of(given))
    return Name(family, given, "".join(kana) if all(kana) else "", f"{family} {given}",
                family + given)  # fmt: skip


def _family_first(plain: str, keys: list[str]) -> bool:
    """Whether the first word is the family name: in capitals alone, or known as one alone."""
    words = plain.replace(",", " ").split()
    capitals = [len(w) > 1 and w.isupper() for w in words]
    if capitals[0] != capitals[-1]:
        return capitals[0]
    first, last = (roles_of(kana_of(k)) for k in (keys[0], keys[-1]))
    return (FAMILY in first) - (GIVEN in first) > (FAMILY in last) - (GIVEN in last)
