"""Sources over the API: added, tried, run, paused and removed, in one's own workspace alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from serving import Shop

from tsunagu.access import create_key
from tsunagu.collect.sources import Vault
from tsunagu.collect.sources.running import Errand, run_source

MAPPING = {
    "name": "orders",
    "message_id": ["id", "updated_at"],
    "at": "updated_at",
    "user_id": "customer",
    "events": [{"name": "Order Completed", "properties": {"amount": "amount"}}],
}


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    """A source over a small table."""
    with sqlite3.connect(tmp_path / "theirs.db") as theirs:
        theirs.execute("create table orders (id int, customer text, amount int, updated_at text)")
        theirs.execute("insert into orders values (1, 'u1', 1200, '2026-05-04 12:00:00')")
    told = {"kind": "sql", "url": f"sqlite:///{tmp_path}/theirs.db", "table": "orders"}
    return {"from": {**told, "cursor": "updated_at"}, "mapping": MAPPING}


def test_the_life_of_a_source(
    api: httpx.Client, shop: Shop, document: dict[str, Any], home: Path
) -> None:
    def ask(method: str, path: str, **told: Any) -> Any:
        answer = api.request(method, f"/v1/sources{path}", headers=shop.headers, **told)
        assert answer.status_code == 200, answer.text
        return answer.json()

    looked = ask("POST", "/orders/test", json={"document": document})
    assert looked["columns"] == ["id", "customer", "amount", "updated_at"]
    assert looked["events"][0]["body"]["properties"] == {"amount": 1200}
    assert ask("GET", "") == []
    body = {"document": document, "secrets": {"token": "never-shown"}}
    assert ask("PUT", "/orders", json=body)["version"] == 1
    ask("POST", "/orders/run")
    run_source(
        shop.database,
        Vault(home),
        Errand(shop.workspace, "orders", "test"),
        Event(),
        lambda _: None,
    )
    one = ask("GET", "/orders")
    assert (one["state"], one["events_today"], one["secrets"]) == ("well", 1, ["token"])
    assert "never-shown" not in str(one)
    assert [run["outcome"] for run in ask("GET", "/orders/runs")] == ["done"]
    ask("POST", "/orders/pause")
    assert ask("GET", "/orders")["state"] == "paused"
    ask("POST", "/orders/resume")
    ask("POST", "/orders/reset")
    ask("DELETE", "/orders")
    assert api.get("/v1/sources/orders", headers=shop.headers).status_code == 404


def test_what_is_wrong_is_said(api: httpx.Client, shop: Shop, document: dict[str, Any]) -> None:
    wrong = {**document, "from": {**document["from"], "table": "contacts"}}
    answer = api.post("/v1/sources/x/test", headers=shop.headers, json={"document": wrong})
    assert answer.status_code == 400
    assert "contacts" in answer.json()["message"]
    answer = api.put("/v1/sources/x", headers=shop.headers, json={"document": {"from": {}}})
    assert answer.status_code == 400
    for method, path in (("GET", "/x"), ("POST", "/x/run"), ("DELETE", "/x"), ("GET", "/x/runs")):
        assert api.request(method, f"/v1/sources{path}", headers=shop.headers).status_code == 404


def test_another_workspace_sees_nothing_of_it(
    api: httpx.Client,
    shop: Shop,
    document: dict[str, Any],
    make_workspace: Callable[..., int],
) -> None:
    told = {"document": document}
    assert api.put("/v1/sources/orders", headers=shop.headers, json=told).status_code == 200
    with shop.database.connect("app") as connection:
        key = create_key(connection, make_workspace(), "api", "other", "other")
    others = {"authorization": f"Bearer {key}"}
    assert api.get("/v1/sources", headers=others).json() == []
    assert api.delete("/v1/sources/orders", headers=others).status_code == 404


def test_the_data_folder_cannot_be_read(
    api: httpx.Client, shop: Shop, document: dict[str, Any], home: Path
) -> None:
    told = {**document, "from": {"kind": "files", "path": str(home)}}
    answer = api.post("/v1/sources/x/test", headers=shop.headers, json={"document": told})
    assert answer.status_code == 400
    assert "this installation" in answer.json()["message"]
