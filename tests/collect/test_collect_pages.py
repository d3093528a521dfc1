"""What browsers ask a collector: may this page send, and with which settings?"""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from collecting import Sent

from tsunagu.access import admit_pages, admits, origin_patterns
from tsunagu.collect import directory
from tsunagu.core import Invalid
from tsunagu.core.times import moment, parse_time

TRACK = {"userId": "u1", "event": "Order Completed"}
SHOP = "https://www.shop.example"
OTHER = "https://other.example"


@pytest.fixture
def one_shop(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """A write key that only a shop's pages may use, and no other key in use."""
    monkeypatch.setattr(directory, "KNOWN_SECONDS", 0.05)
    with sent.database.connect("app") as connection:
        connection.execute("update api_keys set revoked_at = now() where origins is null")
        connection.execute(
            "update api_keys set revoked_at = null where workspace_id = %s", (sent.workspace,)
        )
        admit_pages(connection, sent.workspace, "web", origin_patterns(["https://*.shop.example"]))
    time.sleep(0.1)
    return sent


def preflight(collector: str, path: str, origin: str) -> httpx.Response:
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    return httpx.options(f"{collector}{path}", headers=headers)


def test_a_preflight_is_answered_for_pages_that_some_key_admits(
    collector: str, one_shop: Sent
) -> None:
    answer = preflight(collector, "/v1/track", SHOP)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
    assert int(answer.headers["access-control-max-age"]) > 0
    settings = preflight(collector, f"/v1/projects/{one_shop.key}/settings", SHOP)
    assert settings.headers["access-control-allow-methods"] == "GET"
    refused = preflight(collector, "/v1/track", OTHER)
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    assert httpx.options(f"{collector}/v1/track").status_code == 403


def test_a_call_is_held_against_the_list_of_its_own_key(collector: str, one_shop: Sent) -> None:
    def send(origin: str | None, key: str) -> httpx.Response:
        headers = {} if origin is None else {"origin": origin}
        body = json.dumps({**TRACK, "writeKey": key})
        return httpx.post(f"{collector}/v1/t", content=body, headers=headers)

    taken = send(SHOP, one_shop.key)
    assert (taken.status_code, taken.headers["access-control-allow-origin"]) == (200, SHOP)
    refused = send(OTHER, one_shop.key)
    assert (refused.status_code, refused.json()["code"]) == (403, "page_not_allowed")
    assert "access-control-allow-origin" not in refused.headers
    assert send("null", one_shop.key).status_code == 403
    assert send(None, one_shop.key).status_code == 200
    # a page may read why it is refused for another reason
    unknown = send(SHOP, "tsw_unknown")
    assert (unknown.status_code, unknown.headers["access-control-allow-origin"]) == (401, SHOP)
    assert len(one_shop.rows()) == 2


def test_a_key_can_be_closed_to_all_pages_and_opened_again(collector: str, one_shop: Sent) -> None:
    expected: list[tuple[tuple[str, ...] | None, int]] = [((), 403), (None, 200)]
    for origins, status in expected:
        with one_shop.database.connect("app") as connection:
            admit_pages(connection, one_shop.workspace, "web", origins)
        time.sleep(0.1)
        answer = httpx.post(
            f"{collector}/v1/track", json=TRACK, auth=(one_shop.key, ""), headers={"origin": OTHER}
        )
        assert answer.status_code == status


def test_origins_are_written_as_browsers_write_them() -> None:
    given = ["https://Shop.example/", "http://localhost:3000", "https://a.example:443", " "]
    assert origin_patterns(given) == (
        "https://shop.example",
        "http://localhost:3000",
        "https://a.example",
    )
    for wrong in ("shop.example", "https://", "https://shop.example/cart", "https://*", "*", "x y"):
        with pytest.raises(Invalid, match="not the origin"):
            origin_patterns([wrong])
    star = origin_patterns(["https://*.shop.example"])
    for origin, expected in (
        ("https://www.shop.example", True),
        ("https://a.b.shop.example", True),
        ("https://shop.example", False),
        ("https://evilshop.example", False),
        ("http://www.shop.example", False),
        ("https://www.shop.example:8443", False),
        ("https://www.shop.example.evil.example", False),
    ):
        assert admits(star, origin) is expected, origin


def test_analytics_js_finds_its_settings(collector: str, sent: Sent) -> None:
    url = f"{collector}/v1/projects/{sent.key}/settings"
    answer = httpx.get(url, headers={"origin": SHOP})
    assert answer.headers["access-control-allow-origin"] == SHOP
    own = answer.json()["integrations"]["Segment.io"]
    assert own["apiKey"] == sent.key
    assert f"{own['protocol']}://{own['apiHost']}" == f"{collector}/v1"
    secure = httpx.get(url, headers={"x-forwarded-proto": "https", "host": "in.shop.example"})
    own = secure.json()["integrations"]["Segment.io"]
    assert (own["protocol"], own["apiHost"]) == ("https", "in.shop.example/v1")
    assert httpx.get(f"{collector}/v1/projects/nobody/settings").status_code == 401
    assert httpx.get(url, headers={"host": 'x"y'}).status_code == 400


def test_rudderstack_finds_its_settings(collector: str, sent: Sent) -> None:
    for url in ("/sourceConfig", "/sourceConfig/"):
        by_key = httpx.get(f"{collector}{url}", auth=(sent.key, "")).json()
        by_query = httpx.get(f"{collector}{url}", params={"writeKey": sent.key}).json()
        assert by_key == by_query
    source = by_key["source"]
    assert (source["writeKey"], source["enabled"], source["destinations"]) == (sent.key, True, [])
    assert httpx.get(f"{collector}/sourceConfig").status_code == 401


@pytest.mark.parametrize("letter", ["t", "i", "p", "s", "g", "a", "b"])
def test_the_letters_of_analytics_js_are_the_calls(collector: str, sent: Sent, letter: str) -> None:
    event = {**TRACK, "name": "n", "groupId": "g", "previousId": "p"}
    body: dict[str, Any] = {"batch": [{**event, "type": "track"}]} if letter == "b" else event
    text = {"content-type": "text/plain;charset=UTF-8"}
    told = json.dumps({**body, "writeKey": sent.key})
    assert httpx.post(f"{collector}/v1/{letter}", content=told, headers=text).status_code == 200
    (row,) = sent.rows()
    assert row["type"][0] == letter.replace("b", "t")


def test_a_beacon_names_its_key_in_the_query(collector: str, sent: Sent) -> None:
    body = json.dumps({"batch": [{**TRACK, "type": "track"}]})
    url = f"{collector}/beacon/v1/batch"
    assert httpx.post(url, content=body, params={"writeKey": sent.key}).status_code == 200
    assert httpx.post(url, content=body, params={"writeKey": "x"}).status_code == 401
    many = {f"q{number}": "x" for number in range(100)} | {"writeKey": sent.key}
    assert httpx.post(url, content=body, params=many, auth=("", "")).status_code == 200
    assert len(sent.rows()) == 2


def test_what_is_imported_keeps_its_time(collector: str, sent: Sent) -> None:
    told = "2019-02-03T04:05:06.000Z"
    event = {**TRACK, "type": "track", "timestamp": told, "sentAt": "2019-02-03T04:05:07Z"}
    whole = {"batch": [event], "sentAt": "2019-02-03T04:06:00Z"}
    answer = httpx.post(f"{collector}/v1/import", json=whole, auth=(sent.key, ""))
    assert answer.status_code == 200
    (row,) = sent.rows()
    assert row["at"] == moment(parse_time(told))
    timeless = {"batch": [event, {**TRACK, "type": "track"}]}
    refused = httpx.post(f"{collector}/v1/import", json=timeless, auth=(sent.key, ""))
    assert refused.status_code == 400
    assert "batch[1]: an imported event needs `timestamp`" in refused.json()["message"]
