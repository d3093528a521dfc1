"""The lake holds the log: each event once, whatever happens to the writer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tsunagu.access import create_workspace
from tsunagu.core import NewEvent, Retryable
from tsunagu.core.times import HOUR, parse_time, wall
from tsunagu.eventlog import append, leave_out, request_flush, run_lake
from tsunagu.eventlog.lake_writer import flush_events, write_identity_snapshot
from tsunagu.storage import Database, EmbeddedServer, in_workspace, migrate
from tsunagu.storage.lake import EVENTS, LakeReader, LakeTable, events_from_csv

START = parse_time("2017-11-29T00:00:00Z")


def fill(database: Database, workspace: int, count: int, *, first: int = 0) -> list[int]:
    """Append events, let the pipeline pass them all; returns their positions."""
    events = [
        NewEvent(
            f"m{n}",
            "track",
            'Order "Completed",\nnow',
            f"u{n % 7}" if n % 3 else None,
            f"a{n % 5}" if n % 3 != 1 else "",
            START + n * HOUR + 7,
            "test",
            f'{{"properties":{{"n":{n},"text":"髙\\n\\"é"}},"context":{{"ip":"::1"}}}}'.encode(),
            known_at=START + n * HOUR + 13,
        )
        for n in range(first, first + count)
    ]
    with database.connect("pipeline") as connection:
        with in_workspace(connection, workspace) as cursor:
            append(cursor, workspace, events, received_at=wall(), now=None)
        pass_pipeline(connection, workspace)
        with in_workspace(connection, workspace) as cursor:
            found = cursor.execute(
                "select position from inbox where workspace_id = %s order by 1", (workspace,)
            ).fetchall()
    return [position for (position,) in found][-count:]


def pass_pipeline(connection: Any, workspace: int) -> None:
    with in_workspace(connection, workspace) as cursor:
        cursor.execute(
            """
            update cursors set position = (
                select max(position) from inbox where workspace_id = %s
            )
            where workspace_id = %s and consumer = 'pipeline'
            """,
            (workspace, workspace),
        )


def positions(lake: Path, workspace: int, **options: Any) -> list[int]:
    with LakeReader(lake, workspace, **options) as reader:
        found = reader.connection.execute("select position from events order by 1").fetchall()
    return [position for (position,) in found]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def flush_all(database: Database, lake: Path, workspace: int, **options: Any) -> None:
    with database.connect("pipeline") as connection:
        while flush_events(connection, lake, workspace, **options):
            pass


def test_events_arrive_whole_and_as_known_at(
    database: Database, workspace: int, lake: Path
) -> None:
    written = fill(database, workspace, 100)
    flush_all(database, lake, workspace, most=30)
    assert positions(lake, workspace) == written
    assert positions(lake, workspace, known_at=START + 49 * HOUR + 13) == written[:50]
    assert positions(lake, workspace, known_at=START + 49 * HOUR + 12) == written[:49]
    with LakeReader(lake, workspace) as reader:
        row = reader.connection.execute(
            """
            select message_id, name, user_id, anonymous_id, epoch_us(happened_at),
                epoch_us(known_at), properties->>'$.text', (properties->>'$.n')::int,
                context, traits, month
            from events where message_id = 'm1'
            """
        ).fetchone()
        nothing = reader.connection.execute(
            "select user_id, anonymous_id from events where message_id = 'm3'"
        ).fetchone()
    assert row == (
        "m1", 'Order "Completed",\nnow', "u1", "", START + HOUR + 7, START + HOUR + 13,
        '髙\n"é', 1, '{"ip":"::1"}', None, "2017-11",
    )  # fmt: skip
    assert nothing == (None, "a3")


def test_what_the_pipeline_left_out_or_has_not_taken_stays_out(
    database: Database, workspace: int, lake: Path
) -> None:
    written = fill(database, workspace, 10)
    with database.connect("pipeline") as connection:
        with in_workspace(connection, workspace) as cursor:
            leave_out(cursor, workspace, written[3:5], "repeat")
            late = NewEvent("late", "track", "Late", "u", None, START, "test", b"{}", START)
            append(cursor, workspace, [late], received_at=wall(), now=None)
        flush_all(database, lake, workspace)
        assert positions(lake, workspace) == written[:3] + written[5:]
        pass_pipeline(connection, workspace)
    flush_all(database, lake, workspace)
    assert len(positions(lake, workspace)) == 9


def test_two_workspaces_lakes_are_apart(
    database: Database, make_workspace: Callable[..., int], lake: Path
) -> None:
    ours, theirs = make_workspace(), make_workspace()
    written = fill(database, ours, 5)
    fill(database, theirs, 7)
    flush_all(database, lake, ours)
    flush_all(database, lake, theirs)
    assert positions(lake, ours) == written
    assert positions(lake, make_workspace()) == []


CRASH = """
import sys
from pathlib import Path
from tsunagu.eventlog.lake_writer import flush_events, write_identity_snapshot
from tsunagu.storage import Database
with Database(sys.argv[1]).connect("pipeline") as connection:
    while flush_events(connection, Path(sys.argv[2]), int(sys.argv[3]), most=40):
        pass
    write_identity_snapshot(connection, Path(sys.argv[2]), int(sys.argv[3]))
"""

PLACES = [
    "lake.promised",
    "lake.copied",
    "lake.written",
    "lake.committed",
    "lake.done",
    "lake.identity",
]


def crash(database: Database, lake: Path, workspace: int, place: str) -> int:
    return subprocess.run(
        [sys.executable, "-c", CRASH, database.url, str(lake), str(workspace)],
        env={**os.environ, "TSUNAGU_FAILPOINT": place},
        check=False,
    ).returncode


@pytest.mark.parametrize("place", PLACES)
def test_a_writer_killed_anywhere_leaves_nothing_out_and_nothing_twice(
    database: Database, workspace: int, lake: Path, place: str
) -> None:
    written = fill(database, workspace, 100)
    if place != "lake.identity":
        assert crash(database, lake, workspace, place) == -signal.SIGKILL
        assert crash(database, lake, workspace, f"{place}:2") == -signal.SIGKILL
    else:
        assert crash(database, lake, workspace, place) == -signal.SIGKILL
    assert set(positions(lake, workspace)) <= set(written)
    assert crash(database, lake, workspace, "nowhere") == 0
    assert positions(lake, workspace) == written
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        kept = cursor.execute(
            "select sum(rows)::int, count(*) filter (where done_at is null) from lake_commits"
        ).fetchone()
    assert kept == (100, 0)


def test_of_two_writers_of_one_version_only_one_gets_in(
    database: Database, workspace: int, lake: Path
) -> None:
    written = fill(database, workspace, 20)
    flush_all(database, lake, workspace)
    folder = lake / str(workspace) / "events"
    sleepy = LakeTable(folder, EVENTS)
    csv = lake / "again.csv"
    csv.write_text(f"{written[-1] + 1},1,1,1,m,track,n,u,,s,{{}}\n")
    files = events_from_csv(csv, folder, lake)
    LakeTable(folder, EVENTS).commit(2, files)
    with pytest.raises(Retryable):
        sleepy.commit(2, files)
    assert len(positions(lake, workspace)) == 21


def identify(database: Database, workspace: int, owners: dict[tuple[str, str], int]) -> None:
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        for (kind, value), customer in owners.items():
            cursor.execute(
                """
                insert into identifiers values (%s, %s, %s, %s, 1)
                on conflict (workspace_id, kind, value) do update
                set customer_id = excluded.customer_id
                """,
                (workspace, kind, value, customer),
            )


def test_a_merge_changes_the_snapshot_and_no_row_of_the_lake(
    database: Database, workspace: int, lake: Path
) -> None:
    fill(database, workspace, 12)
    identify(database, workspace, {("user_id", f"u{n}"): n for n in range(7)})
    identify(database, workspace, {("anonymous_id", f"a{n}"): 100 + n for n in range(5)})
    with database.connect("pipeline") as connection:
        flush_all(database, lake, workspace)
        assert write_identity_snapshot(connection, lake, workspace)
        assert not write_identity_snapshot(connection, lake, workspace)
        before = customers(lake, workspace)
        assert before == [n % 7 if n % 3 else 100 + n % 5 for n in range(12)]
        identify(database, workspace, {("user_id", "u1"): 2})
        fill(database, workspace, 1, first=12)
        flush_all(database, lake, workspace)
        assert write_identity_snapshot(connection, lake, workspace)
    assert customers(lake, workspace)[:12] == [2 if c == 1 else c for c in before]


def customers(lake: Path, workspace: int) -> list[int]:
    with LakeReader(lake, workspace) as reader:
        found = reader.connection.execute(
            "select customer_id from customer_events order by position"
        ).fetchall()
    return [customer for (customer,) in found]


@pytest.fixture
def writer(database: Database, lake: Path) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run_lake, args=(database, lake, stop))
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.mark.usefixtures("writer")
def test_whoever_needs_the_lake_now_asks_and_waits(
    database: Database, workspace: int, lake: Path
) -> None:
    with database.connect("app") as connection:
        for turn in range(3):
            fill(database, workspace, 10, first=turn * 10)
            started = wall()
            request_flush(connection, workspace, timeout=20)
            assert wall() - started < 5_000_000
            assert len(positions(lake, workspace)) == (turn + 1) * 10


def test_a_writer_outlives_a_crash_of_the_database(open_folder: Path, lake: Path) -> None:
    server = EmbeddedServer(open_folder / "postgres")
    stop = threading.Event()
    thread = None
    try:
        database = Database(server.start())
        migrate(database)
        with database.connect("app") as connection:
            workspace = create_workspace(connection, "crashed")
        thread = threading.Thread(target=run_lake, args=(database, lake, stop))
        thread.start()
        written = fill(database, workspace, 10)
        os.kill(int((server.folder / "data" / "postmaster.pid").read_text().split()[0]), 9)
        server.start()
        written += fill(database, workspace, 10, first=10)
        with database.connect("app") as connection:
            request_flush(connection, workspace, timeout=30)
        assert positions(lake, workspace) == written
    finally:
        stop.set()
        if thread is not None:
            thread.join()
        server.destroy()


def test_without_a_writer_the_answer_says_what_to_look_at(
    database: Database, workspace: int
) -> None:
    fill(database, workspace, 1)
    with database.connect("app") as connection, pytest.raises(Retryable, match="lake writer"):
        request_flush(connection, workspace, timeout=0.05)
