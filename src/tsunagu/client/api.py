"""Reading profiles and journeys, and publishing definitions: the API, typed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from tsunagu.client.delivery import Answer, Wait, answer_of, no_answer, pause
from tsunagu.client.errors import ClientError, Refused, Unreachable
from tsunagu.client.models import Definition, Journey, Json, Profile

_NOT_FOUND = 404

T = TypeVar("T")


class _Call(msgspec.Struct, frozen=True):
    method: str
    path: str
    params: Json = {}
    body: Json | None = None


_Way = Generator[_Call | Wait, tuple[Answer, bytes] | None, bytes | None]


def _persist(call: _Call, give_up: float) -> _Way:
    """Ask until there is an answer; None is that there is no such thing. All calls may repeat."""
    until = time.monotonic() + give_up
    attempt = 0
    while True:
        told = yield call
        assert told is not None
        answer, body = told
        if answer.taken:
            return body
        if answer.status == _NOT_FOUND:
            return None
        attempt += 1
        seconds = pause(attempt, answer.retry_after)
        if not answer.passing:
            raise Refused(answer.status, answer.message)
        if time.monotonic() + seconds >= until:
            raise Unreachable(answer.message)
        yield Wait(seconds)


def _profile(kind: str, value: str, events: int, before: int | None) -> _Call:
    params = {"events": events} if before is None else {"events": events, "before": before}
    return _Call("GET", f"/v1/profiles/{quote(kind, safe='')}/{quote(value, safe='')}", params)


def _journey(name: str) -> _Call:
    return _Call("GET", f"/v1/journeys/{quote(name, safe='')}")


def _publish(kind: str, name: str, document: Json) -> _Call:
    path = f"/v1/definitions/{quote(kind, safe='')}/{quote(name, safe='')}"
    return _Call("PUT", path, body=document)


def _read(body: bytes | None, kind: type[T]) -> T | None:
    try:
        return None if body is None else msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise ClientError(
            f"The answer is not understood ({error}); is it an older release?"
        ) from None


def _there(found: T | None, what: str) -> T:
    if found is None:
        raise Refused(_NOT_FOUND, f"There is no {what}")
    return found


class Api:
    """The API for programs with threads; safe to share among them.

    Args:
        api_key: a key of the kind `api`.
        url: the API's address, that of the console.
        timeout: how long one request may take, in seconds.
        give_up: how long a call is tried while the platform is away, in seconds.
    """

    def __init__(
        self,
        api_key: str,
        url: str = "http://127.0.0.1:8080",
        *,
        timeout: float = 10.0,
        give_up: float = 30.0,
    ) -> None:
        self._give_up = give_up
        headers = {"authorization": f"Bearer {api_key}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def profile(
        self, kind: str, value: str, *, events: int = 20, before: int | None = None
    ) -> Profile | None:
        """The customer whom an identifier leads to, or None.

        Args:
            kind: `user_id`, `anonymous_id`, `email` or `customer_id`.
            events: how many of the latest events, at most 200.
            before: only events before this position of the log, for the next page.
        """
        return _read(self._ask(_profile(kind, value, events, before)), Profile)

    def journey(self, name: str) -> Journey | None:
        """A journey and where everybody is, or None."""
        return _read(self._ask(_journey(name)), Journey)

    def publish(self, kind: str, name: str, document: Json) -> Definition:
        """Put a document in force; an equal one changes nothing.

        Raises:
            Refused: the document is wrong; the message says how.
        """
        found = _read(self._ask(_publish(kind, name, document)), Definition)
        return _there(found, f"kind of definition {kind!r}")

    def _ask(self, call: _Call) -> bytes | None:
        way = _persist(call, self._give_up)
        told: tuple[Answer, bytes] | None = None
        try:
            while True:
                step = way.send(told)
                if isinstance(step, Wait):
                    time.sleep(step.seconds)
                    told = None
                else:
                    told = self._send(step)
        except StopIteration as end:
            return end.value

    def _send(self, call: _Call) -> tuple[Answer, bytes]:
        try:
            found = self._http.request(call.method, call.path, params=call.params, json=call.body)
        except httpx.HTTPError as error:
            return no_answer(error), b""
        return answer_of(found.status_code, found.headers, found.content), found.content


class AsyncApi:
    """The same for programs with an event loop."""

    def __init__(
        self,
        api_key: str,
        url: str = "http://127.0.0.1:8080",
        *,
        timeout: float = 10.0,
        give_up: float = 30.0,
    ) -> None:
        self._give_up = give_up
        headers = {"authorization": f"Bearer {api_key}"}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    async def profile(
        self, kind: str, value: str, *, events: int = 20, before: int | None = None
    ) -> Profile | None:
        """The customer whom an identifier leads to, or None; see `Api.profile`."""
        return _read(await self._ask(_profile(kind, value, events, before)), Profile)

    async def journey(self, name: str) -> Journey | None:
        """A journey and where everybody is, or None."""
        return _read(await self._ask(_journey(name)), Journey)

    async def publish(self, kind: str, name: str, document: Json) -> Definition:
        """Put a document in force; see `Api.publish`."""
        found = _read(await self._ask(_publish(kind, name, document)), Definition)
        return _there(found, f"kind of definition {kind!r}")

    async def _ask(self, call: _Call) -> bytes | None:
        way = _persist(call, self._give_up)
        told: tuple[Answer, bytes] | None = None
        try:
            while True:
                step = way.send(told)
                if isinstance(step, Wait):
                    await asyncio.sleep(step.seconds)
                    told = None
                else:
                    told = await self._send(step)
        except StopIteration as end:
            return end.value

    async def _send(self, call: _Call) -> tuple[Answer, bytes]:
        try:
            found = await self._http.request(
                call.method, call.path, params=call.params, json=call.body
            )
        except httpx.HTTPError as error:
            return no_answer(error), b""
        return answer_of(found.status_code, found.headers, found.content), found.content
