"""Whatever is sent, the answer is honest: stored and 200, or refused with the reason."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
from collecting import Sent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsunagu.collect import CALLS
from tsunagu.core import decode_body
from tsunagu.core.events import TYPES

CLIENT = httpx.Client()
FUZZ = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
texts = st.text(max_size=20) | st.sampled_from(["\x00", "\ud800", "\\u0000", "\t\n\\", "😀", "\\."])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=4)
times = st.datetimes().map(str) | texts | st.just("2026-01-02T03:04:05Z")
event = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(TYPES) | texts,
        "messageId": texts,
        "userId": texts | st.integers(),
        "anonymousId": texts,
        "previousId": texts,
        "groupId": texts,
        "event": texts,
        "name": texts,
        "properties": objects,
        "traits": objects,
        "context": objects,
        "timestamp": times,
        "sentAt": times,
    },
)
likely = st.builds(
    lambda e, extra: {**extra, **e},
    st.fixed_dictionaries(
        {"type": st.just("track"), "userId": st.just("u"), "event": st.just("x")},
        optional={"properties": objects, "context": objects, "messageId": st.text(max_size=9)},
    ),
    st.dictionaries(texts, values, max_size=2),
)


def send(collector: str, sent: Sent, call: str, content: bytes, **headers: str) -> httpx.Response:
    url = f"{collector}/v1/{call}"
    return CLIENT.post(url, content=content, auth=(sent.key, ""), headers=headers)


def check(answer: httpx.Response, sent: Sent, before: int, expected: int) -> None:
    """A 200 stored every event, anything else none, and said why."""
    with sent.database.connect("pipeline") as connection:
        stored = connection.execute(
            "select body from inbox where workspace_id = %s order by position offset %s",
            (sent.workspace, before),
        ).fetchall()
    told = answer.json()
    if answer.status_code == 200:
        assert len(stored) == expected
        for (body,) in stored:
            decode_body(body)
    else:
        assert answer.status_code in (400, 413), told
        assert told["message"]
        assert stored == []


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def count(sent: Sent) -> int:
    with sent.database.connect("pipeline") as connection:
        row = connection.execute(
            "select count(*) from inbox where workspace_id = %s", (sent.workspace,)
        ).fetchone()
    assert row is not None
    return row[0]


@FUZZ
@given(batch=st.lists(event | likely | values, max_size=4), packed=st.booleans())
def test_any_batch(collector: str, sent: Sent, batch: list[Any], packed: bool) -> None:
    before = count(sent)
    content = as_json({"batch": batch})
    headers = {"content-encoding": "gzip"} if packed else {}
    answer = send(
        collector, sent, "batch", gzip.compress(content) if packed else content, **headers
    )
    check(answer, sent, before, len(batch))


@FUZZ
@given(batch=st.lists(likely, min_size=1, max_size=4))
def test_complete_events(collector: str, sent: Sent, batch: list[Any]) -> None:
    before = count(sent)
    check(send(collector, sent, "batch", as_json({"batch": batch})), sent, before, len(batch))


@FUZZ
@given(call=st.sampled_from(CALLS), body=event | likely | values)
def test_any_single_call(collector: str, sent: Sent, call: str, body: Any) -> None:
    before = count(sent)
    check(send(collector, sent, call, as_json(body)), sent, before, 1)


@FUZZ
@given(call=st.sampled_from(CALLS), content=st.binary(max_size=200), packed=st.booleans())
def test_any_bytes(collector: str, sent: Sent, call: str, content: bytes, packed: bool) -> None:
    headers = {"content-encoding": "gzip"} if packed else {}
    before = count(sent)
    check(send(collector, sent, call, content, **headers), sent, before, 1)


@FUZZ
@given(depth=st.integers(1, 100) | st.integers(1, 15_000), opening=st.sampled_from(["[", '{"a":']))
def test_any_depth(collector: str, sent: Sent, depth: int, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    nested = min(depth, 16_000 // len(opening))
    value = opening * nested + ("1" if opening != "[" else "") + closing * nested
    content = f'{{"userId":"u","event":"x","properties":{{"a":{value}}}}}'.encode()
    before = count(sent)
    check(send(collector, sent, "track", content), sent, before, 1)
