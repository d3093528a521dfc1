"""Reader: database work of the console, in threads, so that the event loop never waits.

Each call is one transaction of the role `app` in one workspace; queries live in the rooms that
own the tables and take the cursor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg_pool import ConnectionPool

from tsunagu.storage import Database, in_workspace

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]
Cursor: TypeAlias = psycopg.Cursor[Row]
Connection: TypeAlias = psycopg.Connection[Row]
THREADS = 4
WAIT_SECONDS = 5.0
MOST_KEPT = 500


class Reader:
    """A small pool of connections and threads. Calls may raise `psycopg.Error`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pool: ConnectionPool[Connection] = database.pool("app", size=THREADS)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="console")
        self._kept: dict[tuple[int, str], tuple[float, Any]] = {}

    async def read(self, workspace_id: int, work: Callable[[Cursor], T]) -> T:
        """Runs `work` in one transaction of a workspace; what it changes is committed."""
        return await self._run(lambda: self._in_workspace(workspace_id, work))

    async def outside(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` with a connection of no workspace: operators, workspaces, processes."""
        return await self._run(lambda: self._plain(work))

    async def apart(self, work: Callable[[Database], T]) -> T:
        """Runs `work` that opens connections of its own, for what the role `app` may not do."""
        return await self._run(lambda: work(self._database))

    async def shared(self, workspace_id: int, name: str, work: Callable[[Cursor], T]) -> T:
        """As `read`, but viewers share an answer for a second, or ten times what it cost."""
        key = (workspace_id, name)
        until, answer = self._kept.get(key, (0.0, None))
        if time.monotonic() < until:
            return answer
        started = time.monotonic()
        answer = await self.read(workspace_id, work)
        ended = time.monotonic()
        if len(self._kept) >= MOST_KEPT:
            self._kept = {k: kept for k, kept in self._kept.items() if kept[0] > ended}
        self._kept[key] = (ended + max(1.0, 10 * (ended - started)), answer)
        return answer

    def open(self) -> None:
        """Opens the connections; they are made as they are needed."""
        self._pool.open()

    def close(self) -> None:
        """Ends the threads and connections."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._pool.close()

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _in_workspace(self, workspace_id: int, work: Callable[[Cursor], T]) -> T:
        with (
            self._pool.connection(WAIT_SECONDS) as connection,
            in_workspace(connection, workspace_id) as cursor,
        ):
            return work(cursor)

    def _plain(self, work: Callable[[Connection], T]) -> T:
        with self._pool.connection(WAIT_SECONDS) as connection:
            return work(connection)
