"""The lake is kept in order behind its readers' backs, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from psycopg import Connection
from test_lake import START, fill, flush_all, positions

from tsunagu.access import publish
from tsunagu.core import Figures, Retryable
from tsunagu.core.times import DAY, HOUR, wall
from tsunagu.eventlog import lake_upkeep
from tsunagu.eventlog.retention import Retention
from tsunagu.storage import Database, Row, in_workspace
from tsunagu.storage.lake import (
    EVENTS,
    Expiry,
    LakeReader,
    LakeTable,
    count_expired,
    drop_late_repeats,
    events_from_csv,
    expire,
    join_small,
)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def row(position: int, message_id: str, received: int, name: str = "Page Viewed") -> str:
    return f"{position},{received},{received},{received},{message_id},track,{name},u,,s,{{}}\n"


def add(folder: Path, rows: list[str], application: str, version: int) -> None:
    """Commit some rows as a bulk load does: look and commit through one handle, again if late."""
    csv = folder.parent / f"{application}.csv"
    csv.parent.mkdir(parents=True, exist_ok=True)
    csv.write_text("".join(rows))
    files = events_from_csv(csv, folder, folder.parent)
    while True:
        table = LakeTable(folder, EVENTS)
        if table.committed_by(application) >= version:
            return
        try:
            table.commit(version, files, application=application)
        except Retryable:
            continue
        return


def ids(folder: Path) -> Counter[str]:
    table = DeltaTable(str(folder)).to_pyarrow_table(columns=["message_id"])
    return Counter(table["message_id"].to_pylist())


def test_small_files_become_one_and_hold_the_same(
    database: Database, workspace: int, lake: Path
) -> None:
    written = fill(database, workspace, 60)
    flush_all(database, lake, workspace, most=10)
    folder = lake / str(workspace) / "events"
    before = LakeTable(folder, EVENTS)
    assert join_small(folder, EVENTS, most=3) > 0
    after = LakeTable(folder, EVENTS)
    assert len(after.files()) < len(before.files())
    assert after.committed == before.committed
    assert join_small(folder, EVENTS, most=3) == 0
    assert positions(lake, workspace) == written
    for part in after.parts():
        stored = pq.read_table(part.path, columns=["position"])["position"].to_pylist()
        assert stored == sorted(stored)
        assert (len(stored), stored[0]) == (part.rows, part.order)
    fill(database, workspace, 5, first=60)
    flush_all(database, lake, workspace)
    assert len(positions(lake, workspace)) == 65


def test_a_reader_of_an_old_version_reads_on_through_all_upkeep(
    database: Database, workspace: int, lake: Path
) -> None:
    written = fill(database, workspace, 60)
    flush_all(database, lake, workspace, most=10)
    folder = lake / str(workspace) / "events"
    old_version = DeltaTable(str(folder)).version()
    with LakeReader(lake, workspace) as reader:
        question = reader.connection.execute("select position from events order by position")
        first = question.fetchmany(5)
        with database.connect("pipeline") as connection:
            for task in lake_upkeep.TASKS:
                lake_upkeep.do(connection, lake, workspace, task)
        join_small(folder, EVENTS, most=2)
        LakeTable(folder, EVENTS).vacuum(lake_upkeep.KEEP_HOURS[EVENTS])
        rest = question.fetchall()
        again = reader.connection.execute("select count(*) from events").fetchone()
    assert [p for (p,) in first + rest] == written
    assert again == (60,)
    older = DeltaTable(str(folder), version=old_version).to_pyarrow_table()
    assert sorted(older["position"].to_pylist()) == written


def test_what_left_the_table_is_deleted_when_nobody_can_read_it_any_more(
    database: Database, workspace: int, lake: Path
) -> None:
    written = fill(database, workspace, 30)
    flush_all(database, lake, workspace, most=5)
    folder = lake / str(workspace) / "events"
    old = set(LakeTable(folder, EVENTS).files())
    gone = join_small(folder, EVENTS, most=2)
    orphan = folder / "month=2017-11" / "part-never-committed.parquet"
    orphan.write_bytes(b"half a file")
    table = LakeTable(folder, EVENTS)
    table.vacuum(1)
    assert all(Path(path).exists() for path in old)
    time.sleep(0.01)
    table.vacuum(0)
    assert sum(not Path(path).exists() for path in old) == gone
    assert not orphan.exists()
    table.checkpoint()
    assert list((folder / "_delta_log").glob("*.checkpoint.parquet"))
    assert LakeTable(folder, EVENTS).committed == table.committed > 0
    assert positions(lake, workspace) == written


def test_of_late_repeats_the_first_receipt_stays(tmp_path: Path) -> None:
    folder = tmp_path / "1" / "events"
    now = wall()
    add(folder, [row(1, "a", now - 90 * DAY), row(2, "b", now - 90 * DAY)], "tsunagu", 1)
    add(folder, [row(9, "a", now - 40 * DAY), row(10, "c", now - 40 * DAY)], "load", 1)
    add(folder, [row(20, "a", now), row(21, "b", now), row(22, "d", now)], "tsunagu", 2)
    assert drop_late_repeats(folder, received_after=now - DAY) == 2
    assert drop_late_repeats(folder, received_after=now - DAY) == 0
    assert drop_late_repeats(folder, received_after=0) == 1
    assert ids(folder) == Counter("abcd")
    table = LakeTable(folder, EVENTS)
    assert (table.committed, table.committed_by("load")) == (2, 1)
    kept = DeltaTable(str(folder)).to_pyarrow_table(columns=["position"])
    assert sorted(kept["position"].to_pylist()) == [1, 2, 10, 22]


def test_events_go_by_name_when_their_time_is_over(tmp_path: Path) -> None:
    folder = tmp_path / "1" / "events"
    now = wall()
    ages = [1, 50, 99, 101, 500]
    for turn, name in enumerate(("Page Viewed", "Order Completed", "It's odd")):
        rows = [
            row(10 * turn + n, f"{name} {age}", now - age * DAY, name) for n, age in enumerate(ages)
        ]
        add(folder, rows, "tsunagu", turn + 1)
    rules = [Expiry("Page Viewed", now - 100 * DAY), Expiry("It's odd", now - 60 * DAY)]
    found = {e.name: (e.rows, e.oldest) for e in count_expired(folder, rules)}
    assert found == {
        "Page Viewed": (2, now - 500 * DAY),
        "It's odd": (3, now - 500 * DAY),
    }
    assert expire(folder, rules) == 5
    assert expire(folder, rules) == 0 == len(count_expired(folder, rules))
    others = [Expiry("Order Completed", now - 400 * DAY), Expiry(None, now - 30 * DAY)]
    assert expire(folder, others) == 1 + 2 + 1
    assert sorted(ids(folder)) == sorted(
        [f"Order Completed {age}" for age in ages[:4]] + ["Page Viewed 1", "It's odd 1"]
    )


def test_the_published_retention_is_what_the_upkeep_does(
    database: Database, workspace: int, lake: Path
) -> None:
    fill(database, workspace, 10)
    flush_all(database, lake, workspace)
    expiring = next(task for task in lake_upkeep.TASKS if task.name == "expire")
    with database.connect("pipeline") as connection:
        assert lake_upkeep.do(connection, lake, workspace, expiring) == 0
        document = {"events": {'Order "Completed",\nnow': "3000 days"}}
        assert Retention.model_validate(document).expiries(wall())[0].before > START + 10 * HOUR
        with in_workspace(connection, workspace) as cursor:
            publish(cursor, workspace, "retention", "lake", document, "test")
        assert lake_upkeep.do(connection, lake, workspace, expiring) == 10
    assert positions(lake, workspace) == []


CRASH = """
import sys
from pathlib import Path
from tsunagu.storage.lake import EVENTS, drop_late_repeats, join_small
folder = Path(sys.argv[1])
drop_late_repeats(folder, received_after=0)
join_small(folder, EVENTS, most=2)
"""


@pytest.mark.parametrize("place", ["lake.rewritten", "lake.swapped"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_killed_anywhere_the_upkeep_loses_and_doubles_nothing(
    tmp_path: Path, place: str, nth: int
) -> None:
    folder, now = tmp_path / "1" / "events", wall()
    for turn in range(4):
        fresh = [row(10 * turn + n, f"m{turn}-{n}", now - DAY) for n in range(3)]
        repeat = [row(10 * turn + 9, "m0-0", now)] if turn in (2, 3) else []
        add(folder, fresh + repeat, "tsunagu", turn + 1)
    wanted = Counter(f"m{turn}-{n}" for turn in range(4) for n in range(3))
    command = [sys.executable, "-c", CRASH, str(folder)]
    died = subprocess.run(
        command, env={**os.environ, "TSUNAGU_FAILPOINT": f"{place}:{nth}"}, check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert set(ids(folder)) == set(wanted)
    subprocess.run(command, check=True)
    assert ids(folder) == wanted
    assert LakeTable(folder, EVENTS).committed == 4


def test_writers_and_upkeep_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    """Two writers with names of their own commit while small files are joined all the time."""
    folder, now = tmp_path / "1" / "events", wall()
    add(folder, [row(0, "first", now)], "first", 1)
    turns, failed = 15, []

    def write(name: str, base: int) -> None:
        try:
            for turn in range(turns):
                rows = [row(base + 10 * turn + n, f"{name}{turn}-{n}", now) for n in range(3)]
                add(folder, rows, name, turn + 1)
        except Exception as error:
            failed.append(error)
            raise

    writers = [
        threading.Thread(target=write, args=(name, base))
        for name, base in (("live", 1_000), ("load", 100_000))
    ]
    for writer in writers:
        writer.start()
    joined = 0
    while any(writer.is_alive() for writer in writers):
        joined += join_small(folder, EVENTS, most=2)
    joined += join_small(folder, EVENTS, most=2)
    assert failed == []
    assert joined > 10
    assert ids(folder) == Counter(
        ["first"]
        + [f"{w}{t}-{n}" for w in ("live", "load") for t in range(turns) for n in range(3)]
    )
    table = LakeTable(folder, EVENTS)
    assert (table.committed_by("live"), table.committed_by("load")) == (turns, turns)
    assert len(table.files()) < 2 * turns


def test_the_upkeep_does_what_is_due_and_notes_it(
    database: Database, workspace: int, lake: Path
) -> None:
    written = fill(database, workspace, 24)
    flush_all(database, lake, workspace, most=2)
    stop, figures = threading.Event(), Figures()
    upkeep = threading.Thread(
        target=lake_upkeep.run,
        args=(database, lake, stop, figures),
        kwargs={"look_seconds": 0.1},
    )
    upkeep.start()
    try:
        with database.connect("app") as connection:
            deadline = time.monotonic() + 20
            while noted(connection, workspace) != ["expire", "join", "repeats", "vacuum"]:
                assert time.monotonic() < deadline
                time.sleep(0.05)
    finally:
        stop.set()
        upkeep.join()
    assert figures.read()["counter"]["tsunagu.lake.join"] == 12
    assert len(LakeTable(lake / str(workspace) / "events", EVENTS).files()) == 1
    assert positions(lake, workspace) == written


def noted(connection: Connection[Row], workspace: int) -> list[str]:
    with in_workspace(connection, workspace) as cursor:
        found = cursor.execute("select task from lake_tasks order by task").fetchall()
    return [task for (task,) in found]


def test_any_reader_that_follows_the_delta_protocol_reads_it(tmp_path: Path) -> None:
    """The log read by hand: what was added and not removed is the table, row for row."""
    folder, now = tmp_path / "1" / "events", wall()
    for turn in range(5):
        rows = [row(10 * turn + n, f"m{turn}-{n}", now - 40 * DAY) for n in range(4)]
        if turn:
            rows.append(row(10 * turn + 9, "m0-0", now))
        add(folder, rows, "tsunagu", turn + 1)
    drop_late_repeats(folder, received_after=0)
    join_small(folder, EVENTS, most=2)
    standing: dict[str, dict[str, Any]] = {}
    for entry in sorted((folder / "_delta_log").glob("*.json")):
        for line in entry.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                standing[action["add"]["path"]] = action["add"]
            elif "remove" in action:
                del standing[action["remove"]["path"]]
            elif "protocol" in action:
                assert action["protocol"]["minReaderVersion"] == 1
    found = Counter[str]()
    for path, added in standing.items():
        table = pq.read_table(folder / path)
        statistics = json.loads(added["stats"])
        assert (table.num_rows, (folder / path).stat().st_size) == (
            statistics["numRecords"],
            added["size"],
        )
        assert f"month={added['partitionValues']['month']}" in path
        found.update(table["message_id"].to_pylist())
    assert found == Counter(f"m{turn}-{n}" for turn in range(5) for n in range(4))


ALL_TASKS = """
import sys
from pathlib import Path
from tsunagu.eventlog import upkeep_now
from tsunagu.storage import Database
with Database(sys.argv[1]).connect("pipeline") as connection:
    upkeep_now(connection, Path(sys.argv[2]), int(sys.argv[3]))
"""


@pytest.mark.parametrize("task", ["expire", "repeats", "join", "vacuum"])
def test_a_task_that_was_killed_before_its_note_is_done_again(
    database: Database, workspace: int, lake: Path, task: str
) -> None:
    written = fill(database, workspace, 40)
    flush_all(database, lake, workspace, most=3)
    command = [sys.executable, "-c", ALL_TASKS, database.url, str(lake), str(workspace)]
    place = {**os.environ, "TSUNAGU_FAILPOINT": f"lake.upkeep.{task}"}
    assert subprocess.run(command, env=place, check=False).returncode == -signal.SIGKILL
    assert positions(lake, workspace) == written
    with database.connect("app") as connection:
        assert task not in noted(connection, workspace)
        subprocess.run(command, check=True)
        assert noted(connection, workspace) == ["expire", "join", "repeats", "vacuum"]
    assert positions(lake, workspace) == written
    assert len(LakeTable(lake / str(workspace) / "events", EVENTS).files()) == 1
