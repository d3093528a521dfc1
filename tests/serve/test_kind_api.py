"""Kinds of identifiers over the API: those that hold, and what was held back and why."""

from __future__ import annotations

import httpx
from serving import Shop


def test_the_kinds_that_hold_are_listed_strongest_first(shop: Shop, api: httpx.Client) -> None:
    document = {"sources": ["properties.member"], "strength": 99, "unique": True}
    done = api.put("/v1/definitions/identifier/member_no", json=document, headers=shop.headers)
    assert done.status_code == 200, done.text
    found = api.get("/v1/identity/kinds", headers=shop.headers).json()
    assert [(k["name"], k["built_in"]) for k in found[:3]] == [
        ("user_id", True),
        ("member_no", False),
        ("line_id", True),
    ]
    wrong = api.put(
        "/v1/definitions/identifier/member_no", json={"sources": ["x"]}, headers=shop.headers
    )
    assert wrong.status_code == 400
    assert "no place in an event" in wrong.text


def test_what_was_held_back_is_told_with_its_reason(shop: Shop, api: httpx.Client) -> None:
    document = {"sources": ["properties.member"], "per_identifier": 1, "strength": 50}
    api.put("/v1/definitions/identifier/member_no", json=document, headers=shop.headers)
    for user in ("hana", "taro", "jiro"):
        shop.tell("Seen", user, member="7")
    found = api.get("/v1/identity/held", headers=shop.headers).json()
    assert {(h["kind"], h["value"], h["reason"], h["times"]) for h in found} == {
        ("member_no", "7", "apart", 1),
        ("member_no", "7", "shared", 1),
    }
    assert found[0]["stated_by"] == [{"kind": "user_id", "value": "taro"}]
    none = api.get("/v1/identity/held", params={"reason": "full"}, headers=shop.headers)
    assert none.json() == []
    assert api.get("/v1/identity/held", params={"after": "x"}, headers=shop.headers).is_error
    assert api.get("/v1/identity/held").status_code == 401
