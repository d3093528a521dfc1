"""Records as each source writes them down, in its own habits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random

import jaconv

from tsunagu.runtime.bench.identity_japan import rates
from tsunagu.runtime.bench.identity_japan.addresses import (
    Way,
    half_width,
    in_kana,
    in_latin,
    written,
)
from tsunagu.runtime.bench.identity_japan.beliefs import Belief
from tsunagu.runtime.bench.identity_japan.homes import area_code
from tsunagu.runtime.bench.identity_japan.romaji import Spelling, romanise

_ERAS = (
    (date(2019, 5, 1), "R", "令和", 2018),
    (date(1989, 1, 8), "H", "平成", 1988),
    (date(1926, 12, 25), "S", "昭和", 1925),
)
_WIDE = str.maketrans("0123456789-", "０１２３４５６７８９－")
_SHOP = Way(prefecture=0.97, hyphens=0.75, wide=0.35, building=0.72)
_STORE = Way(prefecture=0.6, hyphens=0.5, wide=0.15, building=0.6)
_CALL = Way(prefecture=0.35, hyphens=0.35, kanji_chome=0.35, wide=0.2, building=0.6)
_HOST = Way(prefecture=0.75, hyphens=0.55, wide=1.0, building=0.8, spaces=0.6)
_APP = Way(prefecture=0.95, hyphens=0.85, wide=0.1, building=0.75)


@dataclass(slots=True)
class Record:
    """One row of `records`, with what was done to it."""

    source: str
    values: dict[str, str]
    damage: list[str]
    names: tuple[str, str]  # surname and given name as they stand in `name`


def write(belief: Belief, chance: Random) -> Record:
    """The record that the source keeps: only the filled fields."""
    values, names = _WRITERS[belief.source](belief, chance)
    kept = {field: text for field, text in values.items() if field in belief.fields and text}
    record = Record(belief.source, kept, belief.damage, names)
    if belief.source == rates.HOST:
        _cut(record)
    return record


Written = tuple[dict[str, str], tuple[str, str]]


def _shop(belief: Belief, chance: Random) -> Written:
    space = chance.choices((" ", "　", ""), (35, 30, 35))[0]
    hiragana = chance.random() < 0.25
    kana = belief.kana if hiragana else tuple(map(jaconv.hira2kata, belief.kana))
    values = {
        "name": belief.surname.kanji + space + belief.given.kanji,
        "kana": chance.choices((" ", "　", ""), (35, 30, 35))[0].join(kana),
        "address": written(belief, _SHOP, chance),
        "postcode": _postcode(belief.postcode, chance, hyphen=0.6),
        "phone": _phone(belief.phone, chance, hyphens=0.5, wide=0.04),
        "birth_date": belief.born.strftime(chance.choice(("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"))),
        "email": belief.email.upper() if chance.random() < 0.01 else belief.email,
    }
    return values, (belief.surname.kanji, belief.given.kanji)


def _store(belief: Belief, chance: Random) -> Written:
    values = {
        "name": belief.surname.kanji + chance.choice(("　", " ", "")) + belief.given.kanji,
        "kana": chance.choice((" ", " ", "")).join(map(_half, belief.kana)),
        "address": written(belief, _STORE, chance),
        "postcode": _postcode(belief.postcode, chance, hyphen=0.5),
        "phone": _phone(belief.phone, chance, hyphens=0.7, wide=0.0),
        "birth_date": _era_date(belief, chance),
    }
    return values, (belief.surname.kanji, belief.given.kanji)


def _call(belief: Belief, chance: Random) -> Written:
    plain = belief.born.strftime(chance.choice(("%Y/%m/%d", "%Y年%-m月%-d日")))
    era = belief.era_year_off or chance.random() < 0.4
    values = {
        "name": belief.surname.kanji + chance.choice(("　", "")) + belief.given.kanji,
        "kana": chance.choice(("　", " ", "")).join(map(jaconv.hira2kata, belief.kana)),
        "address": written(belief, _CALL, chance),
        "postcode": _postcode(belief.postcode, chance, hyphen=0.7),
        "phone": _phone(belief.phone, chance, hyphens=0.4, wide=0.0),
        "birth_date": _era_date(belief, chance) if era else plain,
        "email": belief.email,
    }
    return values, (belief.surname.kanji, belief.given.kanji)


def _host(belief: Belief, chance: Random) -> Written:
    kana = " ".join(map(half_width, belief.kana))
    # Only the kanji form can hold an old municipality or 大字.
    old = belief.city != belief.home.town.city or bool(belief.town_prefix)
    kanji = old or chance.random() < 0.65
    born = _with_year_off(belief)
    values = {
        "name": kana,
        "kana": kana,
        "address": written(belief, _HOST, chance) if kanji else in_kana(belief, chance),
        "postcode": belief.postcode,
        "phone": _phone(belief.phone, chance, hyphens=0.3, wide=0.0),
        "birth_date": f"{born:%Y%m%d}",
    }
    return values, (half_width(belief.kana[0]), half_width(belief.kana[1]))


def _app(belief: Belief, chance: Random) -> Written:
    spelling = Spelling(
        long=chance.choices(("drop", "keep", "oh"), (60, 25, 15))[0],
        kunrei=chance.random() < 0.1,
        m=chance.random() < 0.3,
    )
    surname = romanise(belief.surname.reading, spelling)
    given = romanise(belief.given.reading, spelling)
    case = chance.choices((str.capitalize, str.upper, str.lower), (70, 20, 10))[0]
    order = (given, surname) if chance.random() < 0.6 else (surname, given)
    latin = chance.random() < 0.4
    values = {
        "name": chance.choices((" ", ", "), (96, 4))[0].join(map(case, order)),
        "address": in_latin(belief, chance) if latin else written(belief, _APP, chance),
        "postcode": _postcode(belief.postcode, chance, hyphen=0.6),
        "phone": _phone(belief.phone, chance, hyphens=0.4, wide=0.0),
        "birth_date": belief.born.isoformat(),
        "email": belief.email,
    }
    return values, (case(order[0]), case(order[1]))


_WRITERS: dict[str, Callable[[Belief, Random], Written]] = {
    rates.SHOP: _shop,
    rates.STORE: _store,
    rates.CALL: _call,
    rates.HOST: _host,
    rates.APP: _app,
}


def _half(kana: str) -> str:
    return jaconv.z2h(jaconv.hira2kata(kana), kana=True)


def _postcode(digits: str, chance: Random, *, hyphen: float) -> str:
    text = f"{digits[:3]}-{digits[3:]}" if chance.random() < hyphen else digits
    if chance.random() < 0.04:
        return "〒" + text
    return text.translate(_WIDE) if chance.random() < 0.05 else text


def _phone(digits: str, chance: Random, *, hyphens: float, wide: float) -> str:
    if not digits or chance.random() >= hyphens:
        return digits
    code = 3 if len(digits) == 11 else len(area_code(digits))
    text = f"{digits[:code]}-{digits[code:-4]}-{digits[-4:]}"
    if chance.random() < 0.08 and len(digits) == 10:
        text = f"({digits[:code]}){digits[code:-4]}-{digits[-4:]}"
    return text.translate(_WIDE) if chance.random() < wide else text


def _with_year_off(belief: Belief) -> date:
    born, year = belief.born, belief.born.year + belief.era_year_off
    leap = born.month == 2 and born.day == 29
    return born.replace(year=year, day=28 if leap and year % 4 else born.day)


def _era_date(belief: Belief, chance: Random) -> str:
    born = _with_year_off(belief)
    _, letter, kanji, before = next(era for era in _ERAS if born >= era[0] or era is _ERAS[-1])
    year = born.year - before
    if chance.random() < 0.6:
        dot = chance.choice((".", ".", "/", "-"))
        return f"{letter}{year}{dot}{born.month}{dot}{born.day}"
    first = "元" if year == 1 else str(year)
    return f"{kanji}{first}年{born.month}月{born.day}日"


def _cut(record: Record) -> None:
    for name, limit in (
        ("name", rates.NAME_CUT),
        ("kana", rates.NAME_CUT),
        ("address", rates.ADDRESS_CUT),
    ):
        text = record.values.get(name, "")
        if len(text) > limit:
            record.values[name] = text[:limit].rstrip()
            record.damage.append("cut_address" if name == "address" else "cut_name")
