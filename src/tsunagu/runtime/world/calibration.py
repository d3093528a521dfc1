"""Calibration: how often the interval of a comparison holds the truth that was planted.

Every generated run is a world with four shops, whose mails do nothing, little, much, or harm.
Each shop's comparison is one chance for the interval to hold the truth: with 200 runs there
are 800, and their share tells a right interval from one that is two points off.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from tsunagu.runtime.world.memory import play
from tsunagu.runtime.world.model import HARM, LARGE, NONE, SMALL, Shop, World, truth

CUSTOMERS = 150
SHOPS = tuple(
    Shop(name, CUSTOMERS, effect)
    for name, effect in (("none", NONE), ("small", SMALL), ("large", LARGE), ("harm", HARM))
)
TRUTHS = {shop.name: truth(shop.effect) for shop in SHOPS}


@dataclass(frozen=True, slots=True)
class Trial:
    """One comparison of one run: did its interval hold the truth, and what did it claim?"""

    run: int
    shop: str
    held: bool
    answer: str


def trial_run(number: int) -> list[Trial]:
    """Generate and play run `number`; its name is the seed of all that happens in it."""
    found = play(World(f"run {number}", SHOPS))
    return [
        Trial(
            number,
            shop,
            comparison.difference.low <= TRUTHS[shop] <= comparison.difference.high,
            comparison.answer,
        )
        for shop, comparison in found.items()
    ]


def trials(runs: int) -> Iterator[Trial]:
    """Play runs 0 to `runs` - 1 on all processors, in order."""
    processes = min(os.cpu_count() or 1, runs)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for found in pool.map(trial_run, range(runs)):
            yield from found
