"""What single values are worth: whether each is of its kind, a placeholder, or cannot be read.

A kind is said by where a value is taken from, not guessed. Readers are those that identities and
matching use, so what is called good here is what they can work with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from tsunagu.identity.japanese import (
    normalise_address,
    normalise_phone,
    normalise_postcode,
    parse_birth_date,
)
from tsunagu.identity.japanese.characters import is_kana, narrow
from tsunagu.identity.japanese.places import places
from tsunagu.identity.kinds import BLOCKED, EMAIL, Kinds
from tsunagu.identity.matching import TRAITS

ValueKind = Literal["name", "kana", "postcode", "address", "phone", "email", "birth_date", "text"]
Verdict = Literal["good", "placeholder", "unreadable"]

OLDEST_YEARS = 120
"""Nobody is older: an earlier date of birth is none."""

_KIND_OF_COLUMN: Mapping[str, ValueKind] = {
    "name": "name",
    "family": "name",
    "given": "name",
    "name_kana": "kana",
    "address": "address",
    "postcode": "postcode",
    "phone": "phone",
    "email": "email",
    "birth_date": "birth_date",
}
# Texts that stand where a value was asked for, whatever was asked for.
_STAND_INS = BLOCKED | {
    *("test", "testtest", "dummy", "sample", "guest", "n/a", "na", "nothing", "unregistered"),
    *("テスト", "てすと", "ダミー", "サンプル", "ゲスト", "匿名", "名無し", "未入力", "未記入"),
    *("住所不明", "不詳", "無", "ー", "-", "."),
}
_NAMES_NOBODY = re.compile(r"(?:テスト|てすと|ダミー|サンプル|\btest\b|\bdummy\b)", re.IGNORECASE)
_DAYS_OF_NOBODY = {date(1900, 1, 1), date(1901, 1, 1), date(1970, 1, 1)}
_MAIL = re.compile(r"[^@\s,;<>]+@(?:[^@\s,;<>.]+\.)+[^@\s,;<>.]{2,}")
_SEQUENCES = ("0123456789", "1234567890")
_FIGURES_TO_BE_A_SEQUENCE = 6


def kinds_of_columns(columns: Mapping[str, Sequence[str]]) -> dict[str, ValueKind]:
    """Of each column of a record the kind of its values, by the traits that it is taken from.

    A trait that no built-in column knows holds text, of which only placeholders are told.
    """
    known = {path: name for name, paths in TRAITS.items() for path in paths}
    found: dict[str, ValueKind] = {}
    for column, paths in columns.items():
        named = next((known[path] for path in paths if path in known), column)
        found[column] = _KIND_OF_COLUMN.get(named, "text")
    return found


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges values by the workspace's kinds of identifiers, as of a day."""

    kinds: Kinds
    today: date

    def judge(self, kind: ValueKind, text: str) -> Verdict:
        """What a value that is not empty is worth; never raises."""
        plain = narrow(text, 500).lower()
        if _stands_in(plain):
            return "placeholder"
        match kind:
            case "email" | "phone":
                return self._identifier(kind, text)
            case "birth_date":
                return self._birth_date(text)
            case "text":
                return "good" if plain else "unreadable"
            case _:
                return _READERS[kind](plain)

    def identifier(self, kind: ValueKind, text: str) -> tuple[str, str] | None:
        """The identifier that a value is, as it is compared; None where it is none."""
        if kind not in (EMAIL, "phone"):
            return None
        value, _ = self.kinds.kind(kind).usable(text)
        return None if value is None else (kind, value)

    def _identifier(self, kind: str, text: str) -> Verdict:
        value, blocked = self.kinds.kind(kind).usable(text)
        if blocked or (kind == "phone" and _is_sequence(text)):
            return "placeholder"
        if kind == EMAIL:
            readable = value and value.isascii() and _MAIL.fullmatch(value)
            return "good" if readable else "unreadable"
        return "good" if value and normalise_phone(text) else "unreadable"

    def _birth_date(self, text: str) -> Verdict:
        day = parse_birth_date(text)
        if day in _DAYS_OF_NOBODY:
            return "placeholder"
        if day is None or day > self.today or self.today.year - day.year > OLDEST_YEARS:
            return "unreadable"
        return "good"


def _stands_in(plain: str) -> bool:
    """Whether a text is one that stands in for a value, or one character again and again."""
    letters = [c for c in plain if c.isalnum() or is_kana(c)]
    return plain in _STAND_INS or (len(letters) > 2 and len(set(letters)) == 1)


def _is_sequence(text: str) -> bool:
    """Whether a number is what fingers type: a run of figures in order."""
    figures = "".join(c for c in narrow(text, 60) if c.isdecimal())
    return any(
        figures[-_FIGURES_TO_BE_A_SEQUENCE:] in sequence and len(figures) > 3
        for sequence in _SEQUENCES
    )


def _name(plain: str) -> Verdict:
    if _NAMES_NOBODY.search(plain):
        return "placeholder"
    readable = any(c.isalpha() for c in plain) and not any(c.isdecimal() or c == "@" for c in plain)
    return "good" if readable else "unreadable"


def _kana(plain: str) -> Verdict:
    if _NAMES_NOBODY.search(plain):
        return "placeholder"
    letters = [c for c in plain if c.isalnum() or is_kana(c)]
    return "good" if letters and all(map(is_kana, letters)) else "unreadable"


def _postcode(plain: str) -> Verdict:
    code = normalise_postcode(plain)
    if code and _is_sequence(code):
        return "placeholder"
    return "good" if code in places().postcodes else "unreadable"


def _address(plain: str) -> Verdict:
    """A house's number is what post and matching cannot do without."""
    return "good" if normalise_address(plain).block else "unreadable"


_READERS: Mapping[str, Callable[[str], Verdict]] = {
    "name": _name,
    "kana": _kana,
    "postcode": _postcode,
    "address": _address,
}
