"""Bench `collect`: durable events over HTTP, beside raw `COPY` and beside an empty route.

A whole installation is started, and its pipeline stopped (SIGSTOP) until `--size` events have
come in: so acceptance is measured alone, and then how it bears a consumer that does not work.
Afterwards the pipeline goes on and catches up. The load generator is wrk on the same machine;
what it uses of the cores is a figure of its own.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import psutil

from tsunagu import access, eventlog
from tsunagu.core import Retryable
from tsunagu.runtime.bench.collect_load import BATCH, batches, singles
from tsunagu.runtime.bench.empty_route import PATH, empty_route
from tsunagu.runtime.bench.installation import Installation, installation
from tsunagu.runtime.bench.measures import Measure
from tsunagu.runtime.bench.raw_copy import raw_copy
from tsunagu.runtime.bench.wrk import Shot, shoot
from tsunagu.storage import in_workspace

EVENTS = 10_000_000
SECONDS = 20.0
CUSTOMERS = 100_000
CONNECTIONS = 32
# Single events wait for each other's commit: more of them are needed to keep the cores busy.
SINGLE_CONNECTIONS = 256
SLICES = 10
CATCH_UP_PATIENCE = 3600.0


@dataclass
class _Site:
    """The installation, its workspace and key, and the bodies that are sent."""

    made: Installation
    workspace: int
    key: str
    bodies: list[str]
    acknowledged: int = 0

    def batches(
        self, name: str, seconds: float, *, rate: float | None = None, connections: int = 0
    ) -> Shot:
        """Batches for some seconds; what was acknowledged is counted."""
        shot = shoot(
            self.made.collect_url,
            "/v1/batch",
            name=name,
            seconds=seconds,
            connections=connections or CONNECTIONS,
            key=self.key,
            bodies=self.bodies,
            rate=rate,
        )
        self.acknowledged += shot.answered * BATCH
        return shot

    def stored(self) -> int:
        """How many events lie in the log."""
        with self.made.database.connect("pipeline") as connection:
            row = connection.execute(
                "select count(*) from inbox where workspace_id = %s", (self.workspace,)
            ).fetchone()
        return row[0] if row else 0

    def collector_bytes(self) -> int:
        """Memory that the collectors have for themselves."""
        processes = self.made.role("collector")
        return sum(process.memory_full_info().uss for process in processes)


def measure(size: int | None) -> Generator[Measure]:
    """The figures of collecting; `size` is the number of events that a stopped consumer misses."""
    events = size or EVENTS
    seconds = max(2.0, min(SECONDS, SECONDS * events / 1_000_000))
    with installation("collect") as made:
        site = _prepare(made, min(CUSTOMERS, max(100, events // 20)))
        yield Measure("collect.collectors", len(made.role("collector")), "processes")
        yield Measure("collect.event_bytes", len(site.bodies[0].encode()) / BATCH, "bytes")
        pipeline = made.role("pipeline")
        _send(pipeline, signal.SIGSTOP)
        try:
            yield from _throughput(site, seconds)
            yield from _singles(site, seconds)
            yield from _without_consumer(site, events)
        finally:
            _send(pipeline, signal.SIGCONT)
        yield from _catch_up(site)
        yield Measure("collect.peak_memory", made.peak_bytes / 2**20, "MiB")


def _prepare(made: Installation, customers: int) -> _Site:
    with made.database.connect("app") as connection:
        workspace = access.create_workspace(connection, "bench")
        with in_workspace(connection, workspace) as cursor:
            key = access.create_key(cursor, workspace, "write", "bench", "web")
    return _Site(made, workspace, key, batches(customers))


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        process.send_signal(number)


def _throughput(site: _Site, seconds: float) -> Iterator[Measure]:
    """Batches as fast as they are taken, between two rounds of raw `COPY`; then at half."""
    site.batches("warm", seconds / 2)
    limits = [raw_copy(site.made.database, seconds / 2)]
    full = site.batches("full", seconds)
    limits.append(raw_copy(site.made.database, seconds / 2))
    rate = full.rate * BATCH
    limit = sum(limits) / len(limits)
    yield Measure("collect.batches", rate, "events/s", bar=100_000)
    yield Measure(
        "collect.batches_beside_copy", rate, "events/s", limit=limit, bar=0.5, on_ratio=True
    )
    yield Measure("collect.batches_p99", full.p99_ms, "ms")
    yield Measure("collect.generator", full.cores, "cores")
    half = site.batches("half", seconds, rate=full.rate / 2, connections=64)
    yield Measure("collect.half_load", half.rate * BATCH, "events/s", limit=rate)
    yield Measure("collect.half_load_p99", half.p99_ms, "ms", bar=50, below=True)
    yield Measure("collect.refused", full.refused + half.refused, "requests")
    lost = max(0, site.acknowledged - site.stored())
    yield Measure("collect.lost", lost, "events", bar=0, below=True)


def _singles(site: _Site, seconds: float) -> Iterator[Measure]:
    """One event a request, between two rounds of a route on such a server that does nothing."""
    bodies = singles(CUSTOMERS)

    def post(url: str, name: str, share: float = 1.0) -> Shot:
        return shoot(
            url,
            PATH,
            name=name,
            seconds=seconds * share,
            connections=SINGLE_CONNECTIONS,
            key=site.key,
            bodies=bodies,
        )

    with empty_route(len(site.made.role("collector"))) as nothing:
        limits = [post(nothing, "empty1", 0.5).rate]
        single = post(site.made.collect_url, "single")
        limits.append(post(nothing, "empty2", 0.5).rate)
    limit = sum(limits) / len(limits)
    site.acknowledged += single.answered
    yield Measure("collect.singles", single.rate, "events/s", limit=limit, bar=0.6, on_ratio=True)
    yield Measure("collect.singles_p99", single.p99_ms, "ms")
    yield Measure("collect.singles_generator", single.cores, "cores")


def _without_consumer(site: _Site, events: int) -> Iterator[Measure]:
    """Go on until the stopped pipeline has missed so many; the last tenth beside the first."""
    rates: list[float] = []
    memory: list[int] = []
    part = max(1.0, (events - site.acknowledged) / SLICES / 100_000)
    while site.acknowledged < events or len(rates) < 2:
        shot = site.batches(f"slice{len(rates)}", part)
        if shot.answered == 0:
            raise Retryable("The collectors take nothing any more; see their log")
        rates.append(shot.rate * BATCH)
        memory.append(site.collector_bytes())
    yield Measure("collect.missed", site.acknowledged, "events")
    yield Measure(
        "collect.without_consumer", rates[-1], "events/s", limit=rates[0], bar=0.8, on_ratio=True
    )
    yield Measure(
        "collect.memory_without_consumer",
        memory[-1] / 2**20,
        "MiB",
        limit=memory[0] / 2**20,
        bar=1.25,
        below=True,
        on_ratio=True,
    )
    lost = max(0, site.acknowledged - site.stored())
    yield Measure("collect.lost_without_consumer", lost, "events", bar=0, below=True)


def _catch_up(site: _Site) -> Iterator[Measure]:
    """How fast the pipeline works off what it missed."""
    missed, began = site.stored(), time.monotonic()
    with site.made.database.connect("pipeline") as connection:
        while True:
            with in_workspace(connection, site.workspace) as cursor:
                if eventlog.drained(cursor, site.workspace):
                    break
            if time.monotonic() - began > CATCH_UP_PATIENCE:
                raise Retryable("The pipeline did not catch up within an hour; see its log")
            time.sleep(0.2)
    seconds = time.monotonic() - began
    yield Measure("collect.catch_up", missed / seconds, "events/s", bar=15_000)
