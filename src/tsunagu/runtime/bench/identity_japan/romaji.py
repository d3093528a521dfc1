"""Readings in Latin letters, as people write them: Hepburn or Kunrei, long vowels three ways.

A reading is hiragana with `-` where two parts of a name meet and two vowels are not one long
vowel: まつ-うら is Matsuura, いの-うえ Inoue.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import jaconv


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to write a reading: `long` is what becomes of the second half of おう and うう."""

    long: str = "drop"  # drop: sato; keep: satou; oh: satoh
    kunrei: bool = False
    m: bool = False  # homma, not honma


HEPBURN = Spelling()
_VOWELS = "aiueo"
_ROWS = {
    "": "あいうえお",
    "k": "かきくけこ",
    "s": "さしすせそ",
    "t": "たちつてと",
    "n": "なにぬねの",
    "h": "はひふへほ",
    "m": "まみむめも",
    "r": "らりるれろ",
    "g": "がぎぐげご",
    "z": "ざじずぜぞ",
    "d": "だぢづでど",
    "b": "ばびぶべぼ",
    "p": "ぱぴぷぺぽ",
}
_KUNREI = {
    **{k: c + v for c, row in _ROWS.items() for k, v in zip(row, _VOWELS, strict=True)},
    **{"や": "ya", "ゆ": "yu", "よ": "yo", "わ": "wa", "を": "o", "ん": "n"},
    **{"ぢ": "zi", "づ": "zu", "ゔ": "vu"},
}
_HEPBURN = _KUNREI | {"し": "shi", "ち": "chi", "つ": "tsu", "ふ": "fu", "じ": "ji", "ぢ": "ji"}
_SMALL = {"ゃ": "ya", "ゅ": "yu", "ょ": "yo", "ぁ": "a", "ぃ": "i", "ぅ": "u", "ぇ": "e", "ぉ": "o"}
_SOUND = re.compile(r".[ゃゅょぁぃぅぇぉ]?")


@lru_cache(100_000)
def romanise(reading: str, spelling: Spelling = HEPBURN) -> str:
    """A reading (hiragana or katakana) in small Latin letters."""
    parts = jaconv.kata2hira(reading).split("-")
    return "".join(_part(part, spelling) for part in parts)


def _part(kana: str, spelling: Spelling) -> str:
    written, double = "", False
    for sound in _SOUND.findall(kana):
        if sound == "っ":
            double = True
        elif sound in "うおー" and written and _is_long(written, sound):
            written += _lengthened(written, sound, spelling)
        else:
            letters = _letters(sound, spelling)
            if double:
                letters = ("t" if letters.startswith("ch") else letters[:1]) + letters
            written, double = written + letters, False
    return re.sub("n(?=[bmp])", "m", written) if spelling.m else written


def _letters(sound: str, spelling: Spelling) -> str:
    table = _KUNREI if spelling.kunrei else _HEPBURN
    first = table.get(sound[0], sound[0] if sound[0].isascii() else "")
    if len(sound) == 1:
        return first
    small = _SMALL[sound[1]]
    if first.endswith(("shi", "chi", "ji")):
        return first[:-1] + small[-1]
    return first[:-1] + small


def _is_long(written: str, sound: str) -> bool:
    last = written[-1]
    return sound == "ー" or last == "o" or (sound == "う" and last == "u")


def _lengthened(written: str, sound: str, spelling: Spelling) -> str:
    if spelling.long == "keep":
        return written[-1] if sound == "ー" else {"う": "u", "お": "o"}[sound]
    return "h" if spelling.long == "oh" and written[-1] == "o" else ""
