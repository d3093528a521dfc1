"""All rows leave one server as of one moment and arrive in another, in every workspace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from databases import fresh_database
from tsunagu.access import create_workspace
from tsunagu.core import NewEvent
from tsunagu.core.times import wall
from tsunagu.eventlog import append, drop_passed_partitions
from tsunagu.storage import Database, Filling, Snapshot, in_workspace, migrate

TABLES = """
select relname from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'alembic_version'
    and relname <> 'processes' and relname not like 'replay%'
"""


@pytest.fixture
def database() -> Iterator[Database]:
    """A server of its own: all rows of it are compared."""
    with fresh_database() as database:
        yield database


def contents(database: Database) -> dict[str, list[Any]]:
    """All rows of all tables, as the owner with every protection off sees them."""
    found: dict[str, list[Any]] = {}
    with database.connect("owner", autocommit=False) as connection:
        for (name,) in connection.execute(TABLES).fetchall():
            connection.execute(f'alter table "{name}" no force row level security'.encode())
            rows = connection.execute(f'select t::text from "{name}" as t order by 1'.encode())
            found[name] = rows.fetchall()
        connection.rollback()
    return found


def write(database: Database, workspace: int, names: list[str]) -> None:
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        events = [NewEvent(n, "track", f"Ta\tb {n}", n, None, None, "api", b"{}") for n in names]
        append(cursor, workspace, events, received_at=wall(), now=None)


def test_a_snapshot_arrives_whole_and_nothing_of_what_came_later(database: Database) -> None:
    with database.connect("app") as connection:
        first = create_workspace(connection, "transfer one")
        second = create_workspace(connection, "transfer two")
        for workspace in (first, second):
            with in_workspace(connection, workspace) as cursor:
                cursor.execute(
                    "insert into suppressions values (%s, 'email', %s, 'x', now())",
                    (workspace, f"u{workspace}\\@example.com"),
                )
        connection.execute("insert into audit_log (actor, action, subject) values ('a', 'b', 'c')")
    write(database, first, ["m1", "m2"])
    before = contents(database)
    with Snapshot(database) as snapshot:
        write(database, first, ["m3"])
        with database.connect("owner") as connection:
            assert drop_passed_partitions(connection, keep=0) == []
        shape, parts = snapshot.shape(), snapshot.parts()
        blocks = {part: b"".join(snapshot.read(part)) for part in parts}
    assert len({part.name for part in parts}) == len(parts)
    with fresh_database() as other:
        migrate(other)
        with other.connect("owner") as connection, connection.transaction():
            filling = Filling(connection, shape, (part.table for part in parts))
            for part, block in blocks.items():
                filling.add(part, [block])
            filling.finish()
        assert contents(other) == before
        write(other, first, ["m4"])
        with other.connect("pipeline") as connection:
            row = connection.execute("select max(position) from inbox").fetchone()
            assert row is not None
            assert row[0] == shape.sequences["inbox_position_seq"] + 1
            assert connection.execute("select count(*) from suppressions").fetchone() == (0,)
