"""Connections to PostgreSQL, each under one role of the platform and never as a superuser.

The login only opens the door: the role comes with the connection's start options, so that
even `reset role` leads back to it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, LiteralString

from psycopg import AsyncConnection, AsyncCursor, Connection, Cursor
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, ConnectionPool

Role = Literal["owner", "ingest", "pipeline", "app"]
Row = tuple[Any, ...]

# For sessions that find all they ask for by key. Statistics from before a table was filled
# would send the planner through the whole of it (measured: 676 instead of 60 microseconds an
# event in a fresh database).
LOOK_UPS: LiteralString = (
    "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off"
)
_NAME_WORKSPACE: LiteralString = "select set_config('tsunagu.workspace', %s, true)"
_NOTIFY: LiteralString = "select pg_notify(%s, %s)"


@dataclass(frozen=True)
class Database:
    """A PostgreSQL database by its URL: embedded or somebody's server."""

    url: str = field(repr=False)

    def conninfo(self, role: Role) -> str:
        """The libpq connection string for a role, with UTC as the session's zone."""
        given = conninfo_to_dict(self.url)
        options = f"{given.get('options') or ''} -c role=tsunagu_{role} -c timezone=UTC".strip()
        name = f"tsunagu {role} {os.getpid()}"
        return make_conninfo(self.url, options=options, application_name=name)

    def connect(self, role: Role, *, autocommit: bool = True) -> Connection[Row]:
        """A connection for a process that keeps it."""
        return Connection.connect(self.conninfo(role), autocommit=autocommit)

    async def connect_async(self, role: Role, *, autocommit: bool = True) -> AsyncConnection[Row]:
        """The same for code that runs in an event loop."""
        return await AsyncConnection.connect(self.conninfo(role), autocommit=autocommit)

    def pool(self, role: Role, *, size: int) -> ConnectionPool[Connection[Row]]:
        """A pool of up to `size` connections; use it as a context manager, which opens it."""
        return ConnectionPool(
            self.conninfo(role),
            min_size=1,
            max_size=size,
            kwargs={"autocommit": True},
            open=False,
            name=f"tsunagu-{role}",
            check=ConnectionPool.check_connection,
        )

    def pool_async(self, role: Role, *, size: int) -> AsyncConnectionPool[AsyncConnection[Row]]:
        """The same for code that runs in an event loop: `async with` opens it."""
        return AsyncConnectionPool(
            self.conninfo(role),
            min_size=1,
            max_size=size,
            kwargs={"autocommit": True},
            open=False,
            name=f"tsunagu-{role}",
            check=AsyncConnectionPool.check_connection,
        )


@contextmanager
def in_workspace(connection: Connection[Row], workspace_id: int) -> Generator[Cursor[Row]]:
    """One transaction that sees the rows of one workspace and no other."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(_NAME_WORKSPACE, (str(workspace_id),))
        yield cursor


@asynccontextmanager
async def in_workspace_async(
    connection: AsyncConnection[Row], workspace_id: int
) -> AsyncGenerator[AsyncCursor[Row]]:
    """One transaction that sees the rows of one workspace and no other."""
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.execute(_NAME_WORKSPACE, (str(workspace_id),))
        yield cursor


def notify(cursor: Cursor[Row], channel: str, workspace_id: int) -> None:
    """Wake the listeners of a channel when the transaction commits."""
    cursor.execute(_NOTIFY, (channel, str(workspace_id)))
