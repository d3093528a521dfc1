"""The tracking plan and dead letters from the command line, as they are kept in Git."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tsunagu import eventlog
from tsunagu.access import create_workspace
from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.core.times import parse_time, wall
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.cli import commands
from tsunagu.runtime.desk import Desk
from tsunagu.storage import Database, in_workspace

NOON = parse_time("2026-05-04T12:00:00Z")


@pytest.fixture
def shop(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: Any
) -> tuple[str, int]:
    """A workspace that the command line reaches, by name and number."""
    monkeypatch.setenv("TSUNAGU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TSUNAGU_DATABASE_URL", database.url)
    monkeypatch.setenv("LANG", "C.UTF-8")
    name = f"cli {request.node.name}"
    with database.connect("app") as connection:
        return name, create_workspace(connection, name)


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(commands, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def send(database: Database, workspace: int, *totals: Any) -> None:
    with database.connect("pipeline") as connection:
        events = [
            NewEvent(f"m{n}", "track", "Order Completed", "hana", None, NOON, "web",
                     encode_body(Body({"total": total})))
            for n, total in enumerate(totals)
        ]  # fmt: skip
        with in_workspace(connection, workspace) as cursor:
            eventlog.append(cursor, workspace, events, received_at=wall(), now=None)
        while pipeline_loop.next_batch(connection, Desk(workspace, "UTC")).more:
            pass


def test_a_plan_goes_from_traffic_to_git_and_back(
    shop: tuple[str, int], database: Database, tmp_path: Path
) -> None:
    name, workspace = shop
    send(database, workspace, *range(30))
    folder = tmp_path / "plan"
    run("plan", "infer", str(folder), "-w", name)
    path = folder / "order-completed.yaml"
    document = yaml.safe_load(path.read_text())
    assert document["document"]["schema"]["required"] == ["total"]
    assert "order-completed" in run("plan", "push", str(folder), "-w", name)
    assert "Nothing would change" in run("plan", "diff", str(folder), "-w", name)

    document["document"]["schema"]["properties"]["total"]["type"] = "string"
    path.write_text(yaml.safe_dump(document))
    told = run("plan", "diff", str(folder), "-w", name, code=1)
    assert "properties.total: type narrowed (integer → string), breaks senders" in told
    assert "--accept-breaking" in run("plan", "push", str(folder), "-w", name, code=1)
    run("plan", "push", str(folder), "-w", name, "--accept-breaking")

    again = tmp_path / "again"
    run("plan", "pull", str(again), "-w", name)
    assert yaml.safe_load((again / "order-completed.yaml").read_text()) == document

    lines = [{"type": "track", "event": "Order Completed", "userId": "u", "properties": p}
             for p in ({"total": "1"}, {"total": 2})]  # fmt: skip
    events = tmp_path / "events.ndjson"
    events.write_text("\n".join(json.dumps(line) for line in lines) + "\nno json\n")
    told = run("plan", "check", str(events), "--plan", str(again), code=1)
    assert f"{events}:2: properties.total: expected string, got integer 2" in told
    assert "2 of 3 events violate the plan" in told

    run("plan", "remove", "order-completed", "-w", name)
    assert "event: added (none → track Order Completed)" in run(
        "plan", "diff", str(again), "-w", name
    )


def test_dead_letters_are_shown_mended_and_replayed(
    shop: tuple[str, int], database: Database, tmp_path: Path
) -> None:
    name, workspace = shop
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    entry = {"event": "Order Completed", "mode": "block", "schema": schema}
    path = tmp_path / "order.yaml"
    path.write_text(yaml.safe_dump({"kind": "event-schema", "name": "order", "document": entry}))
    run("plan", "push", str(path), "-w", name, "--accept-breaking")
    send(database, workspace, "x", "y", "z", 4)
    assert "plan" in run("dead-letters", "list", "-w", name, "--event", "Order Completed")
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        found = eventlog.dead_letters(cursor, workspace, eventlog.LetterFilter(), limit=9)
    first, second, third = (str(letter.letter_id) for letter in found)
    told = run("dead-letters", "show", first, "-w", name)
    call = json.loads(told[told.index("{") :])
    call["properties"]["total"] = 3
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(call))
    run("dead-letters", "replay", first, "--file", str(mended), "-w", name)
    run("dead-letters", "discard", second, "-w", name)
    schema["properties"]["total"]["type"] = "string"
    path.write_text(yaml.safe_dump({"kind": "event-schema", "name": "order", "document": entry}))
    run("plan", "push", str(path), "-w", name, "--accept-breaking")
    assert "1 done" in run("dead-letters", "replay", "--all", "--stage", "plan", "-w", name)
    assert third in run("dead-letters", "list", "--state", "replayed", "-w", name)
    assert "No event" in run("dead-letters", "list", "-w", name)
