"""Events become calls of the Segment spec without being written anew."""

from __future__ import annotations

import json

from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.core.times import parse_time
from tsunagu.runtime.demo.posting import call_of


def test_a_call_carries_the_envelope_and_the_body() -> None:
    at = parse_time("2017-10-30T13:00:00Z")
    body = encode_body(Body(properties={"total": 1.5, "店": "東京"}, context={"synthetic": True}))
    event = NewEvent("order-1", "track", "Order Completed", "household-1", None, at, "store", body)
    assert json.loads(call_of(event)) == {
        "type": "track",
        "messageId": "order-1",
        "event": "Order Completed",
        "userId": "household-1",
        "timestamp": "2017-10-30T13:00:00.000Z",
        "properties": {"total": 1.5, "店": "東京"},
        "context": {"synthetic": True},
    }


def test_an_event_without_a_body_is_a_call_too() -> None:
    event = NewEvent("m", "page", "", None, "device", None, "web", encode_body(Body()))
    assert json.loads(call_of(event)) == {
        "type": "page",
        "messageId": "m",
        "anonymousId": "device",
    }
