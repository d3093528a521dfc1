"""Readings: kana, romaji, and what a kanji may be read as.

The border to `sudachipy`, whose dictionary knows what is a family name and what a given one, and
to `jaconv`. Without sudachipy names are split by statistics alone and kanji have no readings.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any

import jaconv

from tsunagu.identity.japanese.characters import katakana

FAMILY = "姓"
GIVEN = "名"

# Kunrei and other spellings to Hepburn's, in this order; long vowels are dropped last.
_SPELLINGS = (
    ("sya", "sha"), ("syu", "shu"), ("syo", "sho"), ("tya", "cha"), ("tyu", "chu"),
    ("tyo", "cho"), ("cya", "cha"), ("cyu", "chu"), ("cyo", "cho"), ("zya", "ja"), ("zyu", "ju"),
    ("zyo", "jo"), ("jya", "ja"), ("jyu", "ju"), ("jyo", "jo"), ("dya", "ja"), ("dyu", "ju"),
    ("dyo", "jo"), ("si", "shi"), ("ti", "chi"), ("tu", "tsu"), ("hu", "fu"), ("zi", "ji"),
    ("di", "ji"), ("du", "zu"), ("dzu", "zu"), ("l", "r"), ("v", "b"),
    ("tch", "cch"),
)  # fmt: skip
_SPELLING = re.compile("|".join(f"(?<![cs]){a}" if a == "hu" else a for a, _ in _SPELLINGS))
_HEPBURN = dict(_SPELLINGS)
_NASAL = re.compile("m(?=[mbp])")
_SILENT = re.compile("w+(?=o)|d+(?=zu)")
_LONG = re.compile(r"o[uh](?![aeiou])|ou|oo|uu|aa|ii|ee")
_SHORT = {"ou": "o", "oh": "o", "oo": "o", "uu": "u", "aa": "a", "ii": "i", "ee": "e"}

_MOST_ROUNDS = 20


def romaji_key(text: str) -> str:
    """One spelling of what Hepburn, Kunrei and passports spell in several; lower case.

    `Satoh`, `Satō`, `Satou` and `SATO` are all `sato`; `Shimbashi` and `Sinbasi` `shinbashi`.
    """
    plain = unicodedata.normalize("NFD", text[:200].casefold())
    plain = "".join(c for c in plain if "a" <= c <= "z" or c == " ")
    plain = re.sub(" +", " ", plain).strip()
    for _ in range(_MOST_ROUNDS):
        spelled = _SILENT.sub("", _SPELLING.sub(lambda m: _HEPBURN[m[0]], plain))
        spelled = _LONG.sub(lambda m: _SHORT[m[0]], _NASAL.sub("n", spelled))
        if spelled == plain:
            break
        plain = spelled
    return plain


@lru_cache(200_000)
def romaji_of(kana: str) -> str:
    """The key, as `romaji_key` writes it, of a text in katakana."""
    return romaji_key(jaconv.kata2alphabet(kana.replace("ー", "")))


@lru_cache(50_000)
def kana_of(romaji: str) -> str:
    """Katakana of a text in romaji; empty if it does not read as Japanese."""
    kana = katakana(jaconv.alphabet2kata(romaji_key(romaji)))
    odd = kana[:1] in ("ッ", "ン") or any("a" <= c <= "z" for c in kana)
    return "" if odd else kana.replace(" ", "")


@cache
def _sudachi() -> tuple[Any, Any] | None:
    try:
        from sudachipy import Dictionary
    except ImportError:
        return None
    dictionary = Dictionary(dict="core")
    return dictionary, dictionary.tokenizer()


@lru_cache(200_000)
def roles_of(word: str) -> dict[str, tuple[str, ...]]:
    """What a word can be: `姓` and `名`, each with its readings in katakana."""
    sudachi = _sudachi()
    found: dict[str, list[str]] = {}
    if sudachi is not None and word:
        for entry in sudachi[0].lookup(word[:20]):
            parts = entry.part_of_speech()
            if parts[2] == "人名" and parts[3] in (FAMILY, GIVEN):
                found.setdefault(parts[3], []).append(katakana(entry.reading_form()))
    return {role: tuple(dict.fromkeys(readings)) for role, readings in found.items()}


@lru_cache(50_000)
def is_place(word: str) -> bool:
    """Whether the dictionary knows it as a place."""
    sudachi = _sudachi()
    found = sudachi[0].lookup(word[:20]) if sudachi is not None and word else []
    return any(entry.part_of_speech()[2] == "地名" for entry in found)


def pieces(text: str) -> list[tuple[str, str, str]]:
    """(piece, its role or another word, its reading in katakana) of a text without spaces."""
    sudachi = _sudachi()
    if sudachi is None or not text:
        return []
    return [
        (m.surface(), m.part_of_speech()[3], katakana(m.reading_form()))
        for m in sudachi[1].tokenize(text[:60])
    ]


def readings_of(word: str, role: str) -> tuple[str, ...]:
    """What a family (`姓`) or given (`名`) name in kanji may be read as, likeliest first."""
    known = roles_of(word).get(role, ())
    if known or not word:
        return known
    spelled = pieces(word)
    reading = "".join(reading for _, _, reading in spelled)
    return (reading,) if reading and all("ァ" <= c <= "ー" for c in reading) else ()
