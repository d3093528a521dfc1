"""Starting the lake writer, and asking it to catch up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import Connection

from tsunagu.core import Figures, Retryable
from tsunagu.core.times import HOUR, wall
from tsunagu.eventlog import lake_queries
from tsunagu.eventlog.retention import Retention
from tsunagu.storage import Database, Row, in_workspace

if TYPE_CHECKING:
    from tsunagu.storage.lake import Expired

# Writes a table of a workspace's lake if something changed; whether it did.
Snapshot = Callable[[Connection[Row], Path, int], bool]

_LOOK_SECONDS = 0.02
_ASK_AGAIN_SECONDS = 2.0


def run_lake(
    database: Database,
    lake_folder: Path,
    stop: threading.Event,
    figures: Figures | None = None,
    *,
    snapshots: Sequence[Snapshot] = (),
) -> None:
    """Write every workspace's lake until told to stop, and keep its and the log's house.

    Args:
        snapshots: what rooms above the log put into the lake beside it, now and then and
            whenever somebody asks for a flush.
    """
    # DuckDB and delta-rs take 100 MB that no other process of the log needs.
    from tsunagu.eventlog import lake_upkeep, lake_writer

    figures = figures or Figures()

    def keep_up() -> None:
        try:
            lake_upkeep.run(database, lake_folder, stop, figures)
        finally:
            stop.set()  # a lake without upkeep is started anew as a whole

    upkeep = threading.Thread(target=keep_up, name="upkeep")
    upkeep.start()
    try:
        lake_writer.run(database, lake_folder, stop, figures, snapshots=snapshots)
    finally:
        stop.set()
        upkeep.join()


def upkeep_now(connection: Connection[Row], lake_folder: Path, workspace_id: int) -> dict[str, int]:
    """Do every task of the lake's upkeep now; by task, how much it did.

    Args:
        connection: of the role `pipeline`, in autocommit.

    Raises:
        Retryable: others kept committing to a table.
    """
    from tsunagu.eventlog import lake_upkeep

    return {
        task.name: lake_upkeep.do(connection, lake_folder, workspace_id, task)
        for task in lake_upkeep.TASKS
    }


def overdue_tasks(connection: Connection[Row], workspace_id: int) -> list[tuple[str, float]]:
    """The tasks of upkeep that are more than an hour late, and by how many seconds.

    One that was never done is not late: the lake's process does it at its first look.
    """
    from tsunagu.eventlog import lake_upkeep

    done = dict(lake_queries.lake_tasks(connection, workspace_id))
    late = {t.name: wall() - done[t.name] - t.every for t in lake_upkeep.TASKS if t.name in done}
    return [(name, by / 1e6) for name, by in late.items() if by > HOUR]


def preview_retention(
    lake_folder: Path, workspace_id: int, retention: Retention, now: int
) -> list[Expired]:
    """What a retention would remove from a workspace's lake at a time, by name, the most first."""
    from tsunagu.storage.lake import EVENTS, count_expired

    folder = lake_folder / str(workspace_id) / EVENTS.name
    return count_expired(folder, retention.expiries(now)) if folder.exists() else []


def request_flush(connection: Connection[Row], workspace_id: int, *, timeout: float = 60.0) -> None:
    """Have the lake hold all that the pipeline has taken by now, identity included.

    Args:
        connection: of any role that sees the workspace, in autocommit.
        timeout: seconds to wait.

    Raises:
        Retryable: the lake did not get there in time.
    """
    deadline = time.monotonic() + timeout
    with in_workspace(connection, workspace_id) as cursor:
        wanted = lake_queries.position_of(cursor, workspace_id, "pipeline")
    ask_at = time.monotonic()
    while (there := _position(connection, workspace_id)) < wanted:
        now = time.monotonic()
        if now > deadline:
            raise Retryable(
                f"The lake stands at position {there} and not yet at {wanted}. "
                "See whether the lake writer runs: tsunagu doctor"
            )
        if now >= ask_at:  # again after a while, since a writer may just be starting
            connection.execute("select pg_notify('tsunagu_flush', %s)", (str(workspace_id),))
            ask_at = now + _ASK_AGAIN_SECONDS
        time.sleep(_LOOK_SECONDS)


def _position(connection: Connection[Row], workspace_id: int) -> int:
    """How far both the events and the identity of the lake have come."""
    with in_workspace(connection, workspace_id) as cursor:
        return min(
            lake_queries.position_of(cursor, workspace_id, consumer)
            for consumer in (lake_queries.LAKE, lake_queries.IDENTITY)
        )
