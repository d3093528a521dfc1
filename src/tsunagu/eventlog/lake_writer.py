"""The lake writer: follows behind the pipeline and puts the log into each workspace's lake.

It first commits to PostgreSQL which version will hold which range of the log, then writes
exactly that range as that version. Killed at any line, the next writer finds the promise, asks
the lake whether the version is there, and goes on; nothing is missing and nothing is twice.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psycopg import Connection, OperationalError

from tsunagu.access import list_workspaces
from tsunagu.core import Figures, Retryable
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import DAY, wall
from tsunagu.eventlog import lake_queries
from tsunagu.eventlog.housekeeping import Housekeeping
from tsunagu.eventlog.lake import Snapshot
from tsunagu.storage import Database, Row, in_workspace
from tsunagu.storage.lake import EVENTS, IDENTITY, LakeTable, events_from_csv, identity_from_csv

MOST_EVENTS = 100_000
FLUSH_SECONDS = 30.0
IDENTITY_SECONDS = 600.0
_LOOK_SECONDS = 1.0
_SECONDS_AFTER_LOSS = 0.5
_log = logging.getLogger("tsunagu.lake")


def run(
    database: Database,
    lake_folder: Path,
    stop: threading.Event,
    figures: Figures | None = None,
    *,
    keep_inbox: int = 35 * DAY,
    snapshots: Sequence[Snapshot] = (),
) -> None:
    """Write every workspace's lake until told to stop, and keep the log's house.

    Args:
        keep_inbox: how long events stay in the inbox once they are in the lake, in microseconds.
        snapshots: what else is written where the identity snapshot is.
    """
    housekeeping = Housekeeping(database, keep_inbox)
    while not stop.is_set():
        try:
            with database.connect("pipeline") as connection:
                if not lake_queries.take_lease(connection):
                    stop.wait(_LOOK_SECONDS)
                    continue
                connection.execute("listen tsunagu_flush")
                writer = _Writer(
                    connection, lake_folder, figures or Figures(), housekeeping, snapshots
                )
                writer.work(stop)
        except (OperationalError, Retryable) as error:
            _log.warning("The lake writer tries again: %s", error)
            stop.wait(_SECONDS_AFTER_LOSS)


@dataclass
class _Desk:
    """When a workspace's lake was last brought up to date."""

    flushed: float = field(default_factory=time.monotonic)
    identified: float = float("-inf")


class _Writer:
    """One connection's life."""

    def __init__(
        self,
        connection: Connection[Row],
        lake_folder: Path,
        figures: Figures,
        housekeeping: Housekeeping,
        snapshots: Sequence[Snapshot],
    ) -> None:
        self._connection = connection
        self._folder = lake_folder
        self._figures = figures
        self._housekeeping = housekeeping
        self._snapshots = snapshots
        self._desks: dict[int, _Desk] = {}

    def work(self, stop: threading.Event) -> None:
        requested: set[int] = set()
        while not stop.is_set():
            self._housekeeping.look()
            for workspace in list_workspaces(self._connection):
                if stop.is_set():
                    return
                self._turn(workspace.id, workspace.id in requested)
            requested = self._requests(stop)

    def _requests(self, stop: threading.Event) -> set[int]:
        """Who asks for a flush; returns at the first request or after a second."""
        found: set[int] = set()
        for told in self._connection.notifies(timeout=_LOOK_SECONDS, stop_after=1):
            if told.payload.isdigit():
                found.add(int(told.payload))
        return set() if stop.is_set() else found

    def _turn(self, workspace_id: int, requested: bool) -> None:
        desk = self._desks.setdefault(workspace_id, _Desk())
        now = time.monotonic()
        behind = self._behind(workspace_id)
        self._figures.set("tsunagu.lake.behind", behind)
        if requested or behind >= MOST_EVENTS or now - desk.flushed >= FLUSH_SECONDS:
            desk.flushed = now
            while flush_events(self._connection, self._folder, workspace_id, self._figures):
                pass
        if requested or now - desk.identified >= IDENTITY_SECONDS:
            desk.identified = now
            for write in self._snapshots:
                write(self._connection, self._folder, workspace_id)
            write_identity_snapshot(self._connection, self._folder, workspace_id)

    def _behind(self, workspace_id: int) -> int:
        with in_workspace(self._connection, workspace_id) as cursor:
            pipeline = lake_queries.position_of(cursor, workspace_id, "pipeline")
            return pipeline - lake_queries.position_of(cursor, workspace_id, lake_queries.LAKE)


def flush_events(
    connection: Connection[Row],
    lake_folder: Path,
    workspace_id: int,
    figures: Figures | None = None,
    *,
    most: int = MOST_EVENTS,
) -> bool:
    """Bring one promised range into the lake; False if the lake has caught up.

    Raises:
        Retryable: another writer was at work on the same lake.
    """
    with in_workspace(connection, workspace_id) as cursor:
        promise = lake_queries.open_promise(cursor, workspace_id)
        if promise is None:
            promise = lake_queries.make_promise(cursor, workspace_id, most)
    if promise is None:
        return False
    failpoint("lake.promised")
    rows = _write(connection, lake_folder / str(workspace_id), workspace_id, promise)
    failpoint("lake.committed")
    with in_workspace(connection, workspace_id) as cursor:
        lake_queries.keep_promise(cursor, workspace_id, promise, rows)
    failpoint("lake.done")
    if figures is not None:
        figures.add("tsunagu.lake.events", rows)
        figures.add("tsunagu.lake.commits")
    return True


def _write(
    connection: Connection[Row], home: Path, workspace_id: int, promise: lake_queries.Promise
) -> int:
    """Write the range as its version, unless the lake has that version already."""
    table = LakeTable(home / EVENTS.name, EVENTS)
    if table.committed >= promise.version:
        return lake_queries.count_events(connection, workspace_id, promise)
    csv = _spill(home) / "events.csv"
    lake_queries.copy_events(connection, workspace_id, promise, csv)
    failpoint("lake.copied")
    files = events_from_csv(csv, table.folder, csv.parent) if csv.stat().st_size else []
    csv.unlink()
    failpoint("lake.written")
    if files:
        table.commit(promise.version, files)
    return sum(file.rows for file in files)


def write_identity_snapshot(
    connection: Connection[Row], lake_folder: Path, workspace_id: int
) -> bool:
    """Write which customer owns each identifier; False if the last snapshot still holds.

    Raises:
        Retryable: another writer was at work on the same lake.
    """
    home = lake_folder / str(workspace_id)
    with in_workspace(connection, workspace_id) as cursor:
        standing = lake_queries.standing(cursor, workspace_id)
        if lake_queries.task_mark(cursor, workspace_id, IDENTITY.name) == standing.mark:
            return False
    csv = _spill(home) / "identity.csv"
    lake_queries.copy_identity(connection, workspace_id, csv)
    if csv.stat().st_size:
        table = LakeTable(home / IDENTITY.name, IDENTITY)
        files = identity_from_csv(csv, table.folder, csv.parent)
        table.commit(table.committed + 1, files, overwrite=True)
    csv.unlink()
    failpoint("lake.identity")
    with in_workspace(connection, workspace_id) as cursor:
        lake_queries.note_task(cursor, workspace_id, IDENTITY.name, wall(), standing.mark)
        lake_queries.advance(cursor, workspace_id, lake_queries.IDENTITY, standing.position)
    return True


def _spill(home: Path) -> Path:
    """A folder for what is on its way, emptied of what a killed writer left."""
    folder = home / "spill"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
