"""`tsunagu identity quality`: the sources and what to mend, as a table or JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tsunagu.access import create_workspace
from tsunagu.core.times import DAY, wall
from tsunagu.runtime.cli import commands
from tsunagu.storage import Database
from tsunagu.storage.lake import EVENTS, LakeTable, events_from_csv


@pytest.fixture
def home(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TSUNAGU_HOME", str(tmp_path))
    monkeypatch.setenv("TSUNAGU_DATABASE_URL", database.url)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def run(*words: str) -> str:
    result = CliRunner().invoke(commands, ["identity", "quality", *words])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def shop(database: Database, home: Path, name: str) -> str:
    """A workspace whose form brings ten customers, four of them without a readable address."""
    with database.connect("app") as connection:
        workspace = create_workspace(connection, name)
    place = home / "lake" / str(workspace)
    place.mkdir(parents=True)
    at = wall() - 3 * DAY
    mails = [f"u{n}@shop.example" if n < 6 else "?" for n in range(10)]
    rows = [
        f'{n},{at},{at},{at},m{n},identify,,u{n},,form,"{{""traits"":{{""email"":""{mail}""}}}}"\n'
        for n, mail in enumerate(mails)
    ]
    (place / "events.csv").write_text("".join(rows))
    table = LakeTable(place / EVENTS.name, EVENTS)
    table.commit(1, events_from_csv(place / "events.csv", table.folder, place))
    return name


def test_a_table_says_what_is_worst(database: Database, home: Path) -> None:
    told = run("-w", shop(database, home, "quality table"))
    assert "email: 40% cannot be read" in told
    (row,) = [line.split() for line in told.splitlines() if line.startswith("form    email")]
    assert row == ["form", "email", "100.0%", "60.0%", "0.0%", "40.0%", "0.0%", "0.0%", "0.0%"]


def test_json_is_what_the_api_answers(database: Database, home: Path) -> None:
    name = shop(database, home, "quality json")
    (form,) = json.loads(run("-w", name, "--json"))["sources"]
    assert (form["source"], form["told"], form["alone"]) == ("form", 10, 10)
    assert form["worst"] == [
        {"column": "email", "kind": "email", "problem": "unreadable", "share": 0.4}
    ]
    assert json.loads(run("-w", name, "--json", "--days", "2"))["sources"] == []


def test_nothing_yet_is_said_in_words(database: Database, home: Path) -> None:
    with database.connect("app") as connection:
        create_workspace(connection, "quality nothing")
    assert "No source sent an event in the last 30 days" in run("-w", "quality nothing")
