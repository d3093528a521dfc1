"""A developer sends events by hand, makes every mistake, and is told what to do."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from collecting import Sent

from tsunagu.access import create_key, revoke_key
from tsunagu.collect import CALLS, directory
from tsunagu.collect.models import MAX_BATCH_BYTES, MAX_MESSAGE_BYTES
from tsunagu.core.times import iso, moment, parse_time, wall

CLIENT = httpx.Client(timeout=30)
CALL_BODIES: dict[str, dict[str, Any]] = {
    "track": {"userId": "u1", "event": "Order Completed", "properties": {"total": 12.5}},
    "identify": {"userId": "u1", "traits": {"name": "山田 太郎"}},
    "page": {"anonymousId": "a1", "name": "Top", "category": "Shop", "properties": {"url": "/"}},
    "screen": {"anonymousId": "a1", "name": "Cart"},
    "group": {"userId": "u1", "groupId": "g1", "traits": {"plan": "gold"}},
    "alias": {"userId": "u1", "previousId": "a1"},
}


def post(url: str, call: str, body: object, key: str | None, **options: Any) -> httpx.Response:
    auth = None if key is None else (key, "")
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return CLIENT.post(f"{url}/v1/{call}", content=body, auth=auth, **options)


@pytest.mark.parametrize("call", CALL_BODIES)
def test_each_call_of_the_spec_is_stored(collector: str, sent: Sent, call: str) -> None:
    body = {**CALL_BODIES[call], "messageId": "m1", "context": {"ip": "192.0.2.1"}}
    answer = post(collector, call, body, sent.key)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (row,) = sent.rows()
    assert (row["type"], row["message_id"], row["source"]) == (call, "m1", "web")
    assert row["user_id"] == body.get("userId")
    assert row["anonymous_id"] == body.get("anonymousId")
    assert row["name"] == body.get("event", body.get("name", ""))
    assert row["body"]["context"] == {"ip": "192.0.2.1"}
    for field in ("traits", "previousId", "groupId"):
        assert row["body"].get(field) == body.get(field)


def test_a_page_keeps_its_name_and_category(collector: str, sent: Sent) -> None:
    post(collector, "page", CALL_BODIES["page"], sent.key)
    (row,) = sent.rows()
    assert row["body"]["properties"] == {"name": "Top", "category": "Shop", "url": "/"}


def test_a_batch_is_stored_in_its_order_and_hands_down_its_context(
    collector: str, sent: Sent
) -> None:
    batch = [{**body, "type": call} for call, body in CALL_BODIES.items()]
    batch[0]["context"] = {"ip": "192.0.2.9"}
    common = {"ip": "192.0.2.1", "locale": "ja-JP"}
    answer = post(collector, "batch", {"batch": batch, "context": common}, sent.key)
    assert answer.status_code == 200
    rows = sent.rows()
    assert [row["type"] for row in rows] == list(CALL_BODIES)
    assert rows[0]["body"]["context"] == {"ip": "192.0.2.9", "locale": "ja-JP"}
    assert rows[1]["body"]["context"] == common


def test_what_older_clients_say_in_options_holds(collector: str, sent: Sent) -> None:
    options = {
        "context": {"ip": "192.0.2.1", "locale": "ja-JP"},
        "integrations": {"All": False},
        "anonymousId": "a9",
        "timestamp": "2020-02-03T04:05:06Z",
    }
    event = {"event": "x", "context": {"ip": "192.0.2.9"}, "options": options}
    assert post(collector, "track", event, sent.key).status_code == 200
    (row,) = sent.rows()
    assert row["anonymous_id"] == "a9"
    assert row["at"] == moment(parse_time(options["timestamp"]))
    assert row["body"]["context"] == {"ip": "192.0.2.9", "locale": "ja-JP"}
    assert row["body"]["integrations"] == {"All": False}


def test_gzip_is_read(collector: str, sent: Sent) -> None:
    packed = gzip.compress(json.dumps(CALL_BODIES["track"]).encode())
    two_members = (
        packed[:0]
        + gzip.compress(b'{"batch": [')
        + gzip.compress(json.dumps({**CALL_BODIES["track"], "type": "track"}).encode() + b"]}")
    )
    headers = {"content-encoding": "gzip"}
    assert post(collector, "track", packed, sent.key, headers=headers).status_code == 200
    assert post(collector, "batch", two_members, sent.key, headers=headers).status_code == 200
    assert len(sent.rows()) == 2


def test_the_key_may_come_as_basic_as_bearer_or_in_the_body(collector: str, sent: Sent) -> None:
    body = CALL_BODIES["track"]
    bearer = {"authorization": f"Bearer {sent.key}"}
    assert post(collector, "track", body, sent.key).status_code == 200
    assert post(collector, "track", body, None, headers=bearer).status_code == 200
    assert post(collector, "track", {**body, "writeKey": sent.key}, None).status_code == 200
    batch = {"batch": [{**body, "type": "track"}], "writeKey": sent.key}
    assert post(collector, "batch", batch, None).status_code == 200
    assert len(sent.rows()) == 4


@pytest.mark.parametrize(
    "authorization", ["Basic bm9uZTo=", "Basic %%%", "Digest x", "Bearer none", ""]
)
def test_without_a_known_key_nothing_is_taken(
    collector: str, sent: Sent, authorization: str
) -> None:
    headers = {"authorization": authorization}
    answer = post(collector, "track", CALL_BODIES["track"], None, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert post(collector, "track", CALL_BODIES["track"], None).status_code == 401
    assert sent.rows() == []


def test_an_api_key_may_not_write_and_a_revoked_one_ends(
    collector: str, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "KNOWN_SECONDS", 0.2)
    with sent.database.connect("app") as connection:
        api = create_key(connection, sent.workspace, "api", "desk", "desk")
        old = create_key(connection, sent.workspace, "write", "old", "old")
        assert post(collector, "track", CALL_BODIES["track"], api).status_code == 401
        assert post(collector, "track", CALL_BODIES["track"], old).status_code == 200
        revoke_key(connection, sent.workspace, "old")
    time.sleep(0.3)
    assert post(collector, "track", CALL_BODIES["track"], old).status_code == 401


def test_the_clock_of_the_client_is_corrected(collector: str, sent: Sent) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=3)
    event = {**CALL_BODIES["track"], "type": "track", "timestamp": ahead.isoformat()}
    two_minutes_later = (ahead + timedelta(minutes=2)).isoformat()
    post(collector, "batch", {"batch": [event], "sentAt": two_minutes_later}, sent.key)
    own = {**event, "originalTimestamp": event.pop("timestamp"), "sentAt": two_minutes_later}
    post(collector, "batch", {"batch": [own]}, sent.key)
    for row in sent.rows():
        assert row["at"] == row["received_at"] - timedelta(minutes=2)
        assert row["known_at"] == row["received_at"]


def test_without_sent_at_the_time_stands_and_without_a_time_it_is_the_receipt(
    collector: str, sent: Sent
) -> None:
    told = "2020-02-03T04:05:06.789+09:00"
    post(collector, "track", {**CALL_BODIES["track"], "timestamp": told}, sent.key)
    post(collector, "track", CALL_BODIES["track"], sent.key)
    first, second = sent.rows()
    assert first["at"] == moment(parse_time(told))
    assert second["at"] == second["received_at"]


def test_a_driven_workspace_knows_at_its_own_time_and_has_no_skew(
    collector: str, sent: Sent, make_workspace: Callable[..., int]
) -> None:
    now = parse_time("2017-11-01T00:00:00Z")
    driven = make_workspace(clock="driven", clock_now=now)
    with sent.database.connect("app") as connection:
        key = create_key(connection, driven, "write", "replay", "replay")
    hour = 3_600_000_000
    for at in (now - hour, now + hour):
        event = {**CALL_BODIES["track"], "timestamp": iso(at), "sentAt": iso(wall())}
        assert post(collector, "track", event, key).status_code == 200
    assert post(collector, "track", CALL_BODIES["track"], key).status_code == 200
    rows = Sent(sent.database, driven, key).rows()
    assert [row["at"] for row in rows] == [moment(t) for t in (now - hour, now + hour, now)]
    assert [row["known_at"] for row in rows] == [moment(t) for t in (now, now + hour, now)]


def test_an_external_id_alone_says_whose_an_event_is(collector: str, sent: Sent) -> None:
    ids = [{"type": "line", "id": "U1"}]
    event = {"event": "Checked In", "context": {"externalIds": ids}}
    assert post(collector, "track", event, sent.key).status_code == 200
    (row,) = sent.rows()
    assert (row["user_id"], row["anonymous_id"]) == (None, None)


NESTED: Any = json.loads("[" * 70 + "]" * 70)
FAULTY: list[tuple[dict[str, Any], str]] = [
    ({"event": "x"}, "`userId` and `anonymousId` are missing"),
    ({"userId": "", "event": "x"}, "`userId` and `anonymousId` are missing"),
    ({"event": "x", "context": {"externalIds": [{"type": "line", "id": ""}, 3]}}, "are missing"),
    ({"userId": "u"}, "a track needs `event`"),
    ({"userId": "u", "type": "group"}, "a group needs `groupId`"),
    ({"userId": "u", "type": "alias"}, "an alias needs `userId` and `previousId`"),
    ({"userId": "u", "type": None}, "`type` is missing"),
    ({"userId": "u", "type": "Track"}, "`type` is 'Track'; it is one of identify, track"),
    ({"userId": 1.5, "event": "x"}, "$.userId"),
    ({"userId": "u", "event": "x", "properties": []}, "$.properties"),
    ({"userId": "u", "event": "x", "timestamp": "yesterday"}, "not an ISO 8601 time"),
    ({"userId": "u", "event": "x", "timestamp": "0001-01-01T00:00:00Z"}, "outside the years"),
    ({"userId": "u" * 513, "event": "x"}, "`userId` has 513 characters"),
    ({"userId": "u", "event": "x" * 1001}, "the name has 1001 characters"),
    ({"userId": "u", "event": "x", "properties": {"a": "\x00"}}, "U+0000"),
    ({"userId": "u", "event": "x", "properties": {"a": NESTED}}, "nested deeper than 64"),
    ({"userId": "u", "type": "identify", "traits": {"n": 2**70}}, "more than 64 bits"),
]


@pytest.mark.parametrize(("event", "said"), FAULTY, ids=[said for _, said in FAULTY])
def test_a_faulty_event_is_named_and_nothing_of_its_batch_is_stored(
    collector: str, sent: Sent, event: dict[str, Any], said: str
) -> None:
    good = {"type": "track", "userId": "u", "event": "x"}
    batch = [good, {"type": "track", **event}, good]
    answer = post(collector, "batch", {"batch": batch}, sent.key)
    told = answer.json()
    assert (answer.status_code, told["success"], told["code"]) == (400, False, "invalid")
    assert "batch[1]" in told["message"]
    assert said in told["message"]
    assert sent.rows() == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"batch": 1}', b'{"batch": []}', b"\xff", b'{"batch":[1]}'],
)
def test_what_is_no_batch_is_refused(collector: str, sent: Sent, body: bytes) -> None:
    answer = post(collector, "batch", body, sent.key)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_the_limits_are_told(collector: str, sent: Sent) -> None:
    track = CALL_BODIES["track"]
    fitting = {**track, "type": "track", "properties": {"text": "x" * (MAX_MESSAGE_BYTES - 200)}}
    large = {**track, "type": "track", "properties": {"text": "x" * MAX_MESSAGE_BYTES}}
    assert post(collector, "batch", {"batch": [fitting] * 10}, sent.key).status_code == 200
    one = post(collector, "batch", {"batch": [fitting, large]}, sent.key)
    many = post(collector, "batch", {"batch": [fitting] * 20}, sent.key)
    assert (one.status_code, many.status_code) == (413, 413)
    assert "batch[1]" in one.json()["message"]
    assert str(MAX_MESSAGE_BYTES) in one.json()["message"]
    assert str(MAX_BATCH_BYTES) in many.json()["message"]
    assert len(sent.rows()) == 10


def test_a_gzip_bomb_costs_no_more_than_a_batch(collector: str, sent: Sent) -> None:
    bomb = gzip.compress(b" " * (100 << 20))
    headers = {"content-encoding": "gzip"}
    started = time.monotonic()
    assert post(collector, "batch", bomb, sent.key, headers=headers).status_code == 413
    assert time.monotonic() - started < 5
    for damaged in (b"plain", bomb[:100], gzip.compress(b"{}")[:-4]):
        assert post(collector, "batch", damaged, sent.key, headers=headers).status_code == 400
    unknown = {"content-encoding": "br"}
    assert post(collector, "batch", b"x", sent.key, headers=unknown).status_code == 415


def test_other_ways_in_lead_nowhere(collector: str, sent: Sent) -> None:
    assert httpx.get(f"{collector}/v1/health").json() == {"status": "ok"}
    wrong = httpx.post(f"{collector}/v1/export", auth=(sent.key, ""))
    assert wrong.status_code == 404
    assert all(f"/v1/{call}" in wrong.json()["message"] for call in CALLS)
    assert httpx.get(f"{collector}/v1/track", auth=(sent.key, "")).status_code == 405
