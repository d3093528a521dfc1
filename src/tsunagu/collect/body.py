"""The bytes of a request: read and decompressed within limits, whatever the client claims."""

from __future__ import annotations

import asyncio
import zlib

from starlette.requests import ClientDisconnect, Request

from tsunagu.collect.errors import BadRequest, TooLarge, TooSlow, UnknownEncoding
from tsunagu.collect.models import MAX_BATCH_BYTES

READ_SECONDS = 30
_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request) -> bytes:
    """The body after decompression.

    Raises:
        TooLarge: more than a batch may have, before or after decompression.
        UnknownEncoding: the content encoding is neither gzip nor identity.
        TooSlow: the client stopped sending.
        BadRequest: the compressed bytes are damaged, or the client went away.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise UnknownEncoding(f"The content encoding {encoding!r} is not known; use gzip or none")
    if declared_bytes(request) > MAX_BATCH_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(READ_SECONDS):
            raw = await _collected(request)
    except TimeoutError:
        raise TooSlow(f"The body did not arrive within {READ_SECONDS} seconds") from None
    except ClientDisconnect:
        raise BadRequest("The connection ended before the body did") from None
    return unzip(raw) if encoding == "gzip" else raw


def declared_bytes(request: Request) -> int:
    """How many bytes the body has as its header says, else the most that it may have."""
    declared = request.headers.get("content-length", "")
    is_number = declared.isascii() and declared.isdecimal() and len(declared) < 20
    return int(declared) if is_number else MAX_BATCH_BYTES


async def _collected(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BATCH_BYTES:
            raise _too_large()
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


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
