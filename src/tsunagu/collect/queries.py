"""The transaction of a group commit, in as few round trips as `COPY` allows."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from psycopg import AsyncConnection, BaseConnection, sql
from psycopg.pq import TransactionStatus

from tsunagu.core.failpoints import failpoint
from tsunagu.eventlog import COPY_INBOX, LOCK_INBOX, NOTIFY_INBOX
from tsunagu.storage import Row

STATEMENT_MILLISECONDS = 8_000
LINE_BYTES = 8 << 20
_SO_SNDBUFFORCE = 32  # which Python does not name


async def prepare(connection: AsyncConnection[Row]) -> None:
    """Make commits durable whatever the server's default, and let no wait last for ever."""
    await connection.execute(
        """
        select set_config('synchronous_commit', 'on', false),
            set_config('statement_timeout', %s, false)
        """,
        (str(STATEMENT_MILLISECONDS),),
    )
    _widen(connection)


def _widen(connection: AsyncConnection[Row]) -> None:
    """Let the kernel take a whole group at once from a local socket.

    The log's lock is held while a group is handed over: in small pieces, each waiting for its
    turn among the requests, that took twice as long as the server needs to store it.
    """
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        if line.family == socket.AF_UNIX:
            for option in (_SO_SNDBUFFORCE, socket.SO_SNDBUF):  # the first needs a privilege
                with suppress(PermissionError):
                    line.setsockopt(socket.SOL_SOCKET, option, LINE_BYTES)
                    return


def sever(connection: BaseConnection[Any]) -> None:
    """Cut the line to a server that does not answer: whoever waits for it learns so at once.

    Cancelling would wait for the server, first to hear of it and then to obey.
    """
    if not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as line, suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


async def append_blocks(
    connection: AsyncConnection[Row], blocks: Sequence[bytes], workspaces: Collection[int]
) -> None:
    """Put the rows of many requests into the log in one transaction and wake the pipeline.

    Args:
        connection: in autocommit; the transaction is opened and ended here.
        blocks: lines for `COPY_INBOX`.
        workspaces: whose events they are.
    """
    async with connection.cursor() as cursor:
        try:
            await cursor.execute(_opening(frozenset(workspaces)), prepare=False)
            async with cursor.copy(COPY_INBOX) as copy:
                # one write: each costs as much as some events do
                await copy.write(b"".join(blocks))
            failpoint("collect.before_commit")
            await cursor.execute("commit", prepare=False)
        except BaseException:
            await _leave(connection)
            raise


@lru_cache(maxsize=1024)
def _opening(workspaces: frozenset[int]) -> sql.Composed:
    """The beginning of the transaction, as several statements in one round trip."""
    wake = [
        sql.SQL(NOTIFY_INBOX.replace("%s", "{}")).format(sql.Literal(str(workspace)))
        for workspace in sorted(workspaces)
    ]
    return sql.SQL("; ").join([sql.SQL("begin"), *wake, sql.SQL(LOCK_INBOX)])


async def _leave(connection: AsyncConnection[Row]) -> None:
    """Roll a failed transaction back; a connection in any other state is of no use any more."""
    if connection.info.transaction_status is TransactionStatus.INERROR:
        await connection.execute("rollback", prepare=False)
    else:
        await connection.close()
