"""How a batch is delivered: once, although it may be sent several times. No I/O.

The way is a generator that asks for posts and waits and is told the answers; the thread and
the event loop walk it alike.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

import msgspec

from tsunagu.client.errors import ClientError, NotTaken, Refused, Unreachable
from tsunagu.client.messages import Message, batch_body

_RETRIED = (408, 425, 429)
_SPLIT = (400, 413)
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 30.0
_WORTH_PACKING = 1024


@dataclass(frozen=True)
class Post:
    """Send this body."""

    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Wait:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """What came of a post; `status` 0 is no answer at all."""

    status: int
    message: str
    retry_after: float = 0.0

    @property
    def taken(self) -> bool:
        """Whether the events are durable."""
        return 200 <= self.status < 300

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in _RETRIED or self.status >= 500 or self.status == 0


class _Problem(msgspec.Struct):
    message: str = ""


Step = Post | Wait
Walk = Generator[Step, Answer | None, list[NotTaken]]


def answer_of(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Read an answer of the platform, or of whatever stands before it."""
    try:
        told = msgspec.json.decode(body, type=_Problem).message
    except msgspec.DecodeError:
        told = ""
    try:
        after = float(headers.get("retry-after", "0"))
    except ValueError:  # a date: the usual wait will do
        after = 0.0
    return Answer(status, told or "The answer says no more", after)


def no_answer(error: Exception) -> Answer:
    """The connection failed, or the answer did not come in time; the events may be stored."""
    return Answer(0, f"{type(error).__name__}: {error}".rstrip(": "))


def deliver(messages: list[Message], give_up: float, clock: Callable[[], float]) -> Walk:
    """The way of a batch.

    Passing failures are tried again until `give_up` seconds are over. A batch that is refused
    for what stands in it is halved, so that only the guilty events are not taken.
    """
    failed: list[NotTaken] = []
    waiting = [messages]
    while waiting:
        batch = waiting.pop(0)
        answer = yield from _persist(batch, give_up, clock)
        if answer.taken:
            continue
        if answer.status in _SPLIT and len(batch) > 1:
            middle = len(batch) // 2
            waiting[:0] = [batch[:middle], batch[middle:]]
        else:
            failed.append(NotTaken([m.readable() for m in batch], _error(answer)))
    return failed


def _persist(
    batch: list[Message], give_up: float, clock: Callable[[], float]
) -> Generator[Step, Answer | None, Answer]:
    until = clock() + give_up
    attempt = 0
    while True:
        answer = yield _post(batch)
        assert answer is not None
        if not answer.passing:
            return answer
        attempt += 1
        seconds = pause(attempt, answer.retry_after)
        if clock() + seconds >= until:
            return answer
        yield Wait(seconds)


def _post(batch: list[Message]) -> Post:
    body = batch_body(batch)
    headers = {"content-type": "application/json"}
    if len(body) < _WORTH_PACKING:
        return Post(body, headers)
    return Post(gzip.compress(body, 1), {**headers, "content-encoding": "gzip"})


def pause(attempt: int, retry_after: float) -> float:
    """Twice as long each time, spread so that many clients do not come back together."""
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(attempt - 1, 10))
    return max(retry_after, longest) * random.uniform(1.0, 1.25)  # noqa: S311


def _error(answer: Answer) -> ClientError:
    if answer.passing:
        return Unreachable(answer.message)
    return Refused(answer.status, answer.message)
