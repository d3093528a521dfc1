"""The stream: a batch is prepared while the one before it is stored and the next one is read.

Preparing is Python's work, storing and reading are mostly the database's, so each would wait for
the others. What is in flight is laid over what the database shows (`Desk`); the lease is checked
when a batch is stored, so a batch that was prepared on what then failed is thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from psycopg import Connection

from tsunagu.runtime.ahead import Ahead
from tsunagu.runtime.desk import BATCH, TIMERS, Desk, Report
from tsunagu.runtime.pipeline import prepare, store
from tsunagu.storage import Row

# Other workspaces wait no longer than this many batches.
TURN = 16


class Stream:
    """A connection to prepare with, one to store with and one to read ahead with.

    Storing and reading ahead have a thread each.
    """

    def __init__(
        self, reader: Connection[Row], writer: Connection[Row], scout: Connection[Row]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._ahead = Ahead(scout)
        self._storing = ThreadPoolExecutor(1, "store")

    def close(self) -> None:
        """Let the threads go, once what they store is stored."""
        self._storing.shutdown()
        self._ahead.close()

    def turn(self, desk: Desk) -> Iterator[Report]:
        """Work through up to `TURN` batches of a workspace; a report for each that is committed.

        Whatever a batch raises comes out here. What was prepared after it is lost, and the
        desk must forget.
        """
        flight: Future[Report] | None = None
        desk.ahead = self._ahead
        try:
            for _ in range(TURN):
                prepared = prepare(self._reader, desk, BATCH, TIMERS)
                if flight is not None:
                    landed = flight.result()
                    yield landed
                    # What it told came into the log after this batch was read from it.
                    prepared = replace(prepared, more=prepared.more or landed.told > 0)
                desk.keep(prepared)
                desk.flight = prepared
                flight = self._storing.submit(store, self._writer, desk.workspace_id, prepared)
                if prepared.last or not prepared.more:
                    break
            if flight is not None:
                yield flight.result()
        except BaseException:
            self._ahead.drop()
            raise
        finally:
            if flight is not None:
                flight.exception()
            desk.flight = desk.ahead = None
