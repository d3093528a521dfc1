"""Reading ahead: the next full batch is read from the log while this one is computed.

The events of a range never change, and neither does what was remembered before it but for the
batches that are still on their way; their message ids the pipeline has itself
(`Memory.repeats`). So a range may be read by a snapshot of its own, some batches early.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

from psycopg import Connection, Cursor, IsolationLevel

from tsunagu import eventlog
from tsunagu.eventlog import Batch
from tsunagu.storage import Row, in_workspace


class Read(NamedTuple):
    """A batch of the log, and which of its positions hold message ids that were seen before."""

    batch: Batch
    stored: set[int]


class _Range(NamedTuple):
    workspace_id: int
    after: int
    limit: int


class Ahead:
    """A connection of its own and the thread that reads with it, one range at a time."""

    def __init__(self, connection: Connection[Row]) -> None:
        self._connection = connection
        self._reading = ThreadPoolExecutor(1, "ahead")
        self._range: _Range | None = None
        self._read: Future[Read] | None = None

    def close(self) -> None:
        """Let the thread go, once it has read."""
        self._reading.shutdown()

    def start(self, workspace_id: int, after: int, limit: int) -> None:
        """Begin to read the next `limit` events after a position."""
        self.drop()
        self._range = _Range(workspace_id, after, limit)
        self._read = self._reading.submit(_read_alone, self._connection, self._range)

    def take(self, workspace_id: int, after: int, limit: int) -> Read | None:
        """What was read of this range; None if it was not, or if more may have come since.

        Raises:
            psycopg.Error: it could not be read.
        """
        if self._read is None or self._range != (workspace_id, after, limit):
            return None
        read, self._read = self._read.result(), None
        return None if read.batch.next_known_at is None else read

    def drop(self) -> None:
        """Forget what was read: what it rests on may not have been stored."""
        if self._read is not None:
            self._read.exception()
        self._read = None


@contextmanager
def snapshot(connection: Connection[Row], workspace_id: int) -> Generator[Cursor[Row]]:
    """A transaction that sees one moment of the database, whatever is committed meanwhile."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    try:
        with in_workspace(connection, workspace_id) as cursor:
            yield cursor
    finally:
        if not connection.closed:
            connection.isolation_level = connection.read_only = None


def read(cursor: Cursor[Row], workspace_id: int, after: int, limit: int) -> Read:
    """The next `limit` events after a position, as the cursor's snapshot shows them."""
    batch = eventlog.read_batch(cursor, workspace_id, after, limit)
    if not batch.events:
        return Read(batch, set())
    return Read(batch, eventlog.stored_before(cursor, workspace_id, after, batch.upto))


def _read_alone(connection: Connection[Row], wanted: _Range) -> Read:
    with snapshot(connection, wanted.workspace_id) as cursor:
        return read(cursor, *wanted)
