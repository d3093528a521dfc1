"""The lake from the command line: asked, exported, looked after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from tsunagu.access import create_workspace, workspace_by_name
from tsunagu.core import Invalid
from tsunagu.core.times import DAY, wall
from tsunagu.eventlog import lake_queries, overdue_tasks
from tsunagu.runtime.cli import commands
from tsunagu.storage import Database, in_workspace
from tsunagu.storage.lake import EVENTS, LakeTable, events_from_csv

AGES = (1, 20, 100, 200, 400)


@pytest.fixture
def shop(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: Any) -> str:
    """A workspace with views of pages and orders of several ages in its lake."""
    home = tmp_path / "home"
    monkeypatch.setenv("TSUNAGU_HOME", str(home))
    monkeypatch.setenv("TSUNAGU_DATABASE_URL", database.url)
    monkeypatch.setenv("LANG", "C.UTF-8")
    name = f"cli {request.node.name}"
    with database.connect("app") as connection:
        workspace = create_workspace(connection, name)
    place = home / "lake" / str(workspace)
    place.mkdir(parents=True)
    rows = [
        f"{n},{at},{at},{at},m{n},track,{event},u1,,web,{{}}\n"
        for n, (event, at) in enumerate(
            (event, wall() - age * DAY)
            for event in ("Page Viewed", "Order Completed")
            for age in AGES
        )
    ]
    (place / "events.csv").write_text("".join(rows))
    table = LakeTable(place / EVENTS.name, EVENTS)
    table.commit(1, events_from_csv(place / "events.csv", table.folder, place))
    return name


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(commands, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_a_question_is_answered_as_table_lines_or_csv(shop: str) -> None:
    sql = "select name, count(*) as n from events group by 1 order by 1"
    assert "Order Completed" in run("sql", sql, "-w", shop)
    lines = run("sql", sql, "-w", shop, "--format", "json").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"name": "Order Completed", "n": 5},
        {"name": "Page Viewed", "n": 5},
    ]
    told = run("sql", "from events", "-w", shop, "-n", "3")
    assert "There are more rows" in told
    with pytest.raises(Exception, match="Only a SELECT"):
        run("sql", "drop view events", "-w", shop)


def test_tables_and_answers_become_files(shop: str, tmp_path: Path) -> None:
    for what, name, rows in (
        ("events", "all.parquet", 10),
        ("customers", "people.csv", 0),
        ("select name from events where known_at > now() - interval 50 day", "some.arrow", 4),
    ):
        target = tmp_path / name
        assert f"{rows} rows" in run("export", what, "--to", str(target), "-w", shop)
        readers = {".parquet": pq.read_table, ".csv": pc.read_csv, ".arrow": stream}
        assert readers[target.suffix](target).num_rows == rows
    with pytest.raises(Exception, match="nope"):
        run("export", "select nope from events", "--to", str(tmp_path / "x.csv"), "-w", shop)
    with pytest.raises(Exception, match="must end in"):
        run("export", "events", "--to", str(tmp_path / "x.xlsx"), "-w", shop)
    assert not list(tmp_path.glob("*x.csv*"))
    with pytest.raises(Invalid, match="Make it first"):
        run("export", "events", "--to", str(tmp_path / "nowhere" / "x.csv"), "-w", shop)


def test_what_is_neither_a_table_nor_a_select_cannot_be_exported(shop: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="'event' is nothing to export"):
        run("export", "event", "--to", str(tmp_path / "x.csv"), "-w", shop)


def test_an_answer_about_customers_says_as_of_when_they_are(shop: str, database: Database) -> None:
    note_task(database, shop, "customers", 1_790_000_000_000_000)
    question = "select count(*) from customers"
    assert "as of 2026-09-21T14:13:20Z or later" in run("sql", question, "-w", shop)
    assert "as of" not in run("sql", "select count(*) from events", "-w", shop)
    assert "as of" not in run("sql", question, "-w", shop, "--format", "json")


def test_upkeep_that_is_late_is_told(shop: str, database: Database) -> None:
    with database.connect("pipeline") as connection:
        found = workspace_by_name(connection, shop)
        run("lake", "upkeep", "-w", shop)
        assert overdue_tasks(connection, found.id) == []
        note_task(database, shop, "join", wall() - 3 * DAY)
        ((task, late),) = overdue_tasks(connection, found.id)
    assert task == "join"
    assert 86_400 < late < 4 * 86_400


def note_task(database: Database, workspace: str, task: str, at: int) -> None:
    with database.connect("pipeline") as connection:
        found = workspace_by_name(connection, workspace)
        with in_workspace(connection, found.id) as cursor:
            lake_queries.note_task(cursor, found.id, task, at)


def stream(path: Path) -> pa.Table:
    return pa.ipc.open_stream(path).read_all()


def test_a_retention_is_tried_then_published_then_done(shop: str, tmp_path: Path) -> None:
    assert "Everything is kept" in run("lake", "retention", "-w", shop)
    file = tmp_path / "retention.yaml"
    document = {"events": {"Page Viewed": "90 days"}}
    file.write_text(yaml.safe_dump({"kind": "retention", "name": "lake", "document": document}))
    assert "3 events would go" in run("lake", "retention", str(file), "-w", shop)
    run("publish", str(file), "-w", shop)
    assert "3 events would go" in run("lake", "retention", "-w", shop)
    assert "expire" in run("lake", "upkeep", "-w", shop)
    assert "0 events would go" in run("lake", "retention", "-w", shop)
    counted = run("sql", "select count(*) as n from events", "-w", shop, "--format", "json")
    assert json.loads(counted) == {"n": 7}
    told = run("lake", "status", "-w", shop)
    assert "events" in told
    assert "vacuum" in told


def test_a_retention_that_makes_no_sense_is_refused(shop: str, tmp_path: Path) -> None:
    file = tmp_path / "retention.yaml"
    for name, document in (
        ("lake", {"events": {"Page Viewed": "90 minutes"}}),
        ("lake", {}),
        ("other", {"others": "90 days"}),
    ):
        file.write_text(yaml.safe_dump({"kind": "retention", "name": name, "document": document}))
        with pytest.raises(Exception, match=r"at least one day|name at least one|is called"):
            run("publish", str(file), "-w", shop)
