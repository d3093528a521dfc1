"""The log's partitions: made ahead of it, and gone once nobody needs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tsunagu.access import create_workspace
from tsunagu.core import NewEvent
from tsunagu.core.times import DAY, wall
from tsunagu.eventlog import append, drop_passed_partitions, ensure_partitions
from tsunagu.eventlog.partitions import INBOX_STEP, TIMELINE_STEP
from tsunagu.storage import Database, EmbeddedServer, in_workspace, migrate


@pytest.fixture
def alone(open_folder: Path) -> Iterator[Database]:
    """A database of its own, whose positions the test may move about."""
    server = EmbeddedServer(open_folder / "postgres")
    try:
        database = Database(server.start())
        migrate(database)
        yield database
    finally:
        server.destroy()


def write(database: Database, workspace: int, *, received_at: int) -> int:
    event = NewEvent("m", "track", "Seen", "u", None, None, "web", b"{}")
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        append(cursor, workspace, [event], received_at=received_at, now=None)
        row = cursor.execute("select max(position) from inbox").fetchone()
    assert row is not None
    return row[0]


def jump(database: Database, position: int) -> None:
    with database.connect("owner") as connection:
        connection.execute(f"alter table inbox alter position restart with {position}".encode())


def tables(database: Database, like: str) -> set[str]:
    with database.connect("owner") as connection:
        found = connection.execute("select relname from pg_class where relname like %s", (like,))
        return {name for (name,) in found.fetchall() if not name.endswith("idx")}


def read(database: Database, workspace: int, consumer: str, position: int) -> None:
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        cursor.execute("update cursors set position = %s where consumer = %s", (position, consumer))


def drop(database: Database, *, keep: int = 35 * DAY) -> list[str]:
    with database.connect("owner") as connection:
        return drop_passed_partitions(connection, keep=keep)


def test_a_partition_goes_when_both_readers_of_all_workspaces_and_time_have_passed(
    alone: Database,
) -> None:
    with alone.connect("app") as connection:
        busy, quiet = create_workspace(connection, "busy"), create_workspace(connection, "quiet")
    with alone.connect("owner") as connection:
        ensure_partitions(connection)
        ensure_partitions(connection)
    long_ago = wall() - 40 * DAY
    first = write(alone, quiet, received_at=long_ago)
    last = write(alone, busy, received_at=long_ago)
    jump(alone, INBOX_STEP + 5)
    read(alone, busy, "pipeline", last)
    read(alone, busy, "lake", last)
    read(alone, quiet, "pipeline", first)
    write(alone, busy, received_at=wall())
    assert drop(alone) == []  # the lake has yet to read the quiet one's event
    read(alone, quiet, "lake", first)
    assert drop(alone, keep=50 * DAY) == []
    assert drop(alone) == ["inbox_0"]
    assert "inbox_0" not in tables(alone, "inbox%")
    assert drop(alone) == []


def test_rows_that_fell_into_the_net_go_where_they_belong(alone: Database) -> None:
    with alone.connect("app") as connection:
        workspace = create_workspace(connection, "bulk")
    jump(alone, 50 * INBOX_STEP + 7)
    position = write(alone, workspace, received_at=wall())
    with (
        alone.connect("pipeline") as connection,
        in_workspace(connection, workspace) as cursor,
    ):
        cursor.execute(
            "insert into timeline values (%s, 1, %s, now(), 'track', 'Seen', 'web', '')",
            (workspace, position),
        )
    with alone.connect("owner") as connection:
        ensure_partitions(connection)
        row = connection.execute("select position from inbox_50").fetchone()
        assert row == (position,)
        assert connection.execute("select from inbox_default").fetchone() is None
        assert connection.execute("select from timeline").fetchone() is None
    assert write(alone, workspace, received_at=wall()) == position + 1
    with alone.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        kept = cursor.execute("select position, tableoid::regclass::text from timeline").fetchall()
    assert kept == [(position, f"timeline_{position // TIMELINE_STEP}")]


def test_message_ids_are_remembered_in_few_partitions(alone: Database) -> None:
    with alone.connect("owner") as connection:
        ensure_partitions(connection)
        connection.execute("create table seen_messages_1 (like seen_messages)")
        connection.execute(
            "alter table seen_messages attach partition seen_messages_1"
            " for values from ('1970-01-16') to ('1970-01-31')"
        )
    assert drop(alone) == ["seen_messages_1"]
    assert len(tables(alone, "seen_messages\\_2%") | tables(alone, "seen_messages\\_1%")) == 6
