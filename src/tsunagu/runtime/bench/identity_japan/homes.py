"""Homes: a number in a town, perhaps a flat in a building, perhaps a telephone line."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from random import Random

from tsunagu.runtime.bench.identity_japan.rates import (
    FLAT_ELSEWHERE,
    FLAT_IN_CITY,
    SAME_BUILDING,
)
from tsunagu.runtime.bench.identity_japan.towns import Town, Towns

# Area codes of the capital and of other places: the first of these that the chance gives.
_AREA_CODES = dict(
    pair.split("=")
    for pair in [
        "北海道=011,0166,0138",
        "青森県=017,0172",
        "岩手県=019,0197",
        "宮城県=022,0229",
        "秋田県=018,0182",
        "山形県=023,0234",
        "福島県=024,0246",
        "茨城県=029,0297",
        "栃木県=028,0285",
        "群馬県=027,0276",
        "埼玉県=048,049,04",
        "千葉県=043,047,04",
        "東京都=03,042",
        "神奈川県=045,044,046",
        "新潟県=025,0258",
        "富山県=076,0766",
        "石川県=076,0761",
        "福井県=0776,0778",
        "山梨県=055,0554",
        "長野県=026,0263",
        "岐阜県=058,0584",
        "静岡県=054,053,0545",
        "愛知県=052,0564,0566",
        "三重県=059,0598",
        "滋賀県=077,0749",
        "京都府=075,0774",
        "大阪府=06,072",
        "兵庫県=078,079,0798",
        "奈良県=0742,0743",
        "和歌山県=073,0739",
        "鳥取県=0857,0859",
        "島根県=0852,0853",
        "岡山県=086,0868",
        "広島県=082,084,0848",
        "山口県=083,0834",
        "徳島県=088,0884",
        "香川県=087,0877",
        "愛媛県=089,0897",
        "高知県=088,0887",
        "福岡県=092,093,0942",
        "佐賀県=0952,0955",
        "長崎県=095,0956",
        "熊本県=096,0968",
        "大分県=097,0977",
        "宮崎県=0985,0982",
        "鹿児島県=099,0995",
        "沖縄県=098,0980",
    ]
)
_BUILDING_FIRST = [
    "サン",
    "グリーン",
    "メゾン",
    "コーポ",
    "ハイツ",
    "パーク",
    "レジデンス",
    "ロイヤル",
    "プレミール",
    "シャトー",
    "ルミエール",
    "フラワー",
    "ライオンズ",
    "ダイア",
    "セントラル",
    "ヴィラ",
    "エスポワール",
    "ベル",
    "プラザ",
    "ファミール",
]
_BUILDING_LAST = [
    "ハイツ",
    "コーポ",
    "マンション",
    "ハイム",
    "パレス",
    "ヒルズ",
    "コート",
    "テラス",
    "ガーデン",
    "ビレッジ",
    "タワー",
    "荘",
    "アパート",
    "団地",
    "レジデンス",
]


@dataclass(frozen=True, slots=True)
class Home:
    """Where a household lives. `numbers` are chome, ban and go, or banchi and its branch."""

    town: Town
    numbers: tuple[int, ...]
    building: str = ""
    room: str = ""
    landline: str = ""  # digits


class Homes:
    """Makes homes; remembers buildings, so that strangers live in one house, as they do."""

    def __init__(self, towns: Towns, chance: Random) -> None:
        self._towns = towns
        self._chance = chance
        self._buildings: dict[str, list[Home]] = defaultdict(list)

    def draw(self, *, line: float, near: Home | None = None) -> Home:
        """A home, with a telephone line at the chance `line`.

        Args:
            near: an earlier home; half of those who move stay in the city.
        """
        chance = self._chance
        stays = near is not None and chance.random() < 0.5
        town = self._towns.near(near.town, chance) if near and stays else self._towns.draw(chance)
        if chance.random() < (FLAT_IN_CITY if "区" in town.city else FLAT_ELSEWHERE):
            home = self._flat(town)
        else:
            home = Home(town, _numbers(town, chance))
        if chance.random() < line:
            home = replace(home, landline=_landline(town, chance))
        return home

    def _flat(self, town: Town) -> Home:
        chance = self._chance
        known = self._buildings[town.postcode]
        room = f"{chance.randint(1, 9 if chance.random() < 0.3 else 3)}0{chance.randint(1, 8)}"
        if known and chance.random() < SAME_BUILDING:
            return replace(chance.choice(known), room=room)
        first = town.name if chance.random() < 0.2 else chance.choice(_BUILDING_FIRST)
        last = chance.choice([word for word in _BUILDING_LAST if word != first])
        home = Home(town, _numbers(town, chance), first + last, room)
        known.append(home)
        return home


def _numbers(town: Town, chance: Random) -> tuple[int, ...]:
    if town.chome:
        return _chome(chance), chance.randint(1, 30), chance.randint(1, 25)
    banchi = 1 + int(chance.paretovariate(0.6) * 20) % 3000
    return (banchi,) if chance.random() < 0.4 else (banchi, chance.randint(1, 30))


def _chome(chance: Random) -> int:
    return chance.choices((1, 2, 3, 4, 5, 6, 7, 8), (10, 9, 8, 6, 4, 3, 1, 1))[0]


def _landline(town: Town, chance: Random) -> str:
    codes = _AREA_CODES[town.prefecture].split(",")
    code = codes[min(int(chance.expovariate(1.2)), len(codes) - 1)]
    rest = 10 - len(code)
    return code + str(chance.randint(2, 7)) + f"{chance.randrange(10 ** (rest - 1)):0{rest - 1}d}"


def area_code(landline: str) -> str:
    """The area code that a landline begins with; three digits when it begins with none."""
    codes = [c for codes in _AREA_CODES.values() for c in codes.split(",")]
    return max((code for code in codes if landline.startswith(code)), key=len, default=landline[:3])


def mobile(chance: Random) -> str:
    """The digits of a mobile phone."""
    first = chance.choices(("090", "080", "070"), (50, 38, 12))[0]
    return f"{first}{chance.randint(1, 9)}{chance.randrange(10**7):07d}"
