"""A load from its files to the customers' profiles: into the lake first, then fed.

Both halves stand in the database and go on where they were. The role `pipeline` does the work;
the workspace's live traffic goes on meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import psycopg
from psycopg import Connection

from tsunagu.access import workspace_by_id
from tsunagu.collect import bulk
from tsunagu.collect.bulk import Counts, Load
from tsunagu.collect.mapping import read_mapping
from tsunagu.collect.plan import PlanBook
from tsunagu.core import Invalid, Retryable, TsunaguError
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import wall, zone
from tsunagu.runtime.feed import FeedReport, feed
from tsunagu.serve import definitions
from tsunagu.storage import Database, Row, in_workspace


@dataclass
class Watching:
    """Who is told how a load goes, and who may end it."""

    read: Callable[[Counts], None] = lambda _: None
    fed: Callable[[int, int], None] = lambda _, __: None


@dataclass
class LoadReport:
    """What a run of a load did. Seconds are of this run; the load's counts are of all runs."""

    load: Load
    read_seconds: float = 0.0
    fed: FeedReport = field(default_factory=FeedReport)


def run_load(
    database: Database,
    lake_folder: Path,
    load: Load,
    watching: Watching,
    *,
    most_bad: int = bulk.MOST_BAD,
    chunk_bytes: int | None = None,
    fed: bool = True,
) -> LoadReport:
    """Bring a load to its end, from wherever it stands.

    Args:
        lake_folder: the folder of all workspaces' lakes.
        most_bad: at how many bad rows the load stops.
        fed: feed identities and profiles too; what is not fed now is with the next run.

    Raises:
        Invalid: a file cannot be read, or too many rows are bad; the load keeps the reason.
        Retryable: another load of the workspace runs, a disk is full, or the database went away.
        KeyboardInterrupt: stopped by hand; the load can be gone on with.
    """
    with database.connect("pipeline") as connection:
        if not bulk.take_turn(connection, load.workspace_id):
            raise Retryable("Another load of this workspace runs; wait for it. See: tsunagu loads")
        report = LoadReport(_current(connection, load))
        if report.load.state == "done":
            return report
        _set(connection, load, "open")
        with _noting(connection, load):
            mapping = None if load.mapping is None else read_mapping(load.mapping)
            loader = bulk.Loader(
                database,
                lake_folder / str(load.workspace_id),
                report.load,
                mapping,
                book=_tracking_plan(connection, load),
                most_bad=most_bad,
                tell=watching.read,
                chunk_bytes=chunk_bytes,
            )
            started = time.monotonic()
            loader.run(connection)
            report.read_seconds = time.monotonic() - started
            failpoint("load.read")
            if fed:
                report.fed = _feed(database, connection, lake_folder, load, watching)
                _set(connection, load, "done")
        report.load = _current(connection, load)
    return report


@contextmanager
def _noting(connection: Connection[Row], load: Load) -> Generator[None]:
    """Keep with the load why it ended early, if the database can be told."""
    try:
        yield
    except KeyboardInterrupt:
        _set(connection, load, "stopped", "interrupted")
        raise
    except TsunaguError as error:
        _set(connection, load, "stopped", str(error))
        raise
    except psycopg.OperationalError as error:
        raise Retryable(
            f"The database does not answer ({str(error).strip()}). What is loaded stays. Go on: "
            f"tsunagu load --resume {load.load_id}"
        ) from error
    except (OSError, duckdb.Error) as error:
        told = (
            f"The load cannot go on: {str(error).strip()}. What is loaded stays. Make room, or "
            f"mend what it says, and go on: tsunagu load --resume {load.load_id}"
        )
        _set(connection, load, "stopped", told)
        raise Retryable(told) from error


def _feed(
    database: Database,
    connection: Connection[Row],
    lake_folder: Path,
    load: Load,
    watching: Watching,
) -> FeedReport:
    """Feed the ranges of the load that are not fed; each is noted when it is whole."""
    report = FeedReport()
    with in_workspace(connection, load.workspace_id) as cursor:
        ranges = bulk.unfed_ranges(cursor, load)
    before, total = 0, sum(upto - after for after, upto in ranges)
    for after, upto in ranges:
        offset = before

        def progress(done: int, _: int, offset: int = offset) -> None:
            watching.fed(offset + done, total)

        found = feed(
            database, lake_folder, load.workspace_id, after=after, upto=upto, progress=progress
        )
        _add(report, found)
        before += upto - after
        with in_workspace(connection, load.workspace_id) as cursor:
            bulk.note_fed(cursor, load, after, wall())
        failpoint("load.fed")
    return report


def _add(report: FeedReport, found: FeedReport) -> None:
    report.events += found.events
    report.customers += found.customers
    report.nobody += found.nobody
    report.profile_seconds += found.profile_seconds
    report.seconds += found.seconds


def _tracking_plan(connection: Connection[Row], load: Load) -> PlanBook | None:
    with in_workspace(connection, load.workspace_id) as cursor:
        where = workspace_by_id(cursor, load.workspace_id)
        return definitions.load(cursor, load.workspace_id, zone(where.zone), None).tracking


def _current(connection: Connection[Row], load: Load) -> Load:
    with in_workspace(connection, load.workspace_id) as cursor:
        found = bulk.load_by_id(cursor, load.workspace_id, load.load_id)
    if found is None:
        raise Invalid(f"There is no load {load.load_id}. See: tsunagu loads")
    return found


def _set(connection: Connection[Row], load: Load, state: str, reason: str | None = None) -> None:
    now = wall()
    with in_workspace(connection, load.workspace_id) as cursor:
        bulk.set_state(cursor, load, state, reason, now, now if state == "done" else None)
