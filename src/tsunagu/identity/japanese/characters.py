"""Characters: width, variants of kanji, numbers in kanji, hyphens.

Variants are folded by the tables of the National Tax Agency and the Ministry of Justice that the
package `jntajis` carries (髙 to 高, 邉 and 邊 to 辺, 澤 to 沢); what is folded is a key to compare
by, never a name to show.
"""

from __future__ import annotations

import re
import unicodedata

import jntajis

# 斉 and 斎 are two characters by the book, and one surname in every register of customers.
_ALSO = {"斉": "斎", "齊": "斎", "髙": "高", "ヶ": "ケ", "ヵ": "カ"}
# What registers have taken for each other, though both are common characters of their own.
_NEVER = frozenset("玉書功師宍汎娼吊丑")
_TABLES = (
    jntajis.MJShrinkSchemeCombo.JIS_INCORPORATION_UCS_UNIFICATION_RULE
    | jntajis.MJShrinkSchemeCombo.MOJ_FAMILY_REGISTER_ACT_RELATED_NOTICE
)
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\u200b-\u200f\u2060\ufeff]")
_HYPHENS = re.compile("[-‐‑‒–—―−─━~〜﹣]|(?<=[0-9])ー")
_DIGITS = {c: n for n, c in enumerate("〇一二三四五六七八九")}
_UNITS = {"十": 10, "百": 100, "千": 1000}
KANJI_NUMBER = "[〇一二三四五六七八九十百千]"


def narrow(text: str, longest: int) -> str:
    """NFKC without variation selectors and invisible characters; at most `longest` characters."""
    plain = _SELECTORS.sub("", unicodedata.normalize("NFKC", text[: 2 * longest]))
    return unicodedata.normalize("NFKC", plain).strip()[:longest]


def _standard(character: str) -> str:
    """One form of a kanji and its variants; itself if the tables do not know any."""
    seen = [character]
    while len(seen) < 8:
        step = _ALSO.get(seen[-1]) or _shrunk(seen[-1])
        if step == seen[-1]:
            return step
        if step in seen:
            return min(seen[seen.index(step) :])
        seen.append(step)
    return seen[-1]


def _shrunk(character: str) -> str:
    if not is_kanji(character) or character in _NEVER:
        return character
    shrunk = unicodedata.normalize("NFKC", jntajis.mj_shrink_candidates(character, _TABLES)[0])
    return character if _is_common(character) and not _is_common(shrunk) else shrunk


def _is_common(character: str) -> bool:
    """Whether it is of the first level of JIS X 0208: what the rarer ones are folded into."""
    code = character.encode("shift_jis", "ignore")
    return len(code) == 2 and b"\x88\x9f" <= code <= b"\x98\x72"


def fold(text: str) -> str:
    """With the standard form of each kanji."""
    return text if text.isascii() else text.translate(_STANDARDS)


class _Standards(dict[int, str]):
    """Filled as characters are met; there are no more than Unicode has."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _standard(chr(code))
        return found


_STANDARDS = _Standards()


def is_kanji(character: str) -> bool:
    """Whether it is an ideograph, or stands for one as 々 does."""
    return (
        "\u4e00" <= character <= "\u9fff"
        or "\u3400" <= character <= "\u4dbf"
        or (
            character in "々〆"
            or "\U00020000" <= character <= "\U000323af"
            or "\uf900" <= character <= "\ufaff"
        )
    )


def is_kana(character: str) -> bool:
    """Whether it is hiragana or katakana, the long vowel's sign included."""
    return "\u3041" <= character <= "\u30ff" and character != "・"


def katakana(text: str) -> str:
    """Hiragana as katakana."""
    return "".join(chr(ord(c) + 96) if "ぁ" <= c <= "ゖ" else c for c in text)


def hyphens(text: str) -> str:
    """The many signs written for a hyphen as `-`; the long vowel's sign after a digit alone."""
    return _HYPHENS.sub("-", text)


def number(kanji: str) -> str:
    """`二十三` or `二三` as `23`."""
    if not any(c in _UNITS for c in kanji):
        return str(int("".join(str(_DIGITS.get(c, c)) for c in kanji) or "0"))
    total = digit = 0
    for c in kanji:
        if c in _UNITS:
            total, digit = total + (digit or 1) * _UNITS[c], 0
        else:
            digit = digit * 10 + _DIGITS[c]
    return str(total + digit)
