"""Matching over the API: the model, one record, questions and their answers."""

from __future__ import annotations

import random
from typing import Any

import httpx
from serving import NOON, Shop

from tsunagu import eventlog
from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.desk import Desk
from tsunagu.serve import matching
from tsunagu.storage import in_workspace

SYLLABLES = ("ka", "mo", "ri", "ta", "ne", "su", "yo", "hi", "ba", "go", "ze", "lu")


def _registered(shop: Shop) -> None:
    chance = random.Random(3)
    people = [
        {
            "firstName": "".join(chance.sample(SYLLABLES, 2)),
            "lastName": "".join(chance.sample(SYLLABLES, 3)),
            "postcode": f"{chance.randint(100, 180)}{chance.randint(0, 99):04}",
            "birthday": f"{chance.randint(1950, 2000)}-{chance.randint(1, 12):02}"
            f"-{chance.randint(1, 28):02}",
        }
        for _ in range(300)
    ]
    events = [
        NewEvent(
            *(f"p{n}", "identify", "identify", f"u{n}", None, NOON, "pos"),
            encode_body(Body(traits=traits)),
            NOON,
        )
        for n, traits in enumerate(people + people[:60])
    ]
    with shop.database.connect("pipeline") as connection:
        with in_workspace(connection, shop.workspace) as cursor:
            eventlog.append(cursor, shop.workspace, events, received_at=NOON, now=NOON)
        _drain(connection, shop)
        matching.train(connection, shop.workspace, "Mari")
        planned = matching.plan(connection, shop.workspace, "Mari")
        with in_workspace(connection, shop.workspace) as cursor:
            cursor.execute("update match_changes set action = 'review'")
        matching.apply(connection, shop.workspace, planned.plan_id, "Mari")


def _drain(connection: Any, shop: Shop) -> None:
    while pipeline_loop.next_batch(connection, Desk(shop.workspace, "UTC", True)).more:
        pass


def test_a_record_is_matched_and_questions_are_answered(shop: Shop, api: httpx.Client) -> None:
    asked = {"record": {"family": "karimo", "given": "tane"}}
    assert api.post("/v1/identity/match", json=asked, headers=shop.headers).status_code == 404
    assert api.get("/v1/identity/model", headers=shop.headers).status_code == 404
    _registered(shop)
    model = api.get("/v1/identity/model", headers=shop.headers).json()
    assert model["version"] == 1
    assert (model["bands"], model["contradicted"]) == ([], False)
    one, other = api.get("/v1/identity/reviews", params={"limit": 2}, headers=shop.headers).json()
    traits = one["traits_a"]
    record = {"family": traits["lastName"], "given": traits["firstName"]}
    record["birth_date"] = traits["birthday"]
    found = api.post("/v1/identity/match", json={"record": record}, headers=shop.headers).json()
    assert len(found) >= 2
    assert found[0]["sure"]
    assert found[0]["reasons"]
    for review, said in ((one, "same"), (other, "different")):
        place = f"/v1/identity/reviews/{review['review_id']}/answer"
        done = api.post(place, json={"answer": said}, headers=shop.headers)
        assert done.status_code == 200, done.text
        assert done.json()["message_id"]
        assert api.post(place, json={"answer": said}, headers=shop.headers).status_code == 400
    with shop.database.connect("pipeline") as connection:
        _drain(connection, shop)
    owners = [
        api.get(f"/v1/profiles/{kind}/{value}", headers=shop.headers).json()["customer_id"]
        for kind, value in (one["a"], one["b"], other["a"], other["b"])
    ]
    assert owners[0] == owners[1]
    assert owners[2] != owners[3]
    checked = api.get("/v1/identity/model", headers=shop.headers).json()
    assert sum(band["answers"] for band in checked["bands"]) == checked["answers"] == 2
    assert 0 <= checked["low"] < checked["above_same"] / checked["above"] < checked["high"] <= 1
    undo = f"/v1/identity/reviews/{one['review_id']}/undo"
    assert api.post(undo, headers=shop.headers).json()["message_id"]
    assert api.post("/v1/identity/reviews/1/undo").status_code == 401
