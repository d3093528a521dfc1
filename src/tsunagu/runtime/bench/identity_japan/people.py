"""A made person: what is true of them, and what was true before something changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import TypeVar

from tsunagu.runtime.bench.identity_japan.homes import Home
from tsunagu.runtime.bench.identity_japan.names import Name
from tsunagu.runtime.bench.identity_japan.romaji import HEPBURN, romanise

T = TypeVar("T")

# Domains under `.example`: nobody can be written to by mistake.
_CARRIER = ("docomo.example", "ezweb.example", "softbank.example", "i.softbank.example")
_LATER = ("gmail.example", "yahoo.example", "icloud.example", "outlook.example")
_LATER_SHARES = (60, 25, 10, 5)
_PROVIDER = ("nifty.example", "ocn.example", "biglobe.example", "plala.example")
_LIKED = [
    "happy",
    "love",
    "sakura",
    "hana",
    "neko",
    "inu",
    "smile",
    "sora",
    "umi",
    "momo",
    "star",
    "blue",
    "cherry",
    "peace",
    "rose",
    "luna",
    "coco",
    "mama",
    "papa",
    "music",
    "soccer",
    "tigers",
    "baseball",
    "fish",
    "moon",
    "lucky",
]


@dataclass(slots=True)
class Person:
    """One customer. Each list holds what was true before and what is true now, or the latter."""

    household: int
    female: bool
    born: date
    given: Name
    surnames: list[Name]
    homes: list[Home]
    mobiles: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    family: list[Person] = field(default_factory=list)
    number: int = -1

    def age(self, year: int) -> int:
        """Years of age that are reached in a year."""
        return year - self.born.year


def known_at(values: list[T], when: float, changed: float) -> T | None:
    """What was true at `when`, both times between 0 and 1; nothing when there never was one."""
    if not values:
        return None
    return values[-1] if when >= changed else values[0]


def address(person: Person, chance: Random, *, young: bool, replaced: bool = False) -> str:
    """An e-mail address; `replaced` is one that gave way to a later one."""
    if replaced:
        domain = chance.choice(_CARRIER)
    elif young or chance.random() < 0.6:
        domain = chance.choices(_LATER, _LATER_SHARES)[0]
    else:
        domain = chance.choice(_CARRIER + _PROVIDER)
    return f"{_local_part(person, chance)}@{domain}"


def _local_part(person: Person, chance: Random) -> str:
    given = romanise(person.given.reading, HEPBURN)
    surname = romanise(person.surnames[0].reading, HEPBURN)
    figures = chance.choice(
        (
            f"{person.born:%m%d}",
            f"{person.born.year}",
            f"{chance.randrange(1000)}",
            f"{chance.randrange(100):02d}",
        )
    )
    dot = chance.choice((".", "_", "-", ""))
    return chance.choice(
        (
            f"{given}{dot}{surname}{figures if chance.random() < 0.7 else ''}",
            f"{surname}{dot}{given}{figures if chance.random() < 0.7 else ''}",
            f"{given[0]}{dot}{surname}{figures}",
            f"{given}{dot}{figures}",
            f"{chance.choice(_LIKED)}{dot}{given}{figures}",
            f"{chance.choice(_LIKED)}{dot}{chance.choice(_LIKED)}{dot}{figures}",
        )
    )
