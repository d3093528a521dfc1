"""The latest events of a workspace as lines, and new ones as they come."""

from __future__ import annotations

from collections.abc import Generator

from psycopg import Connection

from tsunagu.runtime import queries
from tsunagu.storage import Row


def tail(
    connection: Connection[Row], workspace_id: int, limit: int, *, follow: bool
) -> Generator[str]:
    """Lines of time, type, name, who and source; with `follow` it ends when interrupted."""
    connection.execute("listen tsunagu_inbox")
    key = {"workspace": workspace_id, "limit": limit}
    rows = connection.execute(queries.LATEST_EVENTS, key).fetchall()[::-1]
    after = 0
    while True:
        for position, *shown in rows:
            after = position
            yield "  ".join(str(value or "-") for value in shown)
        if not follow:
            return
        for _ in connection.notifies(timeout=5, stop_after=1):
            pass
        rows = connection.execute(queries.EVENTS_AFTER, key | {"after": after}).fetchall()
