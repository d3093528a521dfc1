"""The state of the installation: which processes live, and how far each workspace has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from tsunagu.access import Workspace, business_now, list_workspaces
from tsunagu.core.times import moment
from tsunagu.serve import status_queries as queries
from tsunagu.storage import Row, in_workspace

SECONDS_TO_LIVE = 10.0


@dataclass(frozen=True)
class ProcessState:
    """A process by its last heartbeat. Ages are seconds."""

    role: str
    host: str
    pid: int
    age: float
    beat_age: float
    figures: dict[str, dict[str, float]]

    @property
    def alive(self) -> bool:
        """Whether it beat lately."""
        return self.beat_age <= SECONDS_TO_LIVE


@dataclass(frozen=True)
class DatabaseState:
    """The server: its version, the database's size in bytes, whether a commit is durable."""

    version: str
    size: int
    fsync: bool
    synchronous_commit: str
    clock: float


@dataclass(frozen=True)
class Lag:
    """Events that a reader of the log has not taken yet, and the age of the first in seconds.

    Counting ends at 100,000.
    """

    events: int
    seconds: float


@dataclass(frozen=True)
class WorkspaceState:
    """How far a workspace has come. `due` messages could leave now, the first since `late` s."""

    workspace: Workspace
    pipeline: Lag
    lake: Lag
    waiting: int
    handing: int
    due: int
    late: float
    unknown: int
    dead_letters: int


def processes(connection: Connection[Row]) -> list[ProcessState]:
    """Every process that has a heartbeat, by role."""
    found = connection.execute(queries.PROCESSES).fetchall()
    return [ProcessState(*row) for row in found]


def database_state(connection: Connection[Row]) -> DatabaseState:
    """What the server says of itself."""
    return DatabaseState(*_row(connection.execute(queries.DATABASE).fetchone()))


def workspace_states(connection: Connection[Row]) -> list[WorkspaceState]:
    """Every workspace's state; the connection is the pipeline's, who may read the log."""
    return [workspace_state(connection, found) for found in list_workspaces(connection)]


def workspace_state(connection: Connection[Row], workspace: Workspace) -> WorkspaceState:
    """One workspace's state."""
    key = workspace.id
    with in_workspace(connection, key) as cursor:
        positions = dict(cursor.execute(queries.CURSORS, (key,)).fetchall())

        def lag(consumer: str) -> Lag:
            at = {"workspace": key, "after": positions.get(consumer, 0)}
            return Lag(*_row(cursor.execute(queries.BEHIND, at).fetchone()))

        now = {"workspace": key, "now": moment(business_now(cursor, key))}
        waiting, handing, due, late = _row(cursor.execute(queries.OUTBOX, now).fetchone())
        (unknown,) = _row(cursor.execute(queries.UNKNOWN_SENDS, (key,)).fetchone())
        (dead,) = _row(cursor.execute(queries.DEAD_LETTERS, (key,)).fetchone())
        return WorkspaceState(
            workspace, lag("pipeline"), lag("lake"), waiting, handing, due, late, unknown, dead
        )


def _row(found: Any) -> Any:
    assert found is not None
    return found
