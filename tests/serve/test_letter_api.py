"""Dead letters over the API: found, mended, replayed, discarded, and seen by nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from serving import Shop

from tsunagu import collect
from tsunagu.access import create_key
from tsunagu.serve.definitions import publish_document
from tsunagu.storage import Database, in_workspace

SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


@pytest.fixture
def other_shop(database: Database, make_workspace: Callable[..., int]) -> Shop:
    workspace = make_workspace()
    with database.connect("app") as connection:
        key = create_key(connection, workspace, "api", "desk", "desk")
    return Shop(database, workspace, key)


@pytest.fixture
def letters(shop: Shop, api: httpx.Client) -> list[dict[str, Any]]:
    """What a shop with a strict plan put aside."""
    with (
        shop.database.connect("app") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        document = {"event": "Order Completed", "mode": "block", "schema": SCHEMA}
        publish_document(cursor, shop.workspace, "event-schema", "order", document, "tests")
    for total in ("one", "two", "three"):
        shop.tell("Order Completed", "hana", total=total)
    found = api.get("/v1/dead-letters", headers=shop.headers)
    assert found.status_code == 200
    return found.json()


def test_letters_are_found_page_by_page(
    shop: Shop, api: httpx.Client, letters: list[dict[str, Any]]
) -> None:
    assert [one["event"]["properties"]["total"] for one in letters] == ["three", "two", "one"]
    assert {one["stage"] for one in letters} == {"plan"}
    first = api.get("/v1/dead-letters", params={"limit": 2}, headers=shop.headers).json()
    rest = api.get(
        "/v1/dead-letters", params={"before": first[-1]["letter_id"]}, headers=shop.headers
    ).json()
    assert [one["letter_id"] for one in first + rest] == [one["letter_id"] for one in letters]
    none = api.get("/v1/dead-letters", params={"source": "web"}, headers=shop.headers)
    assert none.json() == []
    wrong = api.get("/v1/dead-letters", params={"since": "soon"}, headers=shop.headers)
    assert wrong.status_code == 400


def test_a_mended_letter_enters_the_log_once(
    shop: Shop, api: httpx.Client, letters: list[dict[str, Any]]
) -> None:
    one = letters[0]
    path = f"/v1/dead-letters/{one['letter_id']}"
    event = one["event"] | {"properties": {"total": "still"}}
    refused = api.post(f"{path}/replay", json={"event": event}, headers=shop.headers)
    assert refused.status_code == 400
    assert "properties.total" in refused.json()["message"]
    event["properties"] = {"total": 3}
    done = api.post(f"{path}/replay", json={"event": event}, headers=shop.headers)
    assert done.status_code == 200
    again = api.post(f"{path}/replay", json={"event": event}, headers=shop.headers)
    assert again.status_code == 400
    now = api.get(path, headers=shop.headers).json()
    assert (now["state"], now["replayed_as"]) == ("replayed", done.json()["message_id"])


def test_a_letter_is_discarded_and_taken_back(
    shop: Shop, api: httpx.Client, letters: list[dict[str, Any]]
) -> None:
    path = f"/v1/dead-letters/{letters[0]['letter_id']}"
    assert api.post(f"{path}/discard", headers=shop.headers).json()["state"] == "discarded"
    assert api.post(f"{path}/reopen", headers=shop.headers).json()["state"] == "open"
    gone = api.post("/v1/dead-letters/999999999/discard", headers=shop.headers)
    assert gone.status_code == 404


def test_many_letters_are_worked_off_behind(
    shop: Shop, api: httpx.Client, letters: list[dict[str, Any]]
) -> None:
    asked = api.post(
        "/v1/dead-letters/jobs/discard", json={"name": "Order Completed"}, headers=shop.headers
    ).json()
    assert (asked["total"], asked["state"]) == (len(letters), "running")
    with shop.database.connect("pipeline") as connection:
        while collect.work_once(connection, shop.workspace):
            pass
    path = f"/v1/dead-letters/jobs/{asked['job_id']}"
    done = api.get(path, headers=shop.headers).json()
    assert (done["done"], done["state"]) == (3, "done")


def test_another_shop_sees_nothing(
    shop: Shop, api: httpx.Client, letters: list[dict[str, Any]], other_shop: Shop
) -> None:
    number = letters[0]["letter_id"]
    assert api.get("/v1/dead-letters", headers=other_shop.headers).json() == []
    for method, path in (("GET", ""), ("POST", "/replay"), ("POST", "/discard")):
        answer = api.request(method, f"/v1/dead-letters/{number}{path}", headers=other_shop.headers)
        assert answer.status_code == 404, path
