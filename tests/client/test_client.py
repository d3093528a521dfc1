"""The client kit against the real collector and API, with the faults that networks have."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from faulty import Fault, Proxy, Space

from tsunagu.client import (
    Api,
    AsyncApi,
    AsyncCollector,
    Collector,
    NotTaken,
    QueueFull,
    Refused,
    Unreachable,
)

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/client_kit.py"
PAGE = ROOT / "docs/client.md"
FAULTS: list[Fault] = [503, "lost", 429, "slow"]


def test_every_call_arrives_in_order_and_once(collector: str, space: Space) -> None:
    with Collector(space.write_key, collector) as client:
        client.identify("u1", {"email": "hanako@example.com", "name": "花子"})
        client.track("Order Completed", {"total": 1200}, user_id="u1", message_id="order 7")
        client.page("Top", anonymous_id="a1")
        client.screen("Cart", user_id="u1")
        client.group("g1", {"plan": "gold"}, user_id="u1")
        client.alias("a1", "u1")
    assert [name for _, name in space.rows()] == ["", "Order Completed", "Top", "Cart", "", ""]
    assert space.rows()[1][0] == "order 7"


def test_faults_lose_nothing_and_repeats_are_the_same_events(proxy: Proxy, space: Space) -> None:
    failed: list[NotTaken] = []
    proxy.faults.extend(FAULTS)
    with Collector(
        space.write_key, proxy.url, batch_size=10, timeout=0.7, on_error=failed.append
    ) as client:
        told = [client.track("Seen", {"n": n}, user_id=f"u{n}") for n in range(40)]
    arrived = Counter(message for message, _ in space.rows())
    assert failed == []
    assert list(arrived) == told
    assert sum(arrived.values()) > 40, "the lost and the slow answer made repeats"
    assert proxy.packed == proxy.requests


def test_only_the_guilty_of_a_batch_is_refused(collector: str, space: Space) -> None:
    failed: list[NotTaken] = []
    with Collector(space.write_key, collector, on_error=failed.append) as client:
        for number in range(20):
            client.track("bad\0" if number == 13 else "Seen", user_id=f"u{number}")
    assert len(space.rows()) == 19
    (failure,) = failed
    assert [message["event"] for message in failure.messages] == ["bad\0"]
    assert isinstance(failure.cause, Refused)
    assert failure.cause.status == 400


def test_a_wrong_key_is_told_at_once(collector: str) -> None:
    failed: list[NotTaken] = []
    with Collector("nobody's", collector, on_error=failed.append) as client:
        client.track("Seen", user_id="u")
    assert isinstance(failed[0].cause, Refused)
    assert failed[0].cause.status == 401


def test_a_full_queue_says_so_and_given_up_events_come_back(proxy: Proxy, space: Space) -> None:
    failed: list[NotTaken] = []
    proxy.faults.extend([503] * 1000)
    client = Collector(
        space.write_key, proxy.url, queue_size=3, give_up=0.5, on_error=failed.append
    )
    for _ in range(3):
        client.track("Seen", user_id="u")
    with pytest.raises(QueueFull, match="3 events wait"):
        client.track("Seen", user_id="u")
    assert client.flush(10)
    assert sum(len(one.messages) for one in failed) == 3
    assert all(isinstance(one.cause, Unreachable) for one in failed)
    client.track("Late", user_id="u")
    began = time.monotonic()
    client._give_up = 100  # the next batch would be tried for long
    client.track("Later", user_id="u")
    assert not client.close(0.3)
    assert time.monotonic() - began < 5
    assert sum(len(one.messages) for one in failed) == 5


def test_what_can_never_be_taken_is_refused_at_the_call(collector: str, space: Space) -> None:
    with Collector(space.write_key, collector) as client:
        with pytest.raises(ValueError, match="user_id or anonymous_id"):
            client.track("Seen")
        with pytest.raises(ValueError, match="JSON"):
            client.track("Seen", {"a": object()}, user_id="u")
        with pytest.raises(ValueError, match="zone"):
            client.track("Seen", user_id="u", timestamp=datetime(2026, 1, 1))
        with pytest.raises(Refused, match="32768"):
            client.track("Seen", {"a": "x" * 40_000}, user_id="u")
    assert space.rows() == []


PROGRAM = """
import os
from tsunagu.client import Collector
client = Collector(os.environ["KEY"], os.environ["URL"], interval=60)
client.track("Seen", user_id="u")
"""


def test_the_end_of_a_program_delivers_what_is_left(collector: str, space: Space) -> None:
    environment = {**os.environ, "KEY": space.write_key, "URL": collector}
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True, timeout=30)
    assert len(space.rows()) == 1


def test_the_event_loop_delivers_alike(proxy: Proxy, space: Space) -> None:
    async def story() -> list[str]:
        proxy.faults.extend(["cut", "lost", 502])
        async with AsyncCollector(space.write_key, proxy.url, batch_size=10, timeout=0.7) as client:
            told = [client.track("Seen", {"n": n}, user_id=f"u{n}") for n in range(40)]
            assert await client.flush(30)
            return told

    told = asyncio.run(story())
    assert list(dict(space.rows())) == told


def test_the_event_loop_gives_back_what_it_could_not_deliver(proxy: Proxy, space: Space) -> None:
    failed: list[NotTaken] = []

    async def story() -> bool:
        proxy.faults.extend([503] * 1000)
        client = AsyncCollector(space.write_key, proxy.url, queue_size=2, on_error=failed.append)
        client.track("Seen", user_id="u")
        client.track("Seen", user_id="u")
        with pytest.raises(QueueFull):
            client.track("Seen", user_id="u")
        return await client.close(0.3)

    assert not asyncio.run(story())
    assert sum(len(one.messages) for one in failed) == 2


@pytest.mark.usefixtures("pipeline")
def test_profiles_are_read_and_documents_published(collector: str, api: str, space: Space) -> None:
    with Collector(space.write_key, collector) as client:
        client.identify("u/1", {"name": "花子"})
        client.track("Order Completed", {"total": 3}, user_id="u/1")
    with Api(space.api_key, api) as found:
        rule = {"title": {"en": "Buyers", "ja": "購入者"}, "rule": "did('Order Completed') >= 1"}
        made = found.publish("audience", "buyers", rule)
        assert (made.version, found.publish("audience", "buyers", rule).version) == (1, 1)
        with pytest.raises(Refused, match="HTTP 4"):
            found.publish("audience", "broken", {**rule, "rule": "did("})
        until = time.monotonic() + 20
        while (profile := found.profile("user_id", "u/1")) is None or not profile.is_in("buyers"):
            assert time.monotonic() < until
            time.sleep(0.1)
        assert profile.traits["name"] == "花子"
        assert {one.name for one in profile.events} >= {"", "Order Completed"}
        assert found.profile("user_id", "nobody") is None
        assert found.journey("none") is None
    with Api("no key", api) as stranger, pytest.raises(Refused, match="HTTP 401"):
        stranger.profile("user_id", "u/1")
    with Api(space.api_key, "http://127.0.0.1:9", give_up=0.3) as away, pytest.raises(Unreachable):
        away.profile("user_id", "u/1")

    async def read() -> str:
        async with AsyncApi(space.api_key, api) as found:
            profile = await found.profile("user_id", "u/1", events=1)
            assert profile is not None
            assert await found.journey("none") is None
            return profile.customer_id

    assert asyncio.run(read()) == profile.customer_id


@pytest.mark.usefixtures("pipeline")
def test_the_example_runs(collector: str, api: str, space: Space) -> None:
    environment = {
        **os.environ,
        "TSUNAGU_WRITE_KEY": space.write_key,
        "TSUNAGU_API_KEY": space.api_key,
        "TSUNAGU_COLLECT_URL": collector,
        "TSUNAGU_API_URL": api,
    }
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "Yui Tanaka bought 1 times" in done.stdout
    (shown,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown.strip() in EXAMPLE.read_text(encoding="utf-8")
