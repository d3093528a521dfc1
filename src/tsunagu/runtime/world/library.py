"""The journey of the demonstration, told for each shop of a world."""

from __future__ import annotations

from collections.abc import Sequence

from tsunagu.core import Json
from tsunagu.runtime.demo import library
from tsunagu.runtime.demo.library import Library
from tsunagu.runtime.world.model import CAMPAIGN_NAME, ZONE

HOLDOUT = 0.3


def journey_of(shop: str) -> str:
    """The name of a shop's journey."""
    return f"{library.JOURNEY}_{shop}"


def world_library(shops: Sequence[str]) -> Library:
    """One audience and one journey a shop; the messages are shared."""
    found: Library = {}
    for (kind, name), document in library.demo_library().items():
        if kind == "policy":
            found[kind, name] = document | {"default_zone": ZONE}
        elif kind == "message":
            found[kind, name] = document
        else:
            told = _audience if kind == "audience" else _journey
            found |= {(kind, f"{name}_{shop}"): told(document, shop) for shop in shops}
    return found


def _audience(document: Json, shop: str) -> Json:
    asked, stated = (f"coupon_campaign = '{c}'" for c in (library.CAMPAIGN, CAMPAIGN_NAME))
    rule = str(document["rule"]).replace(asked, f"shop = '{shop}' and {stated}")
    return document | {"title": _titled(document, shop), "rule": rule}


def _journey(document: Json, shop: str) -> Json:
    entry = {"audience": f"{library.AUDIENCE}_{shop}"}
    return document | {"title": _titled(document, shop), "entry": entry, "holdout": HOLDOUT}


def _titled(document: Json, shop: str) -> Json:
    return {language: f"{title} ({shop})" for language, title in document["title"].items()}
