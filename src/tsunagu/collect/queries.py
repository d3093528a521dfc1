"""The transaction of a group commit, in as few round trips as `COPY` allows."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from psycopg import AsyncConnection, sql

from tsunagu.core.failpoints import failpoint
from tsunagu.eventlog import COPY_INBOX, LOCK_INBOX, NOTIFY_INBOX
from tsunagu.storage import Row

STATEMENT_MILLISECONDS = 15_000


async def prepare(connection: AsyncConnection[Row]) -> None:
    """Make commits durable whatever the server's default, and let no wait last for ever."""
    await connection.execute(
        """
        select set_config('synchronous_commit', 'on', false),
            set_config('statement_timeout', %s, false)
        """,
        (str(STATEMENT_MILLISECONDS),),
    )


async def append_blocks(
    connection: AsyncConnection[Row], blocks: Sequence[bytes], workspaces: Collection[int]
) -> None:
    """Put the rows of many requests into the log in one transaction and wake the pipeline.

    Args:
        connection: in autocommit; the transaction is opened and ended here.
        blocks: lines for `COPY_INBOX`.
        workspaces: whose events they are.
    """
    wake = [
        sql.SQL(NOTIFY_INBOX.replace("%s", "{}")).format(sql.Literal(str(workspace)))
        for workspace in sorted(workspaces)
    ]
    opening = sql.SQL("; ").join([*wake, sql.SQL(LOCK_INBOX)])
    async with connection.transaction(), connection.cursor() as cursor:
        # several statements in one round trip, which a prepared statement cannot be
        await cursor.execute(opening, prepare=False)
        async with cursor.copy(COPY_INBOX) as copy:
            for block in blocks:
                await copy.write(block)
        failpoint("collect.before_commit")
