"""Sending events from a program with threads: calls return at once, a thread delivers."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from tsunagu.client.calls import Calls
from tsunagu.client.delivery import Answer, Post, answer_of, deliver, no_answer
from tsunagu.client.errors import ClientError, NotTaken, QueueFull, Unreachable
from tsunagu.client.messages import Message, fits

_log = logging.getLogger("tsunagu.client")
OnError = Callable[[NotTaken], None]


def log_error(error: NotTaken) -> None:
    """What is done with events that were given up, unless you say otherwise."""
    _log.error("%s", error)


class Collector(Calls):
    """Delivers events in batches from a thread of its own, which starts with the first call.

    Args:
        write_key: the workspace's write key.
        url: the collector's address.
        queue_size: how many events may wait; a call beyond raises `QueueFull`.
        wait_for_room: how many seconds a call waits for room before that.
        batch_size: the most events of one request.
        interval: how long an event waits for others, in seconds.
        timeout: how long one request may take, in seconds.
        give_up: how long a batch is tried, in seconds.
        at_exit: how long the end of the program waits for what is left, in seconds.
        on_error: told of events that were given up, from the thread; logs by default.
    """

    def __init__(
        self,
        write_key: str,
        url: str = "http://127.0.0.1:8082",
        *,
        queue_size: int = 10_000,
        wait_for_room: float = 0.0,
        batch_size: int = 100,
        interval: float = 0.5,
        timeout: float = 15.0,
        give_up: float = 600.0,
        at_exit: float = 10.0,
        on_error: OnError = log_error,
    ) -> None:
        self._http = httpx.Client(base_url=url, auth=(write_key, ""), timeout=timeout)
        self._size, self._room_seconds = queue_size, wait_for_room
        self._batch_size, self._interval = batch_size, interval
        self._give_up, self._at_exit = give_up, at_exit
        self._on_error = on_error
        self._waiting: deque[Message] = deque()
        self._in_hand = 0
        self._changed = threading.Condition()
        self._hurry = 0
        self._closing = threading.Event()
        self._abandoned = False
        self._thread: threading.Thread | None = None
        atexit.register(self._leave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until every event so far is delivered or given up; False if it took too long."""
        with self._changed:
            self._hurry += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(self._idle, timeout)
            finally:
                self._hurry -= 1

    def close(self, timeout: float | None = None) -> bool:
        """Deliver what is left and end; False if events had to be given up for the time."""
        if self._closing.is_set():
            return True
        done = self.flush(timeout)
        self._abandoned = not done
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        atexit.unregister(self._leave)
        self._http.close()
        return done

    def _leave(self) -> None:
        self.close(self._at_exit)

    def _idle(self) -> bool:
        return not self._waiting and not self._in_hand

    def _enqueue(self, one: Message) -> None:
        if self._closing.is_set():
            raise QueueFull("The collector is closed.")
        with self._changed:
            room = self._changed.wait_for(self._has_room, self._room_seconds)
            if not room:
                raise QueueFull(f"{self._size} events wait already; the platform is away or slow.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tsunagu", daemon=True)
                self._thread.start()
            self._waiting.append(one)
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return len(self._waiting) + self._in_hand < self._size

    def _run(self) -> None:
        while batch := self._next():
            for failure in self._deliver(batch):
                self._on_error(failure)
            with self._changed:
                self._in_hand = 0
                self._changed.notify_all()

    def _next(self) -> list[Message]:
        """The next batch, when it is full, its first event has waited, or somebody is in a
        hurry; nothing once the collector is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
            self._changed.wait_for(self._ripe, self._interval)
            batch: list[Message] = []
            size = 0
            while self._waiting and len(batch) < self._batch_size:
                if batch and not fits(size, self._waiting[0]):
                    break
                one = self._waiting.popleft()
                size += len(one.body) + 1
                batch.append(one)
            self._in_hand = len(batch)
            return batch

    def _ripe(self) -> bool:
        full = len(self._waiting) >= self._batch_size
        return full or self._hurry > 0 or self._closing.is_set()

    def _deliver(self, batch: list[Message]) -> list[NotTaken]:
        walk = deliver(batch, self._give_up, time.monotonic)
        answer: Answer | None = None
        try:
            while not self._abandoned:
                step = walk.send(answer)
                if isinstance(step, Post):
                    answer = self._post(step)
                else:
                    self._closing.wait(step.seconds)
                    answer = None
        except StopIteration as end:
            return end.value
        cause: ClientError = Unreachable("The program ended first")
        return [NotTaken([one.readable() for one in batch], cause)]

    def _post(self, step: Post) -> Answer:
        try:
            found = self._http.post("/v1/batch", content=step.body, headers=step.headers)
        except httpx.HTTPError as error:
            return no_answer(error)
        return answer_of(found.status_code, found.headers, found.content)
