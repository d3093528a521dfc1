"""Group commit: all requests that wait go into the log with one `COPY` in one transaction.

While a group commits, the next one gathers, so that the group grows with the load and a
single request on an idle process waits for nobody. A request is answered after the commit of
its group. Should a group fail for what is in it, it is halved until the guilty stand alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from time import monotonic

import psycopg
from psycopg import AsyncConnection

from tsunagu.collect.errors import BadRequest, Overloaded, Refused, Unavailable
from tsunagu.collect.queries import append_blocks, prepare, sever
from tsunagu.core.failpoints import failpoint
from tsunagu.core.figures import Figures
from tsunagu.storage import Database, Row

MAX_WAITING_BYTES = 64 << 20
MAX_WAITING_REQUESTS = 8192
MAX_GROUP_BYTES = 8 << 20
RECONNECT_SECONDS = 0.5
CONNECT_SECONDS = 3
COMMIT_SECONDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """One request's rows in the form of `COPY`, and who waits for them."""

    workspace_id: int
    block: bytes
    events: int
    done: asyncio.Future[None] = field(repr=False)

    def answer(self, refusal: Refused | None) -> None:
        """Tell the waiting request; a client that went away has cancelled it."""
        if self.done.done():
            return
        if refusal is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(refusal)


class GroupCommit:
    """Gathers and commits; `run` is the one task that talks to the database."""

    def __init__(self, database: Database, figures: Figures) -> None:
        self._database = database
        self._figures = figures
        self._queue: deque[Waiting] = deque()
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._severed = False
        self._connection: AsyncConnection[Row] | None = None
        self._no_connection_before = 0.0

    async def add(self, workspace_id: int, block: bytes, events: int) -> None:
        """Wait until the rows are durable.

        Raises:
            Overloaded: too much is waiting already.
            Unavailable: the database did not confirm; the rows may be sent again.
            BadRequest: the database refuses these rows.
        """
        if self._stopping:
            raise Unavailable("The collector is stopping; send the request again")
        if (
            self._waiting_bytes + len(block) > MAX_WAITING_BYTES
            or len(self._queue) >= MAX_WAITING_REQUESTS
        ):
            raise Overloaded("Too much is waiting to be stored; send the request again")
        done = asyncio.get_running_loop().create_future()
        self._queue.append(Waiting(workspace_id, block, events, done))
        self._waiting_bytes += len(block)
        self._wake.set()
        await done

    async def run(self) -> None:
        """Commit groups until `stop` was called and nothing waits any more."""
        while self._queue or not self._stopping:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                continue
            group = self._next_group()
            await self._settle(group)
            self._waiting_bytes -= sum(len(waiting.block) for waiting in group)
            self._figures.set("tsunagu.collect.waiting_bytes", self._waiting_bytes)
        await self._disconnect()

    def stop(self) -> None:
        """Take no more; what waits is still committed and answered."""
        self._stopping = True
        self._wake.set()

    def _next_group(self) -> list[Waiting]:
        group = [self._queue.popleft()]
        size = len(group[0].block)
        while self._queue and size + len(self._queue[0].block) <= MAX_GROUP_BYTES:
            group.append(self._queue.popleft())
            size += len(group[-1].block)
        return group

    async def _settle(self, group: list[Waiting]) -> None:
        """Commit a group and answer everyone in it."""
        started = monotonic()
        try:
            await self._commit_in_time(group)
        except psycopg.DataError as error:
            await self._halve(group, _first_line(error))
            return
        except (psycopg.Error, TimeoutError) as error:
            await self._disconnect()
            self._figures.add("tsunagu.collect.unavailable", len(group))
            refusal = Unavailable(
                f"The events could not be stored ({_first_line(error)}); send them again"
            )
            self._refuse(group, refusal)
            return
        failpoint("collect.after_commit")
        for waiting in group:
            waiting.answer(None)
        self._figures.add("tsunagu.collect.groups")
        self._figures.add("tsunagu.collect.events", sum(waiting.events for waiting in group))
        self._figures.set("tsunagu.collect.commit_seconds", monotonic() - started)

    def _refuse(self, group: list[Waiting], refusal: Refused) -> None:
        """Tell the group and all who wait behind it: they would only wait for the same."""
        for waiting in (*group, *self._queue):
            waiting.answer(refusal)
        self._waiting_bytes -= sum(len(waiting.block) for waiting in self._queue)
        self._queue.clear()

    async def _commit_in_time(self, group: list[Waiting]) -> None:
        self._severed = False
        attempt = asyncio.create_task(self._commit(group))
        done, _ = await asyncio.wait({attempt}, timeout=COMMIT_SECONDS)
        if not done and self._connection is not None:
            self._severed = True
            sever(self._connection)
        await attempt

    async def _halve(self, group: list[Waiting], reason: str) -> None:
        if len(group) == 1:
            self._figures.add("tsunagu.collect.refused")
            group[0].answer(
                BadRequest(f"The database refuses these events, nothing was stored: {reason}")
            )
            return
        middle = len(group) // 2
        await self._settle(group[:middle])
        await self._settle(group[middle:])

    async def _commit(self, group: list[Waiting]) -> None:
        try:
            await self._append(group)
        except psycopg.OperationalError:
            if self._severed or self._connection is None or not self._connection.closed:
                raise
            # Once more on a new connection. Had the commit succeeded unheard, these rows are
            # repeats with the same message ids, which the pipeline drops.
            await self._append(group)

    async def _append(self, group: list[Waiting]) -> None:
        await append_blocks(
            await self._connected(),
            [waiting.block for waiting in group],
            {waiting.workspace_id for waiting in group},
        )

    async def _connected(self) -> AsyncConnection[Row]:
        """The connection; while the server is away it is tried every half second, not more."""
        if self._connection is None or self._connection.closed:
            if monotonic() < self._no_connection_before:
                raise psycopg.OperationalError("the database cannot be reached")
            self._no_connection_before = monotonic() + RECONNECT_SECONDS
            self._connection = None
            async with asyncio.timeout(CONNECT_SECONDS):
                self._connection = await self._database.connect_async("ingest")
            await prepare(self._connection)
            self._no_connection_before = 0.0
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def _first_line(error: Exception) -> str:
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return (primary or str(error)).partition("\n")[0] or type(error).__name__
