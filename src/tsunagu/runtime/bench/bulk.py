"""Bench `load`: files into the lake beside DuckDB alone, and profiles fed from them.

The record is published in `load_record.py`. Each load runs as a user runs it (`tsunagu load`,
checks, deduplication with HTTP, exactly-once commits, fsync), into an installation of its own;
the peer (`load_peer.py`) runs right after over the same file. `--size` is the number of records;
beside it a smaller size is run, so that the growth with the size is seen.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil

from tsunagu import access
from tsunagu.core import Invalid, Retryable
from tsunagu.eventlog import ensure_partitions
from tsunagu.runtime.bench.installation import bench_folder, memory_of, require_durability
from tsunagu.runtime.bench.load_peer import FIRST_OF_KEY, NUMBERED, run_peer
from tsunagu.runtime.bench.load_record import (
    SHARE_OF_REPEATS,
    write_ndjson,
    write_parquet,
    write_people,
)
from tsunagu.runtime.bench.measures import Measure
from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE
from tsunagu.runtime.database import embedded_server, open_database
from tsunagu.runtime.settings import Settings, environment_of, load_settings
from tsunagu.storage import migrate

SIZE = 1_000_000
MEMORY_BAR = 2 << 30
# A record is some 600 bytes as a line; files, lakes and what is spilled stand side by side.
_DISK_A_RECORD = 2_500
# Below this, growth is not measured: what is fixed weighs too much.
_LEAST_GROWTH = 1_000_000
_FASTEST_OF_BOTH_UPTO = 2_000_000


@dataclass(frozen=True)
class _Run:
    """One load: what it told about itself, and the most memory that it and PostgreSQL took."""

    told: dict[str, Any]
    peak_bytes: int

    @property
    def rate(self) -> float:
        return self.told["rows"] / self.told["read_seconds"]


def measure(size: int | None) -> Iterator[Measure]:
    """The figures for so many records, as lines and as a table."""
    events = size or SIZE
    with bench_folder("load") as folder:
        free = shutil.disk_usage(folder).free
        if free < events * _DISK_A_RECORD:
            raise Invalid(
                f"{folder} has {free >> 30} GB free and {events:,} records take "
                f"{events * _DISK_A_RECORD >> 30} GB. Choose a smaller --size, or another disk: "
                "TSUNAGU_BENCH_FOLDER=..."
            )
        yield Measure("load.records", events, "records")
        yield from _format(folder, "ndjson", events, write_ndjson)
        yield from _format(folder, "parquet", events, write_parquet)
        yield from _growth(folder, events)
        yield from _people(folder, events)


def _format(
    folder: Path, kind: str, events: int, write: Callable[[Path, int], None]
) -> Iterator[Measure]:
    file = folder / f"record.{kind}"
    write(file, events)
    run = _load(folder, file)
    _require_whole(run, events)
    ways = (NUMBERED, FIRST_OF_KEY) if events <= _FASTEST_OF_BOTH_UPTO else (NUMBERED,)
    peers = [run_peer(file, way, folder / "peer") for way in ways]
    peer = min(peers, key=lambda answer: answer.seconds)
    file.unlink()
    name = f"load.{kind}"
    yield Measure(name, run.rate, "records/s", limit=events / peer.seconds, bar=0.8, on_ratio=True)
    yield Measure(
        f"{name}.memory", run.peak_bytes, "bytes", limit=peer.peak_bytes, bar=MEMORY_BAR, below=True
    )
    if kind == "ndjson":
        fed = run.told["loaded"] / run.told["profile_seconds"]
        yield Measure("load.fed", fed, "events/s")


def _growth(folder: Path, events: int) -> Iterator[Measure]:
    """By which power of the size the time grows, from a tenth of it (1M at least) on."""
    if events <= _LEAST_GROWTH:
        return
    small = max(_LEAST_GROWTH, events // 10)
    seconds: list[float] = []
    for count in (small, events):
        file = folder / "growth.ndjson"
        write_ndjson(file, count)
        seconds.append(_load(folder, file, fed=False).told["read_seconds"])
        file.unlink()
    exponent = math.log(seconds[1] / seconds[0]) / math.log(events / small)
    yield Measure("load.growth", exponent, "power", bar=1.05, below=True)


def _people(folder: Path, events: int) -> Iterator[Measure]:
    """How quickly profiles arise: one call of each of many customers."""
    count = max(20_000, events // 5)
    file = folder / "people.ndjson"
    write_people(file, count)
    told = _load(folder, file).told
    if told["customers"] != count:
        raise Retryable(f"{told['customers']} profiles arose from {count} customers")
    yield Measure("load.profiles", count / told["profile_seconds"], "profiles/s", bar=100_000)
    # The same with the customers' timelines written behind them.
    yield Measure("load.profiles.told", count / told["feed_seconds"], "profiles/s")


def _require_whole(run: _Run, events: int) -> None:
    """The bench measures nothing that is wrong."""
    told = run.told
    expected = events * SHARE_OF_REPEATS
    if told["bad"] or told["rows"] != events or abs(told["repeats"] - expected) > expected / 2:
        raise Retryable(f"The load is not what the record holds: {told}")


def _load(folder: Path, file: Path, *, fed: bool = True) -> _Run:
    """Load a file into an installation of its own."""
    home = folder / "home"
    home.mkdir()
    home.chmod(0o755)
    settings = load_settings(home=home)
    try:
        with open_database(settings, tables=False) as database:
            migrate(database)
            require_durability(database)
            with database.connect("owner") as owner:
                ensure_partitions(owner)
            with database.connect("app") as connection:
                access.create_workspace(connection, DEFAULT_WORKSPACE)
            return _watched(settings, file, fed=fed)
    finally:
        embedded_server(settings).destroy()
        shutil.rmtree(home)


def _watched(settings: Settings, file: Path, *, fed: bool) -> _Run:
    """Run the command and see what it takes."""
    command = [sys.executable, "-m", "tsunagu", "load", str(file), "--json"]
    process = subprocess.Popen(
        command if fed else [*command, "--lake-only"],
        env={**os.environ, **environment_of(settings)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    peak, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            peak[0] = max(peak[0], sum(map(memory_of, _processes(settings, process.pid))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        told, _ = process.communicate()
    finally:
        ended.set()
        watcher.join()
    if process.returncode:
        raise Retryable(f"The load of {file} ended with {process.returncode}")
    return _Run(msgspec.json.decode(told), peak[0])


def _processes(settings: Settings, pid: int) -> list[psutil.Process]:
    """The load and all of PostgreSQL."""
    server = embedded_server(settings).folder.resolve() / "data" / "postmaster.pid"
    found: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess, OSError, ValueError):
        for top in (pid, int(server.read_text().partition("\n")[0])):
            process = psutil.Process(top)
            found += [process, *process.children(recursive=True)]
    return found
