"""Survivorship from the command line: what holds, and what a document would change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tsunagu import eventlog
from tsunagu.access import create_workspace
from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.core.times import MINUTE, parse_time, wall
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.cli import commands
from tsunagu.runtime.desk import Desk
from tsunagu.storage import Database, in_workspace

NOON = parse_time("2026-05-04T12:00:00Z")
EXAMPLE = str(Path(__file__).parents[2] / "examples/survivorship/traits.yaml")


def run(*words: str) -> str:
    result = CliRunner().invoke(commands, list(words))
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def test_a_document_is_tried_before_it_is_published(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: Any
) -> None:
    monkeypatch.setenv("TSUNAGU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TSUNAGU_DATABASE_URL", database.url)
    monkeypatch.setenv("LANG", "C.UTF-8")
    name = f"cli {request.node.name}"
    with database.connect("pipeline") as connection:
        with database.connect("app") as app:
            workspace = create_workspace(app, name)
        said = [("crm", "Hanako"), ("web", "hana")]
        events = [
            NewEvent(f"m{n}", "identify", "identify", "u1", None, NOON + n * MINUTE, source,
                     encode_body(Body(traits={"name": value})))
            for n, (source, value) in enumerate(said)
        ]  # fmt: skip
        with in_workspace(connection, workspace) as cursor:
            eventlog.append(cursor, workspace, events, received_at=wall(), now=None)
        while pipeline_loop.next_batch(connection, Desk(workspace, "UTC")).more:
            pass
    where = ("--workspace", name)
    assert "latest" in run("profiles", "survivorship", *where)
    told = run("profiles", "survivorship", "--preview", EXAMPLE, *where)
    assert "1 would change: about 1 of all 1" in told
    assert "Hanako" in told
    assert "source_priority" not in run("profiles", "survivorship", *where)
    run("publish", EXAMPLE, *where)
    assert "source_priority" in run("profiles", "survivorship", *where)
