"""Analysts ask the lake over HTTP and get their rows in the format they work with."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from tsunagu.access import create_key
from tsunagu.core.times import HOUR, parse_time
from tsunagu.storage import Database, in_workspace
from tsunagu.storage.lake import EVENTS, LakeTable, events_from_csv

START = parse_time("2026-05-01T00:00:00Z")


@pytest.fixture
def key(database: Database, make_workspace: Callable[..., int], lake: Path) -> str:
    """An analyst's key of a workspace with a hundred events in its lake."""
    workspace = make_workspace()
    home = lake / str(workspace)
    home.mkdir()
    rows = (
        f'{n},{START},{START + n * HOUR},{START},m{n},track,Page Viewed,u{n % 3},,web,"{{}}"\n'
        for n in range(100)
    )
    (home / "events.csv").write_text("".join(rows))
    table = LakeTable(home / EVENTS.name, EVENTS)
    table.commit(1, events_from_csv(home / "events.csv", table.folder, home))
    with database.connect("app") as connection:
        return create_key(connection, workspace, "analyst", "mari", "bi")


def ask(api: httpx.Client, key: str, sql: str, accept: str = "", **more: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"} | ({"accept": accept} if accept else {})
    return api.post("/v1/sql", json={"sql": sql, **more}, headers=headers)


def test_rows_as_json(api: httpx.Client, key: str) -> None:
    sql = "select user_id, count(*) as n, min(known_at) as first from events group by 1 order by 1"
    answer = ask(api, key, sql, rows=2)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [c["name"] for c in found["columns"]] == ["user_id", "n", "first"]
    assert found["rows"] == [
        ["u0", 34, "2026-05-01T00:00:00Z"],
        ["u1", 33, "2026-05-01T01:00:00Z"],
    ]
    assert found["truncated"] is True
    then = ask(api, key, "select count(*) from events", known_at="2026-05-01T09:00:00Z")
    assert then.json()["rows"] == [[10]]


def test_rows_as_files(api: httpx.Client, key: str) -> None:
    sql = "select position, known_at from events order by position"
    arrow = ask(api, key, sql, "application/vnd.apache.arrow.stream")
    assert pa.ipc.open_stream(arrow.content).read_all()["position"].to_pylist() == list(range(100))
    parquet = ask(api, key, sql, "application/vnd.apache.parquet, */*", rows=10)
    assert pq.read_table(io.BytesIO(parquet.content)).num_rows == 10
    assert (parquet.headers["x-rows"], parquet.headers["x-truncated"]) == ("10", "true")
    csv = ask(api, key, sql, "text/csv")
    assert pc.read_csv(io.BytesIO(csv.content)).num_rows == 100
    assert csv.headers["x-truncated"] == "false"


def test_who_may_ask(api: httpx.Client, key: str, database: Database) -> None:
    with database.connect("app") as connection:
        row = connection.execute("select workspace_id from api_keys where name = 'mari'").fetchone()
        assert row is not None
        reader = create_key(connection, row[0], "api", "desk", "desk")
    assert ask(api, "nobody", "select 1").status_code == 401
    refused = ask(api, reader, "select 1")
    assert refused.status_code == 403
    assert "--kind analyst" in refused.json()["message"]
    assert ask(api, key, "select 1").status_code == 200
    profile = api.get("/v1/profiles/user_id/u1", headers={"authorization": f"Bearer {key}"})
    assert profile.status_code == 401


def test_what_cannot_be_answered_says_why(api: httpx.Client, key: str) -> None:
    for sql, words in (
        ("select nothing from events", "nothing"),
        ("copy events to '/tmp/x.csv'", "Only a SELECT"),
        ("from read_csv('/etc/passwd')", "cannot be used"),
        ("select repeat('x', 100000000)", "memory|MB"),
    ):
        answer = ask(api, key, sql)
        assert answer.status_code == 400, sql
        assert any(word in answer.json()["message"] for word in words.split("|"))
    assert ask(api, key, "select 1", "application/pdf").status_code == 400
    assert ask(api, key, "select 1", known_at="soon").status_code == 400
    assert ask(api, key, "select 1", rows=0).status_code == 400


def test_a_question_stands_in_the_audit_log(
    api: httpx.Client, key: str, database: Database
) -> None:
    ask(api, key, "select 'a question of mine'")
    with database.connect("app") as connection:
        row = connection.execute(
            "select workspace_id from api_keys where name = 'mari' order by created_at desc limit 1"
        ).fetchone()
        assert row is not None
        with in_workspace(connection, row[0]) as cursor:
            said = cursor.execute("select actor, detail->>'sql' from audit_log").fetchall()
    assert ("analyst's key for bi", "select 'a question of mine'") in said
