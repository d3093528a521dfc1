"""The bytes of a request: read and decompressed within limits, whatever the client claims."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from starlette.types import Receive

from tsunagu.collect.errors import BadRequest, Overloaded, TooLarge, TooSlow, UnknownEncoding
from tsunagu.collect.models import MAX_BATCH_BYTES

Headers = Mapping[bytes, bytes]

READ_SECONDS = 30
MAX_ARRIVING_BYTES = 64 << 20
_GZIP = 16 + zlib.MAX_WBITS


class Arrivals:
    """Reads bodies; those that come in pieces hold no more memory together than one limit."""

    def __init__(self) -> None:
        self._held = 0
        self._patience = Patience()

    async def read(self, headers: Headers, receive: Receive) -> bytes:
        """The body after decompression.

        Raises:
            TooLarge: more than a batch may have, before or after decompression.
            UnknownEncoding: the content encoding is neither gzip nor identity.
            TooSlow: the client stopped sending.
            Overloaded: bodies on their way hold all there is.
            BadRequest: the compressed bytes are damaged, or the client went away.
        """
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        if encoding not in (b"", b"gzip", b"identity"):
            name = encoding.decode("latin-1")
            raise UnknownEncoding(f"The content encoding {name!r} is not known; use gzip or none")
        declared = _declared(headers.get(b"content-length"))
        with self._patience.limit():
            first = await receive()
            raw = _piece(first)
            # the server says that there may be more even when all that was declared is here
            if len(raw) != declared and first.get("more_body", False):
                raw = await self._rest(raw, receive)
        if len(raw) > MAX_BATCH_BYTES:
            raise _too_large()
        return unzip(raw) if encoding == b"gzip" else raw

    async def _rest(self, first: bytes, receive: Receive) -> bytes:
        pieces, size = [first], len(first)
        held = 0
        try:
            while True:
                self._held += size - held
                held = size
                if self._held > MAX_ARRIVING_BYTES:
                    raise Overloaded("Too much is arriving at once; send the request again")
                message = await receive()
                pieces.append(_piece(message))
                size += len(pieces[-1])
                if size > MAX_BATCH_BYTES:
                    raise _too_large()
                if not message.get("more_body", False):
                    return b"".join(pieces)
        finally:
            self._held -= held


class Patience:
    """Ends what waits for a slow client, by one look a second over all who wait.

    A timer for each request, as `asyncio.timeout` sets it, took a tenth of the time of a single
    event.
    """

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Task[Any], float] = {}
        self._impatient: set[asyncio.Task[Any]] = set()
        self._looking: asyncio.TimerHandle | None = None

    @contextmanager
    def limit(self) -> Generator[None]:
        """Bear with the current task for `READ_SECONDS`.

        Raises:
            TooSlow: the time is over.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._waiting[task] = loop.time() + READ_SECONDS
        if self._looking is None:
            self._looking = loop.call_later(1.0, self._look)
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._impatient:
                raise
            task.uncancel()
            raise TooSlow(f"The body did not arrive within {READ_SECONDS} seconds") from None
        finally:
            self._waiting.pop(task, None)
            self._impatient.discard(task)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        overdue = [task for task, until in self._waiting.items() if until < loop.time()]
        for task in overdue:
            del self._waiting[task]
            self._impatient.add(task)
            task.cancel()
        self._looking = loop.call_later(1.0, self._look) if self._waiting else None


def _declared(length: bytes | None) -> int | None:
    """How long the body says itself that it is.

    Raises:
        TooLarge: longer than a batch may be; it is not even begun to be read.
    """
    if length is None or not length.isdigit():
        return None
    declared = int(length[:20])
    if declared > MAX_BATCH_BYTES:
        raise _too_large()
    return declared


def _piece(message: Mapping[str, Any]) -> bytes:
    if message["type"] != "http.request":
        raise BadRequest("The connection ended before the body did")
    return message.get("body", b"")


def unzip(raw: bytes) -> bytes:
    """Decompress gzip, all members of it, but never more than a batch may have.

    Raises:
        TooLarge: there is more; no more than the limit was decompressed.
        BadRequest: the bytes are no gzip or end too early.
    """
    parts: list[bytes] = []
    room = MAX_BATCH_BYTES
    rest = raw
    while rest:
        member = zlib.decompressobj(_GZIP)
        try:
            part = member.decompress(rest, room + 1)
        except zlib.error:
            raise BadRequest(
                "The body is not gzip, although its content encoding says so"
            ) from None
        room -= len(part)
        if room < 0:
            raise _too_large()
        if not member.eof:
            raise BadRequest("The gzip body ends too early")
        parts.append(part)
        rest = member.unused_data
    return b"".join(parts)


def _too_large() -> TooLarge:
    return TooLarge(
        f"The body has more than {MAX_BATCH_BYTES} bytes; send a smaller batch, nothing was stored"
    )
