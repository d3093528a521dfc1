"""The lake's upkeep: each task at its time, for every workspace, in a thread of the lake role.

It needs no agreement with the lake writer or bulk loads: its commits change nothing that they
look at, and repeat themselves when another commit came first. What a task did is noted in
PostgreSQL after it, so one that was killed is done again, which finds the rest.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
from deltalake.exceptions import DeltaError
from psycopg import Connection, OperationalError

from tsunagu.access import list_workspaces
from tsunagu.core import Figures, Retryable
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import DAY, HOUR, wall
from tsunagu.eventlog import lake_queries
from tsunagu.eventlog.retention import expiries
from tsunagu.storage import Database, Row, in_workspace
from tsunagu.storage.lake import (
    CUSTOMERS,
    EVENTS,
    IDENTITY,
    LONGEST_READ_HOURS,
    TABLES,
    LakeTable,
    drop_late_repeats,
    expire,
    join_small,
    sweep,
)

# A week of the log's files, for readers from outside that look at an older version of a table.
# Each identity snapshot is a whole one, so its files go when no reader of ours can hold them.
KEEP_HOURS = {EVENTS: 24 * 7, CUSTOMERS: 24 * 7, IDENTITY: 2 * LONGEST_READ_HOURS}
# Events may reach the lake this long after their receipt, from a load that was interrupted.
LATE = 7 * DAY
_LOOK_SECONDS = 10.0
_log = logging.getLogger("tsunagu.lake")


@dataclass(frozen=True)
class Task:
    """One kind of upkeep: how often, and what it does to a workspace; returns how much it did."""

    name: str
    every: int
    work: Callable[[Connection[Row], Path, int], int]


def _join(_: Connection[Row], home: Path, __: int) -> int:
    return sum(join_small(home / layout.name, layout) for layout in (EVENTS, CUSTOMERS))


def _repeats(connection: Connection[Row], home: Path, workspace_id: int) -> int:
    since = lake_queries.task_done_at(connection, workspace_id, "repeats")
    return drop_late_repeats(home / EVENTS.name, received_after=(since or 0) - LATE)


def _expire(connection: Connection[Row], home: Path, workspace_id: int) -> int:
    rules = expiries(connection, workspace_id)
    return expire(home / EVENTS.name, rules) if rules else 0


def _vacuum(_: Connection[Row], home: Path, __: int) -> int:
    gone = 0
    for layout in TABLES:
        if (home / layout.name).exists():
            table = LakeTable(home / layout.name, layout)
            gone += len(table.vacuum(KEEP_HOURS[layout]))
            table.checkpoint()
    sweep(home, older_than_hours=LONGEST_READ_HOURS)
    return gone


TASKS = (
    Task("expire", DAY, _expire),
    Task("repeats", DAY, _repeats),
    Task("join", HOUR, _join),
    Task("vacuum", HOUR, _vacuum),
)


def run(
    database: Database,
    lake_folder: Path,
    stop: threading.Event,
    figures: Figures,
    *,
    look_seconds: float = _LOOK_SECONDS,
) -> None:
    """Do what is due until told to stop; one process at a time does so."""
    while not stop.wait(look_seconds):
        try:
            with database.connect("pipeline") as connection:
                if lake_queries.take_upkeep(connection):
                    _stay(connection, lake_folder, stop, figures, look_seconds)
        except OperationalError as error:
            _log.warning("The lake's upkeep tries again: %s", error)


def _stay(
    connection: Connection[Row],
    lake_folder: Path,
    stop: threading.Event,
    figures: Figures,
    look_seconds: float,
) -> None:
    while not stop.is_set():
        for workspace in list_workspaces(connection):
            done = dict(lake_queries.lake_tasks(connection, workspace.id))
            for task in TASKS:
                if stop.is_set():
                    return
                if wall() - done.get(task.name, 0) >= task.every:
                    _attempt(connection, lake_folder, workspace.id, task, figures)
        stop.wait(look_seconds)


def _attempt(
    connection: Connection[Row],
    lake_folder: Path,
    workspace_id: int,
    task: Task,
    figures: Figures,
) -> None:
    try:
        figures.add(f"tsunagu.lake.{task.name}", do(connection, lake_folder, workspace_id, task))
    except (Retryable, duckdb.Error, DeltaError, OSError) as error:
        # A full disk or a busy table holds up this task alone; it is due at the next look.
        _log.warning("Task %s of the lake's upkeep tries again later: %s", task.name, error)


def do(connection: Connection[Row], lake_folder: Path, workspace_id: int, task: Task) -> int:
    """Do a task for a workspace now and note it; returns how much it did.

    Raises:
        Retryable: others kept committing to the table.
    """
    home = lake_folder / str(workspace_id)
    began = wall()
    done = task.work(connection, home, workspace_id) if (home / EVENTS.name).exists() else 0
    failpoint(f"lake.upkeep.{task.name}")
    with in_workspace(connection, workspace_id) as cursor:
        lake_queries.note_task(cursor, workspace_id, task.name, began)
    if done:
        _log.info("Task %s of the lake's upkeep of workspace %s: %s", task.name, workspace_id, done)
    return done
