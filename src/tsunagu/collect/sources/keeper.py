"""The role `sources`: runs what is due, a few at a time, each in a child process of its own.

The longest waiting goes first. A source that fails, hangs or eats memory costs its own run and
nothing else.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread

import psycopg
from psycopg import Connection

from tsunagu.access import list_workspaces
from tsunagu.collect.sources import queries, run_queries, service
from tsunagu.collect.sources.offspring import RUN_SECONDS, SILENCE_SECONDS, Child
from tsunagu.collect.sources.orders import Order, Progress
from tsunagu.collect.sources.schedule import FIRST_RETRY, after_failure
from tsunagu.core import Figures, NotFound
from tsunagu.core.times import SECOND, wall
from tsunagu.storage import Database, Row, in_workspace

# How many work at a time. One from which nothing comes only waits, so it keeps no other from
# working; but there is a most, since each takes memory.
AT_ONCE = 2
MOST = 8
QUIET_SECONDS = 20.0
WAIT_SECONDS = 2.0
AWAY_SECONDS = 2.0
_log = logging.getLogger("tsunagu.sources")

Key = tuple[int, str]


@dataclass(frozen=True)
class Due:
    """A source that should run: whose, which, who asked, and since when."""

    workspace_id: int
    name: str
    asked_by: str | None
    since: int


def run_sources(
    database: Database,
    home: Path,
    forbidden: tuple[str, ...],
    stop: Event,
    figures: Figures,
) -> None:
    """Run due sources until `stop` is set; children then end after their page.

    Args:
        home: the data folder, in which the vault's keys lie.
        forbidden: folders that no source may read.
    """
    nursery = _Nursery(database, home, forbidden, figures)
    while not stop.is_set():
        try:
            with database.connect("pipeline") as connection:
                connection.execute("listen tsunagu_sources")
                while not stop.is_set():
                    _start_due(connection, nursery, figures)
                    for _ in connection.notifies(timeout=WAIT_SECONDS, stop_after=1):
                        pass
        except psycopg.OperationalError as error:
            _log.warning("The database cannot be reached (%s); trying again", error)
            stop.wait(AWAY_SECONDS)
    nursery.close()


def _start_due(connection: Connection[Row], nursery: _Nursery, figures: Figures) -> None:
    now = wall()
    due: list[Due] = []
    for workspace in list_workspaces(connection):
        with in_workspace(connection, workspace.id) as cursor:
            found = queries.due_sources(cursor, workspace.id, now)
        due += [Due(workspace.id, *one) for one in found]
    due.sort(key=lambda one: one.since)
    figures.set("tsunagu.sources.due", len(due))
    figures.set("tsunagu.sources.lag", (now - due[0].since) / SECOND if due else 0)
    for one in due:
        nursery.start(one)


class _Nursery:
    """The children that run now."""

    def __init__(
        self, database: Database, home: Path, forbidden: tuple[str, ...], figures: Figures
    ) -> None:
        self._database = database
        self._home = home
        self._forbidden = forbidden
        self._figures = figures
        self._lock = Lock()
        self._running: dict[Key, Child] = {}
        self._threads: list[Thread] = []

    def start(self, due: Due) -> None:
        """Start a source unless it runs already or enough others do."""
        key = (due.workspace_id, due.name)
        with self._lock:
            if key in self._running or self._full():
                return
            order = Order(
                home=str(self._home),
                url=self._database.url,
                workspace_id=due.workspace_id,
                name=due.name,
                cause=due.asked_by or "schedule",
                forbidden=self._forbidden,
            )
            child = self._running[key] = Child(order)
        thread = Thread(target=self._tend, args=(due, child), name=f"source {due.name}")
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()

    def _full(self) -> bool:
        working = [child for child in self._running.values() if child.silent < QUIET_SECONDS]
        return len(working) >= AT_ONCE or len(self._running) >= MOST

    def close(self) -> None:
        """Let all children end, and wait for them."""
        with self._lock:
            for child in self._running.values():
                child.stop()
        for thread in self._threads:
            thread.join()

    def _tend(self, due: Due, child: Child) -> None:
        try:
            ended = child.run(lambda _: None, seconds=RUN_SECONDS, silence=SILENCE_SECONDS)
            self._figures.add(f"tsunagu.sources.{ended.outcome}")
            self._figures.add("tsunagu.sources.events", ended.events)
            _log.log(_level(ended), "%s: %s", due.name, _summary(ended))
            if ended.outcome == "killed":
                self._close_run(due, ended.error)
            elif ended.outcome == "refused":
                self._postpone(due)
        except psycopg.OperationalError:
            _log.warning("%s: its end could not be written; the next run will say so", due.name)
        finally:
            with self._lock:
                del self._running[due.workspace_id, due.name]

    def _postpone(self, due: Due) -> None:
        """Somebody else runs it, or it is gone: come back later."""
        with (
            self._database.connect("pipeline") as connection,
            in_workspace(connection, due.workspace_id) as cursor,
        ):
            queries.postpone(cursor, due.workspace_id, due.name, wall() + FIRST_RETRY)

    def _close_run(self, due: Due, error: str) -> None:
        """Write the end that a killed child could not."""
        now, workspace = wall(), due.workspace_id
        with (
            self._database.connect("pipeline") as connection,
            in_workspace(connection, workspace) as cursor,
        ):
            try:
                source = service.find_source(cursor, workspace, due.name)
                failures = queries.standing(cursor, workspace, due.name).failures + 1
            except NotFound:  # it was removed while it ran
                return
            again = after_failure(source.schedule, now, failures, retryable=True)
            run_queries.close_killed(cursor, workspace, due.name, error, now=now, due=again)


def _level(ended: Progress) -> int:
    if ended.outcome not in ("done", "stopped"):
        return logging.WARNING
    return logging.INFO if ended.rows else logging.DEBUG


def _summary(ended: Progress) -> str:
    """How a run ended; its error may quote a row, so it stands with the source alone."""
    counted = f"{ended.rows} rows, {ended.events} events, {ended.refused} refused"
    return f"{ended.outcome}, {counted}" + ("; see: tsunagu source show" if ended.error else "")
