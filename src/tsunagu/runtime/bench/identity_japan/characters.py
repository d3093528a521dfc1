"""Characters that one name is written with: old and variant forms, and the plain ones of every day.

A family has one form in the register and keeps it; a shop, a store or an agent often types the
plain form, or another variant, since the keyboard gives that first.
"""

from __future__ import annotations

from random import Random

# Plain character: variants, each with its share of those who bear the name.
VARIANTS: dict[str, tuple[tuple[str, float], ...]] = {
    "高": (("髙", 0.08),),
    "崎": (("﨑", 0.09),),
    "辺": (("邊", 0.12), ("邉", 0.13)),
    "斎": (("齋", 0.22),),
    "斉": (("齊", 0.08),),
    "沢": (("澤", 0.35),),
    "浜": (("濱", 0.25),),
    "広": (("廣", 0.2),),
    "桜": (("櫻", 0.15),),
    "国": (("國", 0.15),),
    "関": (("關", 0.01),),
    "吉": (("𠮷", 0.03),),
    "竜": (("龍", 0.2),),
    "滝": (("瀧", 0.2),),
    "島": (("嶌", 0.01),),
    "恵": (("惠", 0.15),),
    "真": (("眞", 0.12),),
    "富": (("冨", 0.15),),
    "柳": (("栁", 0.03),),
    "桑": (("桒", 0.04),),
    "条": (("條", 0.1),),
    "蔵": (("藏", 0.1),),
    "徳": (("德", 0.1),),
    "館": (("舘", 0.2),),
    "峰": (("峯", 0.3),),
    "黒": (("黑", 0.04),),
    "瀬": (("瀨", 0.08),),
    "曽": (("曾", 0.15),),
    "桧": (("檜", 0.4),),
    "栄": (("榮", 0.06),),
    "鉄": (("鐵", 0.05),),
    "礼": (("禮", 0.03),),
    "弥": (("彌", 0.04),),
}
_PLAIN = {v: plain for plain, variants in VARIANTS.items() for v, _ in variants}
# What a clerk types who knows the name and not the character.
_CONFUSED = {
    "斎": "斉",
    "斉": "斎",
    "齋": "斉齊",
    "齊": "斎齋",
    "邊": "邉",
    "邉": "邊",
    "嶋": "島",
    "島": "嶋",
    "冨": "富",
    "曽": "曾",
    "峯": "峰",
    "舘": "館",
    "櫻": "桜",
    "太": "大",
}
_FROM_KEYBOARD = str.maketrans(_PLAIN)


def register_form(kanji: str, chance: Random, share: float = 1.0) -> str:
    """The name as the register has it: some bear a variant; `share` makes them fewer."""
    return "".join(_borne(character, chance, share) for character in kanji)


def _borne(character: str, chance: Random, share: float) -> str:
    for variant, borne in VARIANTS.get(character, ()):
        if chance.random() < borne * share:
            return variant
    return character


def plain_form(kanji: str) -> str:
    """The name with every-day characters only."""
    return kanji.translate(_FROM_KEYBOARD)


def other_variant(kanji: str, chance: Random) -> str | None:
    """The name with one character mistaken for its like; nothing when it has none such."""
    places = [i for i, character in enumerate(kanji) if character in _CONFUSED]
    if not places:
        return None
    place = chance.choice(places)
    return kanji[:place] + chance.choice(_CONFUSED[kanji[place]]) + kanji[place + 1 :]
