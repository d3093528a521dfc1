"""Benches: what this machine can do, each figure beside its limit from the same run.

`tsunagu bench NAME` works in a folder of its own with durability on, cleans up after itself and
says its size; a small `--size` runs in seconds. docs/benchmarks.md keeps the last honest table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module

from rich.console import Console
from rich.table import Table

from tsunagu.core import Invalid
from tsunagu.runtime.bench.measures import Measure

Bench = Callable[[int | None], Iterator[Measure]]

# Where each bench lives: imported when asked for, because each needs other libraries.
BENCHES = {
    "collect": "tsunagu.runtime.bench.collect",
    "collect-crash": "tsunagu.runtime.bench.collect_crash",
    "crash": "tsunagu.runtime.bench.crash",
    "crash-recorded": "tsunagu.runtime.bench.crash_recorded",
    "identity": "tsunagu.runtime.bench.identity",
    "load": "tsunagu.runtime.bench.bulk",
    "load-crash": "tsunagu.runtime.bench.load_crash",
    "loop": "tsunagu.runtime.bench.loop",
    "world": "tsunagu.runtime.bench.world",
}


def run_bench(name: str, *, size: int | None, data: str | None, as_json: bool) -> int:
    """Run a bench and print its figures as they come; 1 when a bar was missed.

    Args:
        data: what to measure on, for a bench that has a choice.

    Raises:
        Invalid: there is no such bench, or the place cannot be measured on.
    """
    if name not in BENCHES:
        raise Invalid(f"There is no bench {name!r}. There are: {', '.join(sorted(BENCHES))}.")
    module = import_module(BENCHES[name])
    measure: Bench = module.measure
    if data is not None:
        if not hasattr(module, "measure_on"):
            raise Invalid(f"The bench {name!r} has no choice of --data.")
        measure = partial(module.measure_on, data)
    found: list[Measure] = []
    for figure in measure(size):
        found.append(figure)
        if as_json:
            print(figure.json(), flush=True)
    if not as_json:
        Console().print(_table(found))
    return int(any(figure.ok is False for figure in found))


def _table(found: list[Measure]) -> Table:
    table = Table("figure", "value", "unit", "limit", "ratio", "bar", "holds")
    for figure in found:
        table.add_row(*figure.cells())
    return table
