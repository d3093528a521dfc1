"""Sending events from a program with an event loop: calls return at once, a task delivers."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from types import TracebackType
from typing import Self

import httpx

from tsunagu.client.calls import Calls
from tsunagu.client.collect import OnError, log_error
from tsunagu.client.delivery import Answer, Post, Walk, answer_of, deliver, no_answer
from tsunagu.client.errors import ClientError, NotTaken, QueueFull, Unreachable
from tsunagu.client.messages import Message, fits


class AsyncCollector(Calls):
    """Delivers events in batches from a task; use it with `async with`, which delivers the rest.

    The arguments are those of `Collector`; a call never waits for room.
    """

    def __init__(
        self,
        write_key: str,
        url: str = "http://127.0.0.1:8082",
        *,
        queue_size: int = 10_000,
        batch_size: int = 100,
        interval: float = 0.5,
        timeout: float = 15.0,
        give_up: float = 600.0,
        on_error: OnError = log_error,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=url, auth=(write_key, ""), timeout=timeout)
        self._size, self._batch_size, self._interval = queue_size, batch_size, interval
        self._give_up, self._on_error = give_up, on_error
        self._waiting: deque[Message] = deque()
        self._in_hand: list[Message] = []
        self._more, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._hurry = 0
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def flush(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109
        """Wait until every event so far is delivered or given up; False if it took too long."""
        self._hurry += 1
        self._more.set()
        try:
            async with asyncio.timeout(timeout):
                await self._idle.wait()
        except TimeoutError:
            return False
        finally:
            self._hurry -= 1
        return True

    async def close(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109
        """Deliver what is left and end; False if events had to be given up for the time."""
        if self._closed:
            return True
        self._closed = True
        done = await self.flush(timeout)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        left = [*self._in_hand, *self._waiting]
        if left:
            cause: ClientError = Unreachable("The program ended first")
            self._on_error(NotTaken([one.readable() for one in left], cause))
        await self._http.aclose()
        return done

    def _enqueue(self, one: Message) -> None:
        if self._closed:
            raise QueueFull("The collector is closed.")
        if len(self._waiting) + len(self._in_hand) >= self._size:
            raise QueueFull(f"{self._size} events wait already; the platform is away or slow.")
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._waiting.append(one)
        self._idle.clear()
        self._more.set()

    async def _run(self) -> None:
        while True:
            await self._ripen()
            self._in_hand = self._next()
            if self._in_hand:
                walk = deliver(self._in_hand, self._give_up, time.monotonic)
                for failure in await self._walk(walk):
                    self._on_error(failure)
                self._in_hand = []
            if not self._waiting:
                self._idle.set()

    async def _ripen(self) -> None:
        """Until there are events, and they are many, have waited, or somebody is in a hurry."""
        while not self._waiting:
            self._more.clear()
            await self._more.wait()
        until = time.monotonic() + self._interval
        while not self._hurry and len(self._waiting) < self._batch_size:
            self._more.clear()
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    await self._more.wait()
            except TimeoutError:
                return

    def _next(self) -> list[Message]:
        batch: list[Message] = []
        size = 0
        while self._waiting and len(batch) < self._batch_size:
            if batch and not fits(size, self._waiting[0]):
                break
            one = self._waiting.popleft()
            size += len(one.body) + 1
            batch.append(one)
        return batch

    async def _walk(self, walk: Walk) -> list[NotTaken]:
        answer: Answer | None = None
        try:
            while True:
                step = walk.send(answer)
                if isinstance(step, Post):
                    answer = await self._post(step)
                else:
                    await asyncio.sleep(step.seconds)
                    answer = None
        except StopIteration as end:
            return end.value

    async def _post(self, step: Post) -> Answer:
        try:
            found = await self._http.post("/v1/batch", content=step.body, headers=step.headers)
        except httpx.HTTPError as error:
            return no_answer(error)
        return answer_of(found.status_code, found.headers, found.content)
