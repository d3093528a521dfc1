"""`tsunagu bench world`: simulated customers with a planted effect, over many generated runs."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tsunagu.runtime.bench.measures import Measure
from tsunagu.runtime.world.calibration import SHOPS, trials

RUNS = 200


def measure(size: int | None) -> Iterator[Measure]:
    """How often the 95% interval holds the truth.

    Args:
        size: how many runs; each compares four shops with their holdouts.
    """
    runs = size or RUNS
    begun = time.perf_counter()
    found = list(trials(runs))
    seconds = time.perf_counter() - begun
    held = sum(trial.held for trial in found) / len(found)
    yield Measure("world.coverage", held, "share", limit=0.95, bar=0.93)
    yield Measure("world.coverage.upper", held, "share", limit=0.95, bar=0.97, below=True)
    for shop in SHOPS:
        own = [trial for trial in found if trial.shop == shop.name]
        share = sum(trial.held for trial in own) / len(own)
        yield Measure(f"world.coverage.{shop.name}", share, "share", limit=0.95)
    none = [trial for trial in found if trial.shop == "none"]
    claims = sum(trial.answer != "unknown" for trial in none) / len(none)
    yield Measure("world.false_claims", claims, "share", limit=0.05)
    yield Measure("world.run", seconds / runs, "s")
