"""The load of a bench: a process that posts batches of events at an even rate.

It reads one `Load` as JSON from its standard input and prints one `Posted`; it is a process of
its own so that its share of the processor can be told apart.
"""

from __future__ import annotations

import base64
import http.client
import random
import subprocess
import sys
import threading
import time
from itertools import count

import msgspec

from tsunagu.core.times import iso, wall

CONNECTIONS = 4
COMMON = ("Product Viewed",) * 6 + ("Cart Updated",) * 2 + ("Order Completed", "Checkout Started")
TRIGGER = "Cart Abandoned"


class Load(msgspec.Struct):
    """What to post: `rate` events a second for `seconds`, about `customers` customers.

    `trigger` is the share of events that start a journey; with `fresh` they come from
    customers numbered from `fresh` on, each once.
    """

    host: str
    port: int
    key: str
    seconds: float
    rate: float
    batch: int
    customers: int
    trigger: float = 0.0
    fresh: int | None = None
    name: str = "load"


class Posted(msgspec.Struct):
    """What came of it. Seconds of processor time are this process's own."""

    events: int
    refused: int
    seconds: float
    cpu_seconds: float
    slowest_seconds: float


def run_load(load: Load) -> Posted:
    """Post the load from a process of its own and wait for its end."""
    done = subprocess.run(
        [sys.executable, "-m", "tsunagu.runtime.bench.load"],
        input=msgspec.json.encode(load),
        stdout=subprocess.PIPE,
        check=True,
        timeout=load.seconds * 3 + 60,
    )
    return msgspec.json.decode(done.stdout, type=Posted)


class _Poster:
    """Shared by the connections: whose turn it is, and what was posted."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._numbers = count()
        self._lock = threading.Lock()
        self._chance = random.Random(load.name)  # noqa: S311 - a load, not a secret
        self._fresh = count(load.fresh or 0)
        self._batches = max(1, round(load.rate * load.seconds / load.batch))
        self.posted = Posted(0, 0, 0.0, 0.0, 0.0)
        self.start = time.monotonic()

    def run(self) -> None:
        """One connection: take the next batch, wait for its time, post it."""
        load = self._load
        connection = http.client.HTTPConnection(load.host, load.port, timeout=60)
        token = base64.b64encode(f"{load.key}:".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        while True:
            with self._lock:
                number = next(self._numbers)
                body = self._body(number) if number < self._batches else b""
            if not body:
                return
            due = self.start + number * load.batch / load.rate
            time.sleep(max(0.0, due - time.monotonic()))
            before = time.monotonic()
            connection.request("POST", "/v1/batch", body, headers)
            answer = connection.getresponse()
            answer.read()
            with self._lock:
                self._note(answer.status, time.monotonic() - before)

    def _note(self, status: int, seconds: float) -> None:
        posted = self.posted
        posted.slowest_seconds = max(posted.slowest_seconds, seconds)
        if status == http.client.OK:
            posted.events += self._load.batch
        else:
            posted.refused += self._load.batch

    def _body(self, number: int) -> bytes:
        at = iso(wall())
        events = ",".join(self._event(number, place, at) for place in range(self._load.batch))
        return f'{{"batch":[{events}]}}'.encode()

    def _event(self, number: int, place: int, at: str) -> str:
        load, chance = self._load, self._chance
        customer = chance.randrange(load.customers)
        name = chance.choice(COMMON)
        if chance.random() < load.trigger:
            name = TRIGGER
            customer = next(self._fresh) if load.fresh is not None else customer
        return (
            f'{{"type":"track","event":"{name}","userId":"u{customer}",'
            f'"messageId":"{load.name}-{number}-{place}","timestamp":"{at}",'
            f'"context":{{"page":{{"path":"/p/{customer % 997}"}},"locale":"ja-JP"}},'
            f'"properties":{{"product_id":"p{customer % 997}","total":{customer % 90}}}}}'
        )


def post(load: Load) -> Posted:
    """Post the load from this process."""
    poster = _Poster(load)
    threads = [threading.Thread(target=poster.run) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    poster.posted.seconds = time.monotonic() - poster.start
    poster.posted.cpu_seconds = time.process_time()
    return poster.posted


if __name__ == "__main__":
    result = post(msgspec.json.decode(sys.stdin.buffer.read(), type=Load))
    sys.stdout.buffer.write(msgspec.json.encode(result))
