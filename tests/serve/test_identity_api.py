"""An operator's tool decides over the API who is one person, sees it before, and takes it back."""

from __future__ import annotations

from typing import Any

import httpx
from serving import NOON, Shop

from tsunagu.core.times import SECOND
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.desk import Desk

CONSENT = {"channel": "email", "purpose": "marketing"}


def user(name: str) -> dict[str, str]:
    return {"kind": "user_id", "value": name}


def ask(api: httpx.Client, shop: Shop, path: str, **words: Any) -> Any:
    answer = api.post(f"/v1/identity/{path}", json=words, headers=shop.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def drain(shop: Shop) -> None:
    desk = Desk(shop.workspace, "UTC", driven=True)
    with shop.database.connect("pipeline") as connection:
        while pipeline_loop.next_batch(connection, desk).more:
            pass


def profile(api: httpx.Client, shop: Shop, name: str) -> Any:
    answer = api.get(f"/v1/profiles/user_id/{name}", headers=shop.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def two_people(shop: Shop) -> None:
    shop.tell("", "u1", kind="identify", name="Hana", at=NOON)
    shop.tell("Consent Given", "u1", at=NOON + SECOND, **CONSENT)
    shop.tell("", "u2", kind="identify", name="Hanako", city="Kyoto", at=NOON + 2 * SECOND)
    shop.tell("Consent Withdrawn", "u2", at=NOON + 3 * SECOND, **CONSENT)


def test_two_are_merged_as_the_preview_said_and_parted_again(api: httpx.Client, shop: Shop) -> None:
    two_people(shop)
    one, other = profile(api, shop, "u1"), profile(api, shop, "u2")
    told = ask(api, shop, "merge/preview", a=user("u1"), b=user("u2"))
    assert told["after"]["traits"] == {"name": "Hanako", "city": "Kyoto"}
    assert told["after"]["consents"] == {"email/marketing": False}
    assert told["after"]["stricter"] == ["email/marketing"]
    assert [p["customer_id"] for p in told["before"]] == [one["customer_id"], other["customer_id"]]
    assert profile(api, shop, "u2") == other  # a preview writes nothing

    ask(api, shop, "merge", a=user("u2"), b=user("u1"))
    drain(shop)
    merged = profile(api, shop, "u2")
    assert merged["customer_id"] == told["after"]["customer_id"] == one["customer_id"]
    assert merged["traits"] == told["after"]["traits"]
    assert merged["event_count"] == told["after"]["events"] == 4
    where = {"kind": "user_id", "value": "u1"}
    (link,) = api.get("/v1/identity/evidence", params=where, headers=shop.headers).json()
    assert (link["kind"], link["by"], link["cut"]) == ("operator", "API key for desk", False)

    split = ask(api, shop, "part/preview", identifiers=[user("u2")])
    assert split["stays"]["traits"] == {"name": "Hana"}
    assert split["leaves"]["traits"] == {"name": "Hanako", "city": "Kyoto"}
    assert split["stays"]["consents"] == {"email/marketing": False}
    assert split["stays"]["stricter"] == ["email/marketing"]
    assert split["leaves"]["stricter"] == []  # their own word
    ask(api, shop, "part", identifiers=[user("u2")])
    drain(shop)
    back = [profile(api, shop, name) for name in ("u1", "u2")]
    assert [p["customer_id"] for p in back] == [one["customer_id"], other["customer_id"]]
    assert [p["traits"] for p in back] == [one["traits"], other["traits"]]
    assert [p["consents"][0]["granted"] for p in back] == [False, False]
    assert [p["event_count"] for p in back] == [2, 2]
    made = api.get("/v1/identity/history", params=where, headers=shop.headers).json()
    assert [m["name"] for m in made] == ["Identity Parted", "Identity Merged"]
    (link,) = api.get("/v1/identity/evidence", params=where, headers=shop.headers).json()
    assert link["cut"]


def undo(api: httpx.Client, shop: Shop, message_id: str) -> httpx.Response:
    return api.post(f"/v1/identity/decisions/{message_id}/undo", headers=shop.headers)


def test_decisions_are_taken_back_by_others(api: httpx.Client, shop: Shop) -> None:
    two_people(shop)
    before = [profile(api, shop, name) for name in ("u1", "u2")]
    merge = ask(api, shop, "merge", a=user("u2"), b=user("u1"))["message_id"]
    early = undo(api, shop, merge)
    assert early.status_code == 400
    assert "not done yet" in early.text
    drain(shop)
    parting = undo(api, shop, merge)
    assert parting.status_code == 200, parting.text
    drain(shop)
    after = [profile(api, shop, name) for name in ("u1", "u2")]
    assert [p["customer_id"] for p in after] == [p["customer_id"] for p in before]
    assert [p["traits"] for p in after] == [p["traits"] for p in before]
    again = undo(api, shop, merge)
    assert again.status_code == 400
    assert "undone already" in again.text

    assert undo(api, shop, parting.json()["message_id"]).status_code == 200
    drain(shop)
    one, other = (profile(api, shop, name)["customer_id"] for name in ("u1", "u2"))
    assert one == other == before[0]["customer_id"]


def test_a_merge_that_other_evidence_holds_and_a_keep_apart_are_not_undone(
    api: httpx.Client, shop: Shop
) -> None:
    two_people(shop)
    shop.tell("", anonymous="d1", kind="identify", name="Taro")
    apart = {"a": user("u1"), "b": {"kind": "anonymous_id", "value": "d1"}}
    kept = ask(api, shop, "keep-apart", **apart)["message_id"]
    drain(shop)
    assert "only by a decision" in undo(api, shop, kept).text
    first = ask(api, shop, "merge", **apart)["message_id"]
    drain(shop)
    shop.tell("", "u1", kind="identify", email="hana@shop.example")
    shop.tell("", anonymous="d1", kind="identify", email="hana@shop.example")
    held = undo(api, shop, first)
    assert held.status_code == 400
    assert "Other evidence" in held.text
    assert undo(api, shop, "nobody-decided-this").status_code == 404


def test_what_is_kept_apart_is_joined_by_nothing_that_is_shared(
    api: httpx.Client, shop: Shop
) -> None:
    shop.tell("", "u1", kind="identify", email="hana@shop.example")
    shop.tell("", anonymous="d1", kind="identify", name="Taro")
    ask(api, shop, "keep-apart", a=user("u1"), b={"kind": "anonymous_id", "value": "d1"})
    drain(shop)
    shop.tell("", anonymous="d1", kind="identify", email="hana@shop.example")
    assert profile(api, shop, "u1")["traits"] == {"email": "hana@shop.example"}


def test_what_cannot_be_decided_is_said(api: httpx.Client, shop: Shop) -> None:
    two_people(shop)
    for path, words, status in [
        ("merge", {"a": user("u1"), "b": user("nobody")}, 404),
        ("merge/preview", {"a": user("u1"), "b": user("u1")}, 400),
        ("part", {"identifiers": [user("u1")]}, 400),
        ("part/preview", {"identifiers": [user("u1"), user("u2")]}, 400),
    ]:
        answer = api.post(f"/v1/identity/{path}", json=words, headers=shop.headers)
        assert answer.status_code == status, (path, answer.text)
    assert api.post("/v1/identity/merge", json={}).status_code == 401
