"""Bench `load-crash`: loads killed again and again while the same events come over HTTP.

`--size` is the number of kills at random moments, and of kills at failpoints (before and after
each commit and hand-over, in turn) besides. Each kills the load of a file of its own, which
another process then brings to its end. Meanwhile events of the very same message ids enter the
log and the pipeline takes them. In the end each message id must count once: in the lake or in
the log, in profiles and in the timeline.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from tsunagu import access
from tsunagu.collect import bulk
from tsunagu.collect.bulk import LoadedKeys
from tsunagu.core import NewEvent, Retryable
from tsunagu.core.times import wall
from tsunagu.eventlog import append, ensure_partitions
from tsunagu.runtime.bench.installation import bench_folder, require_durability
from tsunagu.runtime.bench.load_record import write_people
from tsunagu.runtime.bench.measures import Measure
from tsunagu.runtime.database import database_of, open_database
from tsunagu.runtime.desk import Desk
from tsunagu.runtime.load import Watching, run_load
from tsunagu.runtime.pipeline_loop import next_batch
from tsunagu.runtime.settings import Settings, environment_of, load_settings
from tsunagu.storage import Database, in_workspace, migrate
from tsunagu.storage.lake import LakeReader

KILLS = 50
EVENTS_A_FILE = 40_000
# A file has four parts or so.
CHUNK_BYTES = 2 << 20
# Those with a number are passed with every part.
PLACES = (
    *("load.staged:3", "load.before_promise:2", "load.promised:3", "load.moved:1"),
    *("load.committed:2", "load.settled:3", "load.read", "feed.before_commit"),
    *("feed.after_commit", "feed.before_told", "feed.after_told", "load.fed"),
)
POSTED_AT_ONCE = 50
SEED = "load crash"


class Task(msgspec.Struct):
    """What a process that loads is told."""

    workspace: int
    file: str


@dataclass
class _Place:
    """Where it all happens, and how many message ids there are so far."""

    settings: Settings
    database: Database
    workspace: int
    chance: random.Random
    ids: int = 0
    posted: int = 0
    life: tuple[float, float] = (0.0, 0.0)
    kills: dict[str, int] = field(default_factory=lambda: {"random": 0, "failpoint": 0})

    @property
    def lake(self) -> Path:
        return self.settings.folder / "lake"


def measure(size: int | None) -> Iterator[Measure]:
    """How many kills there were, and the counts of what is lost or counts twice: none may."""
    kills = size or KILLS
    with bench_folder("load-crash") as folder:
        settings = load_settings(home=folder)
        with open_database(settings, tables=False) as database:
            place = _prepared(settings, database)
            with _posting(place):
                place.life = _life(place, folder)
                for number in range(kills):
                    _load_with_kill(place, folder, None)
                    _load_with_kill(place, folder, PLACES[number % len(PLACES)])
            _take(place)
            yield Measure("load.crash.events", place.ids, "events")
            yield Measure("load.crash.over_http", place.posted, "events")
            yield Measure("load.crash.kills", place.kills["random"], "kills", limit=kills)
            yield Measure("load.crash.failpoints", place.kills["failpoint"], "kills", limit=kills)
            yield from _counted(place)


def _prepared(settings: Settings, database: Database) -> _Place:
    migrate(database)
    require_durability(database)
    with database.connect("owner") as owner:
        ensure_partitions(owner)
    with database.connect("app") as connection:
        workspace = access.create_workspace(connection, "crash")
    return _Place(settings, database, workspace, random.Random(SEED))  # noqa: S311 - no secret


def _life(place: _Place, folder: Path) -> tuple[float, float]:
    """When a process that loads a file is at work, in seconds after its begin."""
    file = folder / "people.ndjson"
    write_people(file, EVENTS_A_FILE, first=place.ids)
    place.ids += EVENTS_A_FILE
    seconds: list[float] = []
    for _ in range(2):  # the second finds nothing to do
        started = time.monotonic()
        if code := _begin(place, file).wait():
            raise Retryable(f"The load of {file} ended with {code}")
        seconds.append(time.monotonic() - started)
    return seconds[1] * 0.8, seconds[0] * 0.9


def _load_with_kill(place: _Place, folder: Path, failpoint: str | None) -> None:
    """Load a file by a process that is killed, and by one that may end."""
    file = folder / "people.ndjson"
    write_people(file, EVENTS_A_FILE, first=place.ids)
    place.ids += EVENTS_A_FILE
    if failpoint is not None:
        killed = _begin(place, file, TSUNAGU_FAILPOINT=failpoint)
    else:
        killed = _begin(place, file)
        time.sleep(place.chance.uniform(*place.life))
        killed.kill()
    died = killed.wait() == -signal.SIGKILL
    place.kills["random" if failpoint is None else "failpoint"] += died
    if code := _begin(place, file).wait():
        raise Retryable(f"The load of {file} ended with {code}")


def _begin(place: _Place, file: Path, **variables: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tsunagu.runtime.bench.load_crash"],
        env={**os.environ, **environment_of(place.settings), **variables},
        stdin=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(Task(place.workspace, str(file))))
    process.stdin.close()
    return process


@contextmanager
def _posting(place: _Place) -> Generator[None]:
    """Somebody sends, over HTTP as it were, what is loaded or will be."""
    done = threading.Event()

    def post() -> None:
        chance = random.Random(SEED)  # noqa: S311 - what is sent is no secret
        while not done.wait(0.05):
            if place.ids:
                _post(place, {chance.randrange(place.ids) for _ in range(POSTED_AT_ONCE)})
                _take(place)

    poster = threading.Thread(target=post)
    poster.start()
    try:
        yield
    finally:
        done.set()
        poster.join()


def _post(place: _Place, numbers: set[int]) -> None:
    events = [
        NewEvent(f"i-{n}", "identify", "", f"u{n}", None, None, "web", b"{}") for n in numbers
    ]
    with (
        place.database.connect("pipeline") as connection,
        in_workspace(connection, place.workspace) as cursor,
    ):
        append(cursor, place.workspace, events, received_at=wall(), now=None)
    place.posted += len(events)


def _take(place: _Place) -> None:
    """Let the pipeline take what is in the log."""
    desk = Desk(place.workspace, "UTC", loaded=LoadedKeys(place.lake))
    with place.database.connect("pipeline") as connection:
        while next_batch(connection, desk).more:
            pass


def _counted(place: _Place) -> Iterator[Measure]:
    with LakeReader(place.lake, place.workspace) as lake:
        loaded = lake.connection.execute(
            "select substr(message_id, 3)::bigint as n from events"
        ).fetchnumpy()["n"]
    taken = [n for (n,) in _asked(place, _TAKEN)]
    times = np.bincount(np.concatenate([loaded, np.array(taken, np.int64)]), minlength=place.ids)
    [(profiles, events)] = _asked(place, "select count(*), sum(events)::bigint from profiles")
    [(told,)] = _asked(place, "select count(*) from timeline where source in ('files', 'web')")
    yield _none("lost", int((times == 0).sum()), "events")
    yield _none("twice", int((times > 1).sum()), "events")
    yield _none("profiles_off", abs(profiles - place.ids), "customers")
    yield _none("counts_off", abs(events - place.ids), "events")
    yield _none("timeline_off", abs(told - place.ids), "events")


def _none(name: str, value: int, unit: str) -> Measure:
    """A count that must be nothing."""
    return Measure(f"load.crash.{name}", value, unit, bar=0, below=True)


_TAKEN = """
select substr(i.message_id, 3)::bigint
from inbox as i
where i.source = 'web' and not exists (
    select from left_out as l
    where l.workspace_id = i.workspace_id and l.position = i.position
)
"""


def _asked(place: _Place, query: str) -> list[tuple[int, ...]]:
    with (
        place.database.connect("pipeline") as connection,
        in_workspace(connection, place.workspace) as cursor,
    ):
        return cursor.execute(query.encode()).fetchall()


def load_once(task: Task) -> None:
    """Bring the load of a file to its end, from wherever it stands."""
    settings = load_settings()
    database = database_of(settings)
    want = bulk.wanted([task.file], None, "files")
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, task.workspace) as cursor,
    ):
        load = bulk.open_load(cursor, task.workspace, want, again=False)
    run_load(database, settings.folder / "lake", load, Watching(), chunk_bytes=CHUNK_BYTES)


if __name__ == "__main__":
    load_once(msgspec.json.decode(sys.stdin.buffer.read(), type=Task))
