"""Dates of birth, in years of the era (和暦) or of the calendar.

The eras are the table of `japanera`, as in the mapping of files; an era that has ended counts on.
Two figures for a year without an era are not read: nobody can tell.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache

from japanera import ERA_DATA_GENERAL

from tsunagu.identity.japanese.characters import KANJI_NUMBER, narrow, number

_SIGNS = {"㍾": "明治", "㍽": "大正", "㍼": "昭和", "㍻": "平成", "㋿": "令和"}
_CODES = {"1": "明治", "2": "大正", "3": "昭和", "4": "平成", "5": "令和"}
_SPOKEN = re.compile(
    r"^(明治|大正|昭和|平成|令和|[mtshr])?\.?\s*(元|\d{1,4})\s*[-/.,年\s]\s*(\d{1,2})\s*[-/.,月\s]\s*"
    r"(\d{1,2})\s*日?(?:生(?:まれ)?)?(?:[\sT].*)?$",
    re.IGNORECASE,
)
_PACKED = re.compile(r"^(\d{4})(\d\d)(\d\d)$")
_ERA_PACKED = re.compile(r"^([mtshr1-5])(\d\d)(\d\d)(\d\d)$", re.IGNORECASE)
_KANJI = re.compile(f"{KANJI_NUMBER}+(?=[年月日])")


@cache
def _first_years() -> dict[str, int]:
    """The first year of each era since 明治, by its name and its letter."""
    years: dict[str, int] = {}
    for era in ERA_DATA_GENERAL:
        if era.since and era.since.year >= 1868:
            years[era.kanji] = era.since.year
            years[era.english[:1].lower()] = era.since.year
    return years


def parse_birth_date(text: str) -> date | None:
    """The day that a text says; None if it says none, or one before 1868."""
    plain = text[:40]
    for sign, era in _SIGNS.items():
        plain = plain.replace(sign, era)
    plain = _KANJI.sub(lambda m: number(m[0]), narrow(plain, 40))
    if found := _PACKED.match(plain):
        return _day(None, *found.groups())
    if found := _ERA_PACKED.match(plain):
        return _day(_CODES.get(found[1], found[1]), *found.groups()[1:])
    return _day(*found.groups()) if (found := _SPOKEN.match(plain)) else None


def _day(era: str | None, year: str, month: str, day: str) -> date | None:
    count = 1 if year == "元" else int(year)
    first = _first_years().get(era.lower()) if era else None
    if first is not None:
        count = first + count - 1 if 0 < count < 100 else 0
    if not 1868 <= count <= 2200:
        return None
    try:
        return date(count, int(month), int(day))
    except ValueError:
        return None
