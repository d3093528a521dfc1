"""Calls of other systems, as a collector that really listens takes them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from sourcing import Shop

from tsunagu.access import workspace_by_id
from tsunagu.collect import run
from tsunagu.collect.sources import list_sources, pause, put_source, resume, webhook_path
from tsunagu.collect.sources.models import Signature
from tsunagu.collect.sources.signatures import Forged, check
from tsunagu.core import Invalid
from tsunagu.core.times import SECOND, wall
from tsunagu.storage import in_workspace

SECRET = "whsec-for-tests"
MAPPING = {
    "name": "shop",
    "at": {"column": "created_at"},
    "user_id": "customer.id",
    "events": [{"name": "Order Completed", "properties": {"total": "total"}}],
}
ORDER = {"id": 1, "created_at": "2026-05-04T12:00:00Z", "customer": {"id": "u1"}, "total": 5}


def mac(body: bytes, secret: str = SECRET) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).digest()


@dataclass
class Door:
    """A webhook at a collector that listens."""

    shop: Shop
    url: str
    client: httpx.Client

    def post(self, told: Any, headers: dict[str, str] | None = None, **more: str) -> httpx.Response:
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        signed = {"x-hub-signature-256": f"sha256={mac(body).hex()}", **more}
        return self.client.post(self.url, content=body, headers=headers or signed)


@pytest.fixture
def collector(shop: Shop) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stop = Event()
    told = {"host": "127.0.0.1", "port": port, "stop": stop, "vault": shop.vault}
    thread = Thread(target=run, args=(shop.database,), kwargs=told)
    thread.start()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/v1/health")
            break
        except httpx.TransportError:
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    stop.set()
    thread.join(20)


@pytest.fixture
def door(shop: Shop, collector: str) -> Iterator[Door]:
    document = {"from": {"kind": "webhook", "signature": {"scheme": "github"}}, "mapping": MAPPING}
    with (
        shop.database.connect("app") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        found = workspace_by_id(cursor, shop.workspace)
        put_source(cursor, found, "hook", document, {"secret": SECRET}, shop.vault, "test")
        path = webhook_path(cursor, shop.workspace, "hook")
    with httpx.Client() as client:
        yield Door(shop, f"{collector}{path}", client)


def test_no_source_is_called_as_the_platform_is(shop: Shop) -> None:
    with pytest.raises(Invalid, match="platform's own events"):
        shop.add("tsunagu", {"kind": "webhook"}, secrets={"secret": SECRET})


def test_a_signed_call_is_durable_before_it_is_answered(door: Door) -> None:
    assert door.post(ORDER, **{"x-github-delivery": "d-1"}).status_code == 200
    [event] = door.shop.events("hook")
    assert (event["user_id"], event["properties"]) == ("u1", {"total": 5})
    assert event["at"].isoformat() == "2026-05-04T12:00:00+00:00"


def test_the_same_delivery_has_the_same_message_id(door: Door) -> None:
    for _ in range(2):
        assert door.post(ORDER, **{"x-github-delivery": "d-1"}).status_code == 200
    assert door.post(ORDER, **{"x-github-delivery": "d-2"}).status_code == 200
    ids = [event["message_id"] for event in door.shop.events("hook")]
    assert ids[0] == ids[1] != ids[2]


def test_a_forged_call_is_refused(door: Door) -> None:
    body = json.dumps(ORDER).encode()
    wrong = {"x-hub-signature-256": f"sha256={mac(body, 'other').hex()}"}
    for headers in (wrong, {"x-hub-signature-256": "sha256=zz"}, {"x-other": "1"}):
        answer = door.post(ORDER, headers)
        assert answer.status_code == 401
        assert SECRET not in answer.text
    assert door.shop.events("hook") == []


def test_what_cannot_be_mapped_is_kept(door: Door) -> None:
    nobody = {"created_at": "2026-05-04T12:00:00Z", "customer": {"id": None}, "total": 5}
    for told in (nobody, {"another": "form"}, b"no json"):
        assert door.post(told).status_code == 200
    assert door.shop.events("hook") == []
    letters = door.shop.letters("hook")
    assert len(letters) == 3
    assert any(text == "no json" for _, text in letters)
    # sent again it is the same dead letter
    assert door.post(b"no json").status_code == 200
    assert len(door.shop.letters("hook")) == 3


def test_what_came_is_counted(door: Door) -> None:
    door.post(ORDER)
    door.post(b"no json")
    door.post(ORDER, {"x-hub-signature-256": "sha256=00"})
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with (
            door.shop.database.connect("app") as connection,
            in_workspace(connection, door.shop.workspace) as cursor,
        ):
            [listed] = list_sources(cursor, door.shop.workspace)
        if listed.calls is not None:
            break
        time.sleep(0.2)
    assert listed.calls is not None
    told = listed.calls
    assert (told.calls, told.events, told.refused, told.forged) == (2, 1, 1, 1)
    assert listed.events_today == 1


def test_an_unknown_door_and_a_paused_one_are_closed(door: Door) -> None:
    assert door.client.post(f"{door.url}x", content=b"{}").status_code == 404
    with (
        door.shop.database.connect("app") as connection,
        in_workspace(connection, door.shop.workspace) as cursor,
    ):
        pause(cursor, door.shop.workspace, "hook")
    assert door.post(ORDER).status_code == 404
    with (
        door.shop.database.connect("app") as connection,
        in_workspace(connection, door.shop.workspace) as cursor,
    ):
        resume(cursor, door.shop.workspace, "hook")
    assert door.post(ORDER).status_code == 200


NOW = wall() // SECOND * SECOND
STAMP = str(NOW // SECOND)
BODY = b'{"id":1}'


def encoded(told: bytes) -> str:
    return base64.b64encode(told).decode()


GOOD = {
    "github": ({}, {"x-hub-signature-256": f"sha256={mac(BODY).hex()}"}),
    "shopify": ({}, {"x-shopify-hmac-sha256": encoded(mac(BODY))}),
    "line": ({}, {"x-line-signature": encoded(mac(BODY))}),
    "stripe": (
        {},
        {"stripe-signature": f"t={STAMP},v1={mac(f'{STAMP}.'.encode() + BODY).hex()},v1=00"},
    ),
    "slack": (
        {},
        {
            "x-slack-signature": f"v0={mac(f'v0:{STAMP}:'.encode() + BODY).hex()}",
            "x-slack-request-timestamp": STAMP,
        },
    ),
    "standard": (
        {},
        {
            "webhook-id": "msg_1",
            "webhook-timestamp": STAMP,
            "webhook-signature": f"v1,AAAA v1,{encoded(mac(f'msg_1.{STAMP}.'.encode() + BODY))}",
        },
    ),
    "hmac": (
        {
            "header": "X-Sig",
            "encoding": "base64",
            "signed": "{timestamp}:{body}",
            "timestamp_header": "X-Time",
        },
        {"x-sig": encoded(mac(f"{STAMP}:".encode() + BODY)), "x-time": STAMP},
    ),
}
STAMPED = ("stripe", "slack", "standard", "hmac")


@pytest.mark.parametrize("scheme", GOOD)
def test_each_scheme_proves_its_sender(scheme: str) -> None:
    told, headers = GOOD[scheme]
    signature = Signature.model_validate({"scheme": scheme, **told})
    check(signature, SECRET, headers, BODY, NOW)
    for body, secret in ((BODY + b" ", SECRET), (BODY, "another")):
        with pytest.raises(Forged):
            check(signature, secret, headers, body, NOW)
    with pytest.raises(Forged):
        check(signature, SECRET, {}, BODY, NOW)


@pytest.mark.parametrize("scheme", STAMPED)
def test_a_call_from_another_time_is_refused(scheme: str) -> None:
    told, headers = GOOD[scheme]
    signature = Signature.model_validate({"scheme": scheme, **told})
    for seconds in (301, -301):
        with pytest.raises(Forged, match="300 seconds"):
            check(signature, SECRET, headers, BODY, NOW + seconds * SECOND)


def test_the_example_of_github() -> None:
    """From GitHub's documentation of validating deliveries."""
    headers = {
        "x-hub-signature-256": "sha256="
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    }
    signature = Signature(scheme="github")
    check(signature, "It's a Secret to Everybody", headers, b"Hello, World!", NOW)
