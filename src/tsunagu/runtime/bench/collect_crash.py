"""Bench `collect-crash`: kills under HTTP load, at random and at failpoints, `--size` of each.

Clients post batches and send again, with the same message ids, whatever was not answered by
200, as every SDK does. Meanwhile collectors, pipeline, lake writer and PostgreSQL are killed.
Afterwards each event must be in the database and in the lake, once.
"""

from __future__ import annotations

import random
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec
import psutil
import psycopg

from tsunagu import access, eventlog
from tsunagu.core import Retryable
from tsunagu.runtime.bench.installation import Installation, installation
from tsunagu.runtime.bench.measures import Measure
from tsunagu.storage import in_workspace
from tsunagu.storage.lake import LakeReader

KILLS = 50
VICTIMS = ("collector", "pipeline", "lake", "postgres")
FAILPOINTS = (
    "collect.before_commit:40",
    "collect.after_commit:40",
    "pipeline.before_commit:20",
    "pipeline.after_commit:20",
    "lake.promised:1",
    "lake.copied:1",
    "lake.written:1",
    "lake.committed:1",
    "lake.done:1",
)
CLIENTS = 4
BATCH = 50
BETWEEN_BATCHES = 0.05
# A process that dies again and again is started again after half a minute at most.
SECONDS_A_KILL = 30.0
DRAIN_PATIENCE = 600.0


@dataclass
class _Crowd:
    """Clients that post until they are told to stop, and then finish what they have begun."""

    url: str
    key: str
    acknowledged: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list[threading.Thread])

    def __enter__(self) -> _Crowd:
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, client: int) -> None:
        with httpx.Client(auth=(self.key, ""), timeout=30, trust_env=False) as http:
            number = 0
            while not self._stop.wait(BETWEEN_BATCHES):
                body = _batch(client, number)
                while not self._post(http, body):
                    time.sleep(0.1)
                number += 1
                with self._lock:
                    self.acknowledged += BATCH

    def _post(self, http: httpx.Client, body: bytes) -> bool:
        try:
            answer = http.post(f"{self.url}/v1/batch", content=body)
        except httpx.TransportError:
            return False
        return answer.status_code == 200


def _batch(client: int, number: int) -> bytes:
    names = [f"{client}-{number}-{place}" for place in range(BATCH)]
    return msgspec.json.encode(
        {
            "batch": [
                {
                    "type": "track",
                    "event": "Product Viewed",
                    "userId": f"u{(number + place) % 500}",
                    "messageId": name,
                    "properties": {"name": name},
                }
                for place, name in enumerate(names)
            ]
        }
    )


class _Reaper:
    """Kills until it has done so often enough, at random and where failpoints are."""

    def __init__(self, made: Installation, fired: Path, kills: int) -> None:
        self._made = made
        self._fired = fired
        self._kills = kills
        self._chance = random.Random("reaper")  # noqa: S311 - who dies when is no secret
        self.killed = 0
        self.at_failpoints = 0

    def run(self) -> None:
        """Go on until both numbers are reached, or the time for them is over."""
        until = time.monotonic() + 60 + self._kills * SECONDS_A_KILL
        due = 0.0
        while self.killed < self._kills or self.at_failpoints < self._kills:
            if time.monotonic() > until:
                return
            self._collect_fired()
            self._flush()
            if self.killed < self._kills and time.monotonic() > due:
                due = time.monotonic() + self._chance.uniform(0.2, 2.0)
                self._kill(self._chance.choice(VICTIMS))
            time.sleep(0.1)

    def _collect_fired(self) -> None:
        """Arm what has fired again: without its mark a failpoint kills the next process."""
        for mark in list(self._fired.iterdir()):
            if self.at_failpoints < self._kills:
                self.at_failpoints += 1
                mark.unlink()
        if self.at_failpoints >= self._kills:
            for place in FAILPOINTS:
                (self._fired / place.partition(":")[0]).touch()

    def _flush(self) -> None:
        """Have the lake write often, so that its failpoints are passed."""
        with suppress(psycopg.Error), self._made.database.connect("app") as connection:
            for workspace in access.list_workspaces(connection):
                connection.execute("select pg_notify('tsunagu_flush', %s)", (str(workspace.id),))

    def _kill(self, victim: str) -> None:
        processes = self._made.role(victim)
        if not processes:
            return
        with suppress(psutil.NoSuchProcess):
            self._chance.choice(processes).send_signal(signal.SIGKILL)
            self.killed += 1


def measure(size: int | None) -> Iterator[Measure]:
    """The figures; `size` is the number of kills of each sort."""
    kills = size or KILLS
    with tempfile.TemporaryDirectory(prefix="tsunagu-failpoints-") as name:
        fired = Path(name)
        fired.chmod(0o777)
        variables = {"TSUNAGU_FAILPOINT": ",".join(FAILPOINTS), "TSUNAGU_FAILPOINT_ONCE": name}
        with installation("collect-crash", **variables) as made:
            workspace, key = _prepare(made)
            reaper = _Reaper(made, fired, kills)
            with _Crowd(made.collect_url, key) as crowd:
                reaper.run()
            _drain(made, workspace)
            yield Measure("collect_crash.kills", reaper.killed, "processes", bar=kills)
            yield Measure("collect_crash.failpoints", reaper.at_failpoints, "processes", bar=kills)
            yield Measure("collect_crash.acknowledged", crowd.acknowledged, "events")
            yield from _compared("database", crowd.acknowledged, _in_database(made, workspace))
            yield from _compared("lake", crowd.acknowledged, _in_lake(made, workspace))


def _compared(where: str, acknowledged: int, found: tuple[int, int]) -> Iterator[Measure]:
    rows, distinct = found
    lost, twice = acknowledged - distinct, rows - distinct
    yield Measure(f"collect_crash.lost_in_{where}", lost, "events", bar=0, below=True)
    yield Measure(f"collect_crash.twice_in_{where}", twice, "events", bar=0, below=True)


def _prepare(made: Installation) -> tuple[int, str]:
    with made.database.connect("app") as connection:
        workspace = access.create_workspace(connection, "crash")
        with in_workspace(connection, workspace) as cursor:
            return workspace, access.create_key(cursor, workspace, "write", "crash", "web")


def _drain(made: Installation, workspace: int) -> None:
    """Wait until everything has been through the pipeline and lies in the lake."""
    until = time.monotonic() + DRAIN_PATIENCE
    while True:
        try:
            with made.database.connect("pipeline") as connection:
                with in_workspace(connection, workspace) as cursor:
                    drained = eventlog.drained(cursor, workspace)
                if drained:
                    eventlog.request_flush(connection, workspace)
                    return
        except (psycopg.OperationalError, Retryable):
            drained = False
        if time.monotonic() > until:
            raise Retryable("The pipeline or the lake writer did not come to their end")
        time.sleep(0.5)


def _in_database(made: Installation, workspace: int) -> tuple[int, int]:
    """Rows of the customers' timelines, and how many different events they are."""
    with (
        made.database.connect("pipeline") as connection,
        in_workspace(connection, workspace) as cursor,
    ):
        row = cursor.execute(
            """
            select count(*), count(distinct body::jsonb -> 'properties' ->> 'name')
            from timeline where name = 'Product Viewed'
            """
        ).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def _in_lake(made: Installation, workspace: int) -> tuple[int, int]:
    with LakeReader(made.settings.folder / "lake", workspace) as lake:
        row = lake.connection.execute(
            "select count(*), count(distinct message_id) from events where name = 'Product Viewed'"
        ).fetchone()
    return (row[0], row[1]) if row else (0, 0)
