"""Addresses as each source writes them: the numbers, the building, kanji, kana or Latin letters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

import jaconv

from tsunagu.runtime.bench.identity_japan.beliefs import Belief
from tsunagu.runtime.bench.identity_japan.romaji import romanise

_WIDE = str.maketrans("0123456789-", "０１２３４５６７８９－")
_KANJI = "〇一二三四五六七八九"
_DASHES = "-----－－ー‐−―"  # as often as they stand here
_BIG = str.maketrans("ァィゥェォッャュョヮ", "アイウエオツヤユヨワ")
_COUNTY = re.compile("(.+?)(グン)(.+)(チョウ|マチ|ムラ|ソン)")
_LARGE = (
    "サッポロ センダイ サイタマ チバ ヨコハマ カワサキ サガミハラ ニイガタ シズオカ ハママツ "
    "ナゴヤ キョウト オオサカ サカイ コウベ オカヤマ ヒロシマ キタキュウシュウ フクオカ クマモト"
)
_WARD = re.compile(f"({'|'.join(_LARGE.split())})(シ)(.+)(ク)")
_PLAIN_CITY = re.compile("(.+)(シ|ク|チョウ|マチ|ムラ|ソン)")


@dataclass(frozen=True, slots=True)
class Way:
    """How an address is written: each is the chance of that habit."""

    prefecture: float = 1.0
    hyphens: float = 0.6
    kanji_chome: float = 0.0
    wide: float = 0.3
    building: float = 0.8
    room: float = 0.95
    spaces: float = 0.3


def written(belief: Belief, way: Way, chance: Random) -> str:
    """The address in kanji."""
    home, town = belief.home, belief.home.town
    name = _town(town.name, chance)
    prefecture = town.prefecture if chance.random() < way.prefecture else ""
    space = chance.choice((" ", "　")) if chance.random() < way.spaces else ""
    street = _numbers(home.numbers, town.chome, way, chance)
    text = f"{prefecture}{belief.city}{belief.town_prefix}{name}{street}"
    if home.room:
        text += _flat(belief, way, chance, space)
    return text.translate(_WIDE) if chance.random() < way.wide else text


def _town(name: str, chance: Random) -> str:
    if "ケ" in name and chance.random() < 0.5:
        return name.replace("ケ", chance.choice("ヶがケ"))
    if "ノ" in name and chance.random() < 0.3:
        return name.replace("ノ", chance.choice("之の"))
    return name


def _flat(belief: Belief, way: Way, chance: Random, space: str) -> str:
    home = belief.home
    room = home.room if chance.random() < way.room else ""
    if chance.random() >= way.building:
        return f"-{room}" if room else ""
    end = chance.choice(("", "", "号室", "号")) if room else ""
    return f"{space or ' '}{home.building}{space}{room}{end}"


def _numbers(numbers: tuple[int, ...], chome: bool, way: Way, chance: Random) -> str:
    if not chome:
        return _banchi(numbers, way, chance)
    first, ban, go = numbers
    dash = chance.choice(_DASHES)
    style = chance.random()
    kanji = chance.random() < way.kanji_chome
    if style < way.hyphens and not kanji:
        return dash.join(map(str, numbers))
    head = f"{_KANJI[first] if kanji else first}丁目"
    if style < way.hyphens + 0.15:
        return f"{head}{ban}{dash}{go}"
    return f"{head}{ban}番{go}号" if style < 0.93 else f"{head}{ban}番地{go}"


def _banchi(numbers: tuple[int, ...], way: Way, chance: Random) -> str:
    banchi, *branch = map(str, numbers)
    if chance.random() < way.hyphens:
        return chance.choice(_DASHES).join([banchi, *branch])
    if not branch:
        return f"{banchi}番地"
    return f"{banchi}番地{chance.choice(('', 'の'))}{branch[0]}"


def in_kana(belief: Belief, chance: Random) -> str:
    """The address in half-width katakana, small kana written large."""
    home, town = belief.home, belief.home.town
    prefecture = town.prefecture_kana if chance.random() < 0.5 else ""
    street = "-".join(map(str, home.numbers))
    text = f"{prefecture}{town.city_kana}{town.kana}{street}"
    if home.room and chance.random() < 0.7:
        text += f" {_reading(home.building, belief)}{home.room}"
    return half_width(text)


def _reading(building: str, belief: Belief) -> str:
    return building.replace(belief.home.town.name, belief.home.town.kana).replace("荘", "ソウ")


def half_width(kana: str) -> str:
    """Kana in half width as an old host keeps them: no small ones, voiced marks apart."""
    text = jaconv.hira2kata(kana).translate(_BIG)
    text = text.replace("団地", "ダンチ")
    return jaconv.z2h(text, kana=True, digit=True, ascii=True)


def in_latin(belief: Belief, chance: Random) -> str:
    """The address as English forms have it, the number first and the prefecture last."""
    home, town = belief.home, belief.home.town
    street = "-".join(map(str, home.numbers))
    prefecture = re.sub("(ken|fu|to)$", "", romanise(town.prefecture_kana))
    flat = f"{home.room} {_capital(_reading(home.building, belief))}, " if home.room else ""
    if home.room and chance.random() < 0.4:
        flat, street = "", f"{street}-{home.room}"
    city = _city(town.city_kana, county="郡" in town.city)
    return f"{flat}{street} {_capital(town.kana)}, {city}, {prefecture.capitalize()}"


def _city(kana: str, *, county: bool) -> str:
    """Hodogaya-ku, Yokohama-shi: the smaller first, each with what it is."""
    pattern = _COUNTY if county else _WARD
    found = pattern.fullmatch(kana) or _PLAIN_CITY.fullmatch(kana)
    if not found:
        return _capital(kana)
    parts = found.groups()
    named = [f"{_capital(parts[i])}-{romanise(parts[i + 1])}" for i in range(0, len(parts), 2)]
    return ", ".join(reversed(named))


def _capital(kana: str) -> str:
    digits = jaconv.z2h(kana, kana=False, digit=True, ascii=True)
    return romanise(jaconv.z2h(digits, kana=False).replace("団地", "ダンチ")).capitalize()
