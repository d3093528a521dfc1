"""The comparisons of a live world, each beside the truth that was planted."""

from __future__ import annotations

from tsunagu.runtime.demo.driver import Driver
from tsunagu.runtime.demo.installation import Installation
from tsunagu.runtime.demo.results import Finding, Words, compare_journey
from tsunagu.runtime.world.library import journey_of, world_library
from tsunagu.runtime.world.live import LIVE
from tsunagu.runtime.world.model import World, truth


def compare_shops(installation: Installation, driver: Driver, world: World = LIVE) -> list[Finding]:
    """Compare each shop's journey with its holdout and keep the reports."""
    library = world_library([shop.name for shop in world.shops])
    found: list[Finding] = []
    for shop in world.shops:
        name, planted = journey_of(shop.name), truth(shop.effect)
        journey = library["journey", name]
        found.append(
            compare_journey(
                installation,
                driver,
                name,
                journey,
                caveats=[_simulated(planted)],
                truth=planted,
            )
        )
    return found


def _simulated(planted: float) -> Words:
    points = f"{planted * 100:+.1f}"
    return {
        "en": f"These customers are simulated. The planted difference is {points} points.",
        "ja": f"シミュレーションのお客様です。仕込んだ差は {points} ポイントです。",
    }
