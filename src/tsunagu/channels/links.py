"""Signed links: what stands in a message's URLs, and how the public pages trust it.

A token holds its workspace and send (and, for a click, where to go) with a keyed hash. It
names no customer, cannot be guessed or altered, and needs no table to be read.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import msgspec

LinkKind = Literal["click", "unsubscribe", "view"]

_PATHS: dict[LinkKind, str] = {"click": "l", "unsubscribe": "u", "view": "v"}
_MAC_BYTES = 16
_TOKEN = re.compile(r"[A-Za-z0-9_-]{24,4096}")


class _Payload(msgspec.Struct, array_like=True, frozen=True):
    workspace_id: int
    send_id: int
    link: int = -1
    url: str = ""


@dataclass(frozen=True, slots=True)
class SignedLink:
    """What a valid token says. `link` and `url` (the target) belong to clicks alone."""

    workspace_id: int
    send_id: int
    link: int = -1
    url: str = ""


@dataclass(frozen=True, slots=True)
class SendLinks:
    """The links of one send: tracked targets in the template's order, and the two pages."""

    clicks: list[str]
    unsubscribe: str
    view: str


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Payload)


class LinkSigner:
    """Writes and reads signed links under one public address and one secret."""

    def __init__(self, public_url: str, secret: bytes) -> None:
        self._base = public_url.rstrip("/")
        self._secret = secret

    def links(self, workspace_id: int, send_id: int, targets: Sequence[str]) -> SendLinks:
        """All links of one send."""
        page = _Payload(workspace_id, send_id)
        return SendLinks(
            [
                self._url("click", _Payload(workspace_id, send_id, number, target))
                for number, target in enumerate(targets)
            ],
            self._url("unsubscribe", page),
            self._url("view", page),
        )

    def read(self, kind: LinkKind, token: str) -> SignedLink | None:
        """What a token says, or None when it was not written here for this kind of link."""
        if not _TOKEN.fullmatch(token) or len(token) % 4 == 1:
            return None
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(kind, payload)):
            return None
        said = _decoder.decode(payload)
        return SignedLink(said.workspace_id, said.send_id, said.link, said.url)

    def _url(self, kind: LinkKind, payload: _Payload) -> str:
        raw = _encoder.encode(payload)
        token = urlsafe_b64encode(self._mac(kind, raw) + raw).rstrip(b"=").decode()
        return f"{self._base}/{_PATHS[kind]}/{token}"

    def _mac(self, kind: LinkKind, payload: bytes) -> bytes:
        return hmac.digest(self._secret, kind.encode() + b":" + payload, sha256)[:_MAC_BYTES]
