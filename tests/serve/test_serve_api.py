"""An agent's desk asks the API about customers; a data team publishes definitions through it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import NOON, Shop, served

from tsunagu.access import create_key, revoke_key
from tsunagu.analysis import Analysts
from tsunagu.core.times import DAY, HOUR, iso, moment
from tsunagu.serve import auth
from tsunagu.serve.app import api_app
from tsunagu.storage import Database, in_workspace

WORDS = {
    "subject": "Hello",
    "mjml": '<mjml><mj-body><mj-section><mj-column><mj-text>Hello <a href="{{ unsubscribe_url }}">'
    "Stop</a></mj-text></mj-column></mj-section></mj-body></mjml>",
    "text": "Hello {{ unsubscribe_url }}",
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "audience/regulars": {
        "title": {"en": "Regulars", "ja": "常連"},
        "rule": "did('Order Completed', within => '3 days') >= 1",
    },
    "message/reminder": {
        "title": {"en": "Reminder", "ja": "お知らせ"},
        "channel": "email",
        "purpose": "marketing",
        "languages": {"en": WORDS},
    },
    "policy/contact": {
        "quiet_hours": {"from": "21:00", "to": "08:00"},
        "caps": [{"channel": "email", "limit": 1, "within": "1 day"}],
        "default_zone": "UTC",
    },
    "journey/welcome": {
        "title": {"en": "Welcome", "ja": "ようこそ"},
        "entry": {"audience": "regulars"},
        "start": "mail",
        "nodes": {
            "mail": {"kind": "send", "message": "reminder", "next": "done"},
            "done": {"kind": "end"},
        },
        "goal": {"event": "Coupon Redeemed", "within": "5 days"},
    },
}


def publish_all(api: httpx.Client, shop: Shop) -> None:
    for path, document in DOCUMENTS.items():
        answer = api.put(f"/v1/definitions/{path}", json=document, headers=shop.headers)
        assert answer.status_code == 200, answer.text


def profile(api: httpx.Client, shop: Shop, path: str, **query: Any) -> dict[str, Any]:
    answer = api.get(f"/v1/profiles/{path}", headers=shop.headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_desk_sees_the_whole_customer(api: httpx.Client, shop: Shop) -> None:
    publish_all(api, shop)
    shop.tell("", "u/1", kind="identify", email="Hana@example.com", name="花子")
    shop.tell("Consent Given", "u/1", channel="email", purpose="marketing", form="v2")
    shop.tell("Order Completed", "u/1", total=1200)
    seen = profile(api, shop, "user_id/u%2F1")
    assert seen == profile(api, shop, "email/HANA@example.com ")
    assert seen == profile(api, shop, f"customer_id/{seen['customer_id']}")
    assert {"kind": "user_id", "value": "u/1"} in seen["identifiers"]
    assert seen["traits"] == {"email": "Hana@example.com", "name": "花子"}
    whence = seen["provenance"]["name"]
    assert (whence["at"], whence["strategy"], whence["others"]) == (iso(NOON), "latest", [])
    assert whence["source"] == seen["events"][-1]["source"]
    assert [a["audience"] for a in seen["audiences"]] == ["regulars"]
    (consent,) = seen["consents"]
    assert (consent["channel"], consent["granted"], consent["at"]) == ("email", True, iso(NOON))
    assert consent["evidence"]["properties"]["form"] == "v2"
    assert (seen["first_seen"], seen["event_count"]) == (iso(NOON), 3)
    (enrolment,) = seen["journeys"]
    assert (enrolment["journey"], enrolment["arm"], enrolment["node"]) == (
        "welcome",
        "treated",
        "done",
    )
    (send,) = seen["contact"]["sends"]
    assert (send["message"], send["state"], send["address"]) == (
        "reminder",
        "queued",
        "Hana@example.com",
    )
    assert send["decided_at"] == iso(NOON)
    order = next(e for e in seen["events"] if e["name"] == "Order Completed")
    assert order["body"] == {"properties": {"total": 1200}}


def test_the_timeline_is_read_page_by_page(api: httpx.Client, shop: Shop) -> None:
    for number in range(5):
        shop.tell("Viewed", "u1", number=number)
    first = profile(api, shop, "user_id/u1", events=3)["events"]
    rest = profile(api, shop, "user_id/u1", events=3, before=first[-1]["position"])["events"]
    numbers = [e["body"]["properties"]["number"] for e in first + rest]
    assert numbers == [4, 3, 2, 1, 0]


def test_it_says_why_somebody_was_not_sent_a_message(api: httpx.Client, shop: Shop) -> None:
    publish_all(api, shop)
    shop.tell("", "u1", kind="identify", email="u1@example.com")
    shop.tell("Order Completed", "u1")
    contact = profile(api, shop, "user_id/u1")["contact"]
    assert contact["sends"] == []
    (refusal,) = contact["refusals"]
    assert (refusal["message"], refusal["journey"], refusal["reason"]) == (
        "reminder",
        "welcome",
        "no_consent",
    )


def test_it_says_what_the_policy_would_answer_now(api: httpx.Client, shop: Shop) -> None:
    publish_all(api, shop)

    def now() -> tuple[str, str | None, str | None]:
        (answer,) = profile(api, shop, "user_id/u1")["contact"]["now"]
        return answer["answer"], answer["reason"], answer["until"]

    shop.tell("", "u1", kind="identify")
    assert now() == ("refused", "no_consent", None)
    shop.tell("Consent Given", "u1", channel="email", purpose="marketing")
    assert now() == ("refused", "no_address", None)
    shop.tell("", "u1", kind="identify", at=NOON + 1, email="u1@example.com")
    assert now() == ("allowed", None, None)
    shop.pass_time(NOON + 10 * HOUR)
    assert now() == ("wait", "quiet_hours", iso(NOON + 20 * HOUR))
    shop.pass_time(NOON + DAY)
    shop.tell("Order Completed", "u1", at=NOON + DAY)
    assert now() == ("refused", "frequency_cap", None)
    shop.pass_time(NOON + 3 * DAY)
    with (
        shop.database.connect("pipeline") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        cursor.execute(
            "insert into suppressions values (%s, 'email', 'u1@example.com', 'bounced', %s)",
            (shop.workspace, moment(NOON)),
        )
    assert now() == ("refused", "suppressed", None)


def test_a_merged_customer_is_found_under_every_former_id(api: httpx.Client, shop: Shop) -> None:
    shop.tell("Viewed", anonymous="a1")
    shop.tell("Viewed", anonymous="a2")
    former = [profile(api, shop, f"anonymous_id/{a}")["customer_id"] for a in ("a1", "a2")]
    shop.tell("", "u1", anonymous="a1", kind="identify", name="Hana")
    shop.tell("", "u1", anonymous="a2", kind="identify", name="Hanako", at=NOON + 1)
    seen = profile(api, shop, "user_id/u1")
    for path in ("anonymous_id/a2", *(f"customer_id/{c}" for c in former)):
        assert profile(api, shop, path) == seen
    assert {seen["customer_id"], *seen["merged_ids"]} == set(former)
    assert len(seen["events"]) == 4
    assert seen["traits"] == {"name": "Hanako"}


def test_a_journey_tells_where_everybody_is_and_why_others_were_refused(
    api: httpx.Client, shop: Shop
) -> None:
    publish_all(api, shop)
    for user in ("u1", "u2", "u3"):
        shop.tell("", user, kind="identify", email=f"{user}@example.com")
    for user in ("u1", "u2"):
        shop.tell("Consent Given", user, channel="email", purpose="marketing")
    for user in ("u1", "u2", "u3"):
        shop.tell("Order Completed", user)
    shop.tell("Coupon Redeemed", "u1")
    told = api.get("/v1/journeys/welcome", headers=shop.headers).json()
    assert (told["version"], told["status"]) == (1, "published")
    assert told["document"]["entry"] == {"audience": "regulars"}
    assert sum(n["enrolments"] for n in told["nodes"]) == 3
    assert sum(n["reached_goal"] for n in told["nodes"]) == 1
    assert [(m["state"], m["reason"], m["sends"]) for m in told["messages"]] == [
        ("queued", None, 2),
        ("refused", "no_consent", 1),
    ]


def test_definitions_are_published_again_and_again_but_changed_once(
    api: httpx.Client, shop: Shop
) -> None:
    publish_all(api, shop)
    publish_all(api, shop)
    audience = {**DOCUMENTS["audience/regulars"], "rule": "plan = 'gold'"}
    changed = api.put("/v1/definitions/audience/regulars", json=audience, headers=shop.headers)
    assert changed.json() == {"kind": "audience", "name": "regulars", "version": 2}
    versions = api.get("/v1/definitions", headers=shop.headers).json()
    assert [
        (v["name"], v["version"], v["status"]) for v in versions if v["kind"] == "audience"
    ] == [("regulars", 1, "stopped"), ("regulars", 2, "published")]
    for query, rule in (("", audience["rule"]), ("?version=1", "did(")):
        path = f"/v1/definitions/audience/regulars{query}"
        assert rule in api.get(path, headers=shop.headers).json()["document"]["rule"]


@pytest.mark.parametrize(
    ("path", "document", "said"),
    [
        ("audience/broken", {"title": {}, "rule": "drop table"}, "rule"),
        ("journey/lost", DOCUMENTS["journey/welcome"], "is not published"),
        ("spell/x", {}, "There is no kind 'spell'"),
        ("policy/other", {}, "'contact'"),
    ],
)
def test_a_wrong_document_is_refused_with_the_place(
    api: httpx.Client, shop: Shop, path: str, document: dict[str, Any], said: str
) -> None:
    answer = api.put(f"/v1/definitions/{path}", json=document, headers=shop.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert said in answer.json()["message"]


def test_who_has_no_key_sees_nothing(api: httpx.Client, shop: Shop) -> None:
    with shop.database.connect("app") as connection:
        write = create_key(connection, shop.workspace, "write", "web", "web")
    for headers in (
        {},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Basic %%"},
        {"authorization": f"Bearer {write}"},
    ):
        answer = api.get("/v1/profiles/user_id/u1", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"]
        assert answer.json()["message"]


def test_a_key_works_as_basic_authentication_until_it_is_revoked(
    api: httpx.Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "KNOWN_SECONDS", 0.2)
    shop.tell("Viewed", "u1")
    assert api.get("/v1/profiles/user_id/u1", auth=(shop.key, "")).status_code == 200
    with shop.database.connect("app") as connection:
        revoke_key(connection, shop.workspace, "desk")
    time.sleep(0.3)
    assert api.get("/v1/profiles/user_id/u1", auth=(shop.key, "")).status_code == 401


def test_workspaces_cannot_see_each_other(
    api: httpx.Client, shop: Shop, make_workspace: Callable[..., int]
) -> None:
    publish_all(api, shop)
    shop.tell("Viewed", "u1")
    customer = profile(api, shop, "user_id/u1")["customer_id"]
    other = make_workspace()
    with shop.database.connect("app") as connection:
        key = create_key(connection, other, "api", "desk", "desk")
    headers = {"authorization": f"Bearer {key}"}
    for path in (
        "profiles/user_id/u1",
        f"profiles/customer_id/{customer}",
        "journeys/welcome",
        "definitions/audience/regulars",
    ):
        answer = api.get(f"/v1/{path}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert api.get("/v1/definitions", headers=headers).json() == []


def test_a_database_that_is_away_is_said(database: Database) -> None:
    nowhere = replace(database, url="postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    app = api_app(nowhere, Analysts(Path("lake")))
    app.state.pool.timeout = 0.5
    with served(app) as client:
        answer = client.get("/v1/health")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0


def test_the_description_names_every_route_and_its_key(api: httpx.Client) -> None:
    described = api.get("/v1/openapi.json").json()
    for path, methods in described["paths"].items():
        for route in methods.values():
            assert route["summary"]
            assert route["description"]
            assert ("security" in route) is (path != "/v1/health")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(["profiles/{}/{}", "journeys/{}", "definitions/{}/{}"]),
    words=st.tuples(
        st.text(min_size=1, max_size=30) | st.sampled_from(["user_id", "customer_id", "email"]),
        st.text(min_size=1, max_size=30) | st.integers().map(str),
    ),
    query=st.dictionaries(
        st.sampled_from(["events", "before", "version"]), st.integers().map(str) | st.text()
    ),
    document=st.none() | st.dictionaries(st.text(), st.text() | st.integers(), max_size=3),
)
def test_no_question_breaks_the_api(
    api: httpx.Client,
    shop: Shop,
    path: str,
    words: tuple[str, str],
    query: dict[str, str],
    document: dict[str, Any] | None,
) -> None:
    url = "/v1/" + path.format(*(quote(word.encode("utf-8", "replace"), safe="") for word in words))
    if document is None:
        answer = api.get(url, headers=shop.headers, params=query)
    else:
        answer = api.put(url, headers=shop.headers, params=query, json=document)
    assert answer.status_code in (200, 307, 400, 404, 405)
    if answer.status_code != 307:
        assert answer.json()["message"]
