"""Addresses: from the prefecture to the room.

Japan Post's list tells where the municipality and the town end; what follows is read by its
shape. 丁目・番地・号 and hyphens come out alike (`1-2-3`). A prefecture that is left out comes
from the municipality if only one has that name, or from the postcode. A municipality that is no
more is read where its town is in one municipality of the prefecture today, or by the postcode.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tsunagu.identity.japanese.characters import KANJI_NUMBER, fold, hyphens, narrow, number
from tsunagu.identity.japanese.places import Town, place_key, places, town_key
from tsunagu.identity.japanese.respelling import respelled

LONGEST = 200
_POSTCODE = re.compile(r"〒?\s*(\d{3})-?(\d{4})(?!\d)")
_OAZA = re.compile(r"^(?:大字|字)")
_OLD_CITY = re.compile(r"^[^\d]{1,7}?[市町村]")
_UNIT = "(?:丁目|番地ノ|番地|番|号|-|ノ(?=[0-9]))"
_BLOCK = re.compile(rf"^((?:[0-9]{{1,5}}{_UNIT}*){{1,6}})(?P<rest>.*)$")
_NUMBERED = re.compile(f"^({KANJI_NUMBER}{{1,4}})(?=丁目|番|号|-|ノ|[0-9]|$)")
_KANJI = re.compile(f"({KANJI_NUMBER}{{1,4}})(?=丁目|番地|番(?!町)|号)")
_ROOM = re.compile(r"[\s#-]*([0-9]{1,5}[A-Z]?|[A-Z][-]?[0-9]{1,4}|[A-Z])(?:号室?|室)?$")
_FLOOR = re.compile(r"[\s]*([0-9]{1,3})(?:階|F)$")
_SPACE = re.compile(r"\s+")
_SIGNS = re.compile(r"[\s,.、。・'\"]+")


@dataclass(frozen=True, slots=True)
class Address:
    """An address; each part empty if unknown.

    `postcode` is seven digits, completed from the town if that has one alone; `block` is the
    numbers as `1-2-3`; `key` what equal addresses have in common: everything but the building's
    name and the postcode.
    """

    prefecture: str = ""
    city: str = ""
    town: str = ""
    block: str = ""
    building: str = ""
    room: str = ""
    postcode: str = ""
    key: str = ""


def normalise_postcode(text: str) -> str:
    """Seven digits; empty if the text is no Japanese postcode."""
    found = _POSTCODE.fullmatch(hyphens(narrow(text, 20)).replace(" ", ""))
    return found[1] + found[2] if found else ""


def normalise_address(text: str, postcode: str | None = None) -> Address:
    """The address that a text says, helped by its postcode if there is one."""
    plain = narrow(text, LONGEST)
    code = normalise_postcode(postcode or "")
    start = _POSTCODE.match(hyphens(plain[:12]))
    if start and (plain.startswith("〒") or len(plain) > start.end() + 2):
        plain, code = plain[start.end() :].strip(), code or start[1] + start[2]
    listed = places().postcodes.get(code, [])
    place, rest = _place(place_key(respelled(plain, listed)), listed)
    block, rest = _block(rest)
    building, room, block = _building(rest, block)
    if not (place.prefecture or block):
        return Address(building=building, room=room, postcode=code, key=building)
    stem = "".join((place.prefecture, place.city, town_key(place.town)))
    key = fold(f"{stem} {block}" + (f"#{room}" if room else "")).strip()
    return Address(
        place.prefecture, place.city, place.town, block, building, room, code or _code(place), key
    )


def _code(place: Town) -> str:
    """Unused where a town has several postcodes: then nothing is completed."""
    return _postcodes().get((place.prefecture, place.city, place.town), "")


def _postcodes() -> dict[tuple[str, str, str], str]:
    known = _CODES
    if not known:
        for code, towns in places().postcodes.items():
            for t in towns:
                at = (t.prefecture, t.city, t.town)
                known[at] = code if t.town and at not in known else ""
    return known


_CODES: dict[tuple[str, str, str], str] = {}


def _place(plain: str, listed: list[Town]) -> tuple[Town, str]:
    """Prefecture, city and town, and what follows them."""
    known = places()
    first = re.search("[0-9]", plain)
    end = first.start() if first else 40
    lead = _SPACE.sub("", plain[:end]) + plain[end:]
    prefecture, rest = _longest(lead, known.prefectures, 3, 4)
    cities = known.cities.get(prefecture, {})
    city, after = _longest(rest, cities, 2, 14)
    if not prefecture:
        name, after = _longest(rest, {c: c for c in known.prefecture_of}, 2, 14)
        named = known.prefecture_of.get(name, set()) | set()
        said = {t.prefecture for t in listed} & named or named
        if len(said) == 1:
            prefecture = next(iter(said))
            city = known.cities[prefecture][name]
    if not city and listed:
        return _by_postcode(rest, listed)
    if not city:
        return _old_city(prefecture, rest)
    town, left = _town(after, known.towns[prefecture, city])
    if town:
        return Town(prefecture, city, town), left
    if len(towns := {t.town for t in listed if t.city == city and t.town}) == 1 and (
        _BLOCK.match(after) or not after
    ):
        return Town(prefecture, city, next(iter(towns))), after
    town, left = _until_number(after)
    return Town(prefecture, city, _ending(town, known.towns[prefecture, city])), left


def _ending(text: str, towns: dict[str, str]) -> str:
    """The town that a text ends in, as in Kyoto after the names of streets; or the text."""
    for start in range(1, len(text) - 1):
        if found := towns.get(text[start:]):
            return found
    return text


def _longest(text: str, names: dict[str, str], least: int, most: int) -> tuple[str, str]:
    for size in range(min(most, len(text)), least - 1, -1):
        if found := names.get(text[:size]):
            return found, text[size:]
    return "", text


def _town(text: str, towns: dict[str, str]) -> tuple[str, str]:
    bare = _OAZA.sub("", text)
    town, rest = _longest(bare, towns, 1, 16)
    if not town:
        town, rest = _longest(_numbers(bare), towns, 1, 16)
    return town, re.sub(r"^(?:大字|字)(?=\S)", "", rest) if town else rest


def _numbers(text: str) -> str:
    return re.sub("[0-9]+(?=条|番町|丁)", lambda m: _kanji(m[0]), text)


def _kanji(digits: str) -> str:
    return "".join("〇一二三四五六七八九"[int(d)] for d in digits) if len(digits) == 1 else digits


def _by_postcode(rest: str, listed: list[Town]) -> tuple[Town, str]:
    """The town of the postcode, where the text says it or names a municipality unknown."""
    for place in sorted(listed, key=lambda t: -len(t.town)):
        at = rest.find(place_key(place.town)) if place.town else -1
        if 0 <= at <= 12:
            return place, rest[at + len(place_key(place.town)) :]
    first = listed[0]
    town, left = _until_number(_OLD_CITY.sub("", rest, count=1) or rest)
    return Town(first.prefecture, first.city, first.town if len(listed) == 1 else town), left


def _old_city(prefecture: str, rest: str) -> tuple[Town, str]:
    known = places()
    if prefecture and (old := _OLD_CITY.match(rest)):
        bare = _OAZA.sub("", rest[old.end() :])
        for size in range(min(12, len(bare)), 1, -1):
            cities = known.cities_of.get((prefecture, bare[:size]), set())
            stem = old[0][:-1]
            cities = {c for c in cities if stem in c} or cities
            if len(cities) == 1:
                city = next(iter(cities))
                town = known.towns[prefecture, city][bare[:size]]
                return Town(prefecture, city, town), bare[size:]
    town, left = _until_number(rest)
    return Town(prefecture, "", town), left


def _until_number(text: str) -> tuple[str, str]:
    found = re.search(rf"[0-9]|{KANJI_NUMBER}{{1,4}}(?=丁目|番地)|無番地|\s", text)
    at = found.start() if found else len(text)
    return _OAZA.sub("", text[:at])[:40], text[at:]


def _block(text: str) -> tuple[str, str]:
    plain = hyphens(_KANJI.sub(lambda m: number(m[1]), text)).strip(" -")
    while found := _NUMBERED.match(plain):
        plain = number(found[1]) + plain[found.end() :]
    plain = re.sub(rf"-({KANJI_NUMBER}{{1,3}})(?![^-\s0-9])", lambda m: "-" + number(m[1]), plain)
    plain = re.sub(r"^([0-9丁目番地-]*[丁目番地])\s+(?=[0-9])", r"\1", plain)
    area = re.match(r"^(?:[甲乙丙丁]|無番地)", plain)
    prefix = area[0] if area and area[0] != "無番地" else ""
    found = _BLOCK.match(plain[len(prefix) :])
    if not found:
        return ("無番地", plain[3:]) if area and area[0] == "無番地" else ("", plain)
    numbers = [str(int(n)) for n in re.findall("[0-9]+", found[1])]
    return prefix + "-".join(numbers), found["rest"]


def _building(rest: str, block: str) -> tuple[str, str, str]:
    """Building, room and block; a fourth number with no building is the room."""
    plain = _SPACE.sub(" ", rest).strip(" ,-").upper()
    room = ""
    if found := _FLOOR.search(plain):
        room, plain = f"{int(found[1])}F", plain[: found.start()]
    elif (found := _ROOM.search(plain)) and (
        found[0][0] in " #" or not re.search(r"[A-Z]$", plain[: found.start()])
    ):
        room, plain = found[1].replace("-", "").lstrip("0"), plain[: found.start()]
    parts = block.split("-")
    if not plain and not room and len(parts) > 3:
        block, room = "-".join(parts[:3]), parts[-1]
    return _SIGNS.sub("", plain)[:80], room, block


def addresses_of(texts: Iterable[str], codes: Iterable[str]) -> list[Address]:
    """Many addresses with their postcodes, in order."""
    return [normalise_address(t, c) for t, c in zip(texts, codes, strict=True)]
