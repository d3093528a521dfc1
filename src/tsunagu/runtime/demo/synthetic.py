"""Contact data and consent for households that were recorded without any.

The retail data knows purchases and coupons, not people. What a mail needs is drawn from
stable names, so that each run gives the same households the same data, and every event that
carries it says that it is synthetic. Addresses are in `example.com`, which belongs to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tsunagu.core import Json, chance

CHANNEL = "email"
PURPOSE = "marketing"
SYNTHETIC: Json = {"synthetic": True}

_ENGLISH_FIRST = ("Alex", "Casey", "Jamie", "Jordan", "Morgan", "Riley", "Robin", "Taylor")
_ENGLISH_LAST = ("Baker", "Carter", "Diaz", "Fisher", "Harris", "Miller", "Nguyen", "Walker")
_JAPANESE_FIRST = ("葵", "薫", "翔", "千尋", "光", "真琴", "優", "玲")
_JAPANESE_LAST = ("佐藤", "鈴木", "高橋", "田中", "渡辺", "伊藤", "髙木", "山﨑")
_AMERICAN_ZONES = (
    "America/New_York",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
)

_CONSENTING = 0.85
_WITHDRAWING = 0.06  # of all customers, part of those who once consented

Standing = Literal["granted", "withdrawn", "never"]


@dataclass(frozen=True, slots=True)
class Contact:
    """The synthetic side of one customer."""

    traits: Json
    consent: Standing
    withdrawn_after: float
    """Which part of the period passes before a consent is withdrawn, in [0, 1)."""


def contact(name: str) -> Contact:
    """The contact data of the customer called `name`, the same in every run."""
    japanese = chance("synthetic-language", name) < 0.4
    last = _pick("synthetic-last", name, _JAPANESE_LAST if japanese else _ENGLISH_LAST)
    first = _pick("synthetic-first", name, _JAPANESE_FIRST if japanese else _ENGLISH_FIRST)
    abroad = japanese and chance("synthetic-abroad", name) < 0.5
    traits: Json = {
        "email": f"{name}@example.com",
        "first_name": first,
        "last_name": last,
        "name": f"{last} {first}" if japanese else f"{first} {last}",
        "language": "ja" if japanese else "en",
        "timezone": "Asia/Tokyo" if abroad else _pick("synthetic-zone", name, _AMERICAN_ZONES),
        **SYNTHETIC,
    }
    return Contact(traits, _standing(name), chance("synthetic-withdrawn", name))


def consent_properties() -> Json:
    """What a seeded consent event says, its proof included."""
    return {
        "channel": CHANNEL,
        "purpose": PURPOSE,
        "evidence": {**SYNTHETIC, "how": "seeded for the demonstration, nobody was asked"},
    }


def _standing(name: str) -> Standing:
    drawn = chance("synthetic-consent", name)
    if drawn >= _CONSENTING:
        return "never"
    return "withdrawn" if drawn < _WITHDRAWING else "granted"


def _pick(what: str, name: str, choices: tuple[str, ...]) -> str:
    return choices[int(chance(what, name) * len(choices))]
