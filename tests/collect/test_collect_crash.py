"""The collector dies or is stopped under load: what was answered with 200 is in the log."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from subprocess import Popen

import httpx
import pytest
from collecting import Sent

Start = Callable[..., AbstractContextManager[tuple[str, "Popen[bytes]"]]]
BATCH = 20
CLIENTS = 4


class Load:
    """Clients that send batches without pause and keep what was not acknowledged."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.acknowledged: list[str] = []
        self.unanswered: list[list[str]] = []
        self.statuses: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def run(self, url: str, disturb: Callable[[], None]) -> None:
        """Send until a client has lost its connection; meanwhile disturb the collector."""
        threads = [threading.Thread(target=self._client, args=(url, n)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        disturb()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()

    def wait_for(self, events: int) -> None:
        """Until so many events are acknowledged."""
        deadline = time.monotonic() + 30
        while len(self.acknowledged) < events:
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def retry(self, url: str) -> None:
        """Send again, with the same ids, what was not acknowledged."""
        with httpx.Client(auth=(self.key, "")) as client:
            for ids in self.unanswered:
                client.post(f"{url}/v1/batch", content=body(ids)).raise_for_status()
                self.acknowledged += ids

    def _client(self, url: str, number: int) -> None:
        with httpx.Client(auth=(self.key, ""), timeout=30) as client:
            for batch in range(100_000):
                ids = [f"{number}-{batch}-{event}" for event in range(BATCH)]
                try:
                    answer = client.post(f"{url}/v1/batch", content=body(ids))
                except httpx.TransportError:
                    with self._lock:
                        self.unanswered.append(ids)
                    return
                with self._lock:
                    self.statuses[answer.status_code] += 1
                    (self.acknowledged.extend if answer.is_success else self.keep)(ids)

    def keep(self, ids: list[str]) -> None:
        """Remember a batch that was refused for now."""
        self.unanswered.append(ids)


def body(ids: list[str]) -> bytes:
    events = [{"type": "track", "userId": "u", "event": "x", "messageId": i} for i in ids]
    return json.dumps({"batch": events}).encode()


def stored(sent: Sent) -> Counter[str]:
    return Counter(row["message_id"] for row in sent.rows())


def check(load: Load, sent: Sent, collector: str) -> None:
    before = stored(sent)
    assert set(load.acknowledged) <= set(before)
    unanswered = {i for ids in load.unanswered for i in ids}
    load.retry(collector)
    after = stored(sent)
    assert set(after) == set(load.acknowledged)
    # Whoever was answered is there exactly once; a repeat can only be of an unanswered retry.
    assert {i for i, times in after.items() if times > 1} <= unanswered
    assert max(after.values()) <= 2


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_loses_nothing_that_was_acknowledged(
    collector: str, collector_process: Start, sent: Sent, seed: int
) -> None:
    load = Load(sent.key)
    with collector_process() as (url, process):

        def kill() -> None:
            load.wait_for(random.Random(seed).randint(1, 1000))
            process.kill()

        load.run(url, kill)
    check(load, sent, collector)


@pytest.mark.parametrize("place", ["collect.before_commit:7", "collect.after_commit:7"])
def test_a_kill_around_the_commit_loses_nothing(
    collector: str, collector_process: Start, sent: Sent, place: str
) -> None:
    load = Load(sent.key)
    with collector_process(TSUNAGU_FAILPOINT=place) as (url, process):
        load.run(url, lambda: None)
        assert process.wait(20) == -signal.SIGKILL
    unanswered = {i for ids in load.unanswered for i in ids}
    there = unanswered & set(stored(sent))
    assert bool(there) is place.startswith("collect.after")
    check(load, sent, collector)


def test_a_stop_answers_whoever_came_in(
    collector: str, collector_process: Start, sent: Sent
) -> None:
    load = Load(sent.key)
    with collector_process() as (url, process):

        def stop() -> None:
            load.wait_for(500)
            process.terminate()

        load.run(url, stop)
        assert process.wait(20) == 0
    assert set(load.statuses) <= {200, 503}
    # nothing is in the log that its sender was not told of
    assert stored(sent) == Counter(load.acknowledged)
    check(load, sent, collector)
