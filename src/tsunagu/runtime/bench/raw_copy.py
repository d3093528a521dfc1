"""What PostgreSQL alone can take: the same rows by `COPY` into a table made like the log."""

from __future__ import annotations

import time
from typing import LiteralString

from psycopg import Connection

from tsunagu.storage import Database, Row

GROUP_BYTES = 8 << 20

# The first 100,000 rows of the log, copied over and over.
_OUT: LiteralString = """
copy (
    select workspace_id, received_at, known_at, message_id, type, name, user_id, anonymous_id, at,
        source, body
    from inbox limit 100000
) to stdout
"""
_IN: LiteralString = """
copy bench_inbox (
    workspace_id, received_at, known_at, message_id, type, name, user_id, anonymous_id, at,
    source, body
) from stdin
"""
_MAKE: LiteralString = """
create table bench_inbox (like inbox including identity including indexes)
    partition by range (position);
create table bench_inbox_0 partition of bench_inbox default
"""


def raw_copy(database: Database, seconds: float) -> float:
    """Events a second by `COPY` alone, in durable transactions of 8 MiB, for some seconds.

    The rows are those that lie in the log, as the server writes them out; the table is
    partitioned and indexed as the log is, and gone afterwards.
    """
    groups = _groups(database)
    with database.connect("owner") as connection:
        connection.execute("drop table if exists bench_inbox")
        connection.execute(_MAKE)
        try:
            return _copy(connection, groups, seconds)
        finally:
            connection.execute("drop table bench_inbox")


def _groups(database: Database) -> list[tuple[bytes, int]]:
    """Rows of the log in pieces of one transaction each, with their number."""
    groups: list[tuple[bytes, int]] = []
    rows: list[bytes] = []
    size = 0
    with (
        database.connect("pipeline") as connection,
        connection.cursor() as cursor,
        cursor.copy(_OUT) as copy,
    ):
        for piece in copy:
            rows.append(bytes(piece))
            size += len(rows[-1])
            if size >= GROUP_BYTES:
                groups.append((b"".join(rows), len(rows)))
                rows, size = [], 0
    return groups or [(b"".join(rows), len(rows))]


def _copy(connection: Connection[Row], groups: list[tuple[bytes, int]], seconds: float) -> float:
    done, number = 0, 0
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        block, rows = groups[number % len(groups)]
        with connection.transaction(), connection.cursor() as cursor, cursor.copy(_IN) as copy:
            copy.write(block)
        done += rows
        number += 1
    return done / (time.monotonic() - began)
