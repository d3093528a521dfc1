"""Signatures of webhooks: each scheme as its sender documents it, compared in constant time.

A scheme with a time stamp refuses a call outside its window, so that a call that was listened
to cannot be sent again later; without one, the message id tells a repeat.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tsunagu.collect.sources.models import Signature
from tsunagu.core.times import SECOND


class Forged(ValueError):
    """A call that does not prove who sends it; the message says what is missing."""


@dataclass(frozen=True)
class _Scheme:
    """Where the signature stands and over what it is made."""

    header: str
    encoding: str = "hex"
    prefix: str = ""
    signed: str = "{body}"
    timestamp_header: str = ""
    id_header: str = ""
    digest: str = "sha256"


_SCHEMES = {
    # https://docs.stripe.com/webhooks#verify-manually
    "stripe": _Scheme("stripe-signature", signed="{timestamp}.{body}"),
    # https://shopify.dev/docs/apps/build/webhooks/subscribe/https
    "shopify": _Scheme("x-shopify-hmac-sha256", "base64", id_header="x-shopify-webhook-id"),
    # https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    "github": _Scheme("x-hub-signature-256", prefix="sha256=", id_header="x-github-delivery"),
    # https://api.slack.com/authentication/verifying-requests-from-slack
    "slack": _Scheme(
        "x-slack-signature",
        prefix="v0=",
        signed="v0:{timestamp}:{body}",
        timestamp_header="x-slack-request-timestamp",
    ),
    # https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/
    "line": _Scheme("x-line-signature", "base64"),
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec
    "standard": _Scheme(
        "webhook-signature",
        "base64",
        prefix="v1,",
        signed="{id}.{timestamp}.{body}",
        timestamp_header="webhook-timestamp",
        id_header="webhook-id",
    ),
}


def check(
    signature: Signature, secret: str, headers: Mapping[str, str], body: bytes, now: int
) -> str:
    """The delivery's id, empty if the sender names none, once the call has proved itself.

    Args:
        headers: by their names in small letters.
        now: in microseconds.

    Raises:
        Forged: the signature is missing or wrong, or its time is outside the window.
    """
    scheme = _scheme(signature)
    told = headers.get(scheme.header, "")
    if not told:
        raise Forged(f"the header {scheme.header} is missing")
    if signature.scheme == "stripe":
        stamp, candidates = _stripe(told)
    else:
        stamp = headers.get(scheme.timestamp_header, "") if scheme.timestamp_header else ""
        candidates = told.split(" ") if signature.scheme == "standard" else [told]
    delivery = headers.get(scheme.id_header, "") if scheme.id_header else ""
    signed = _signed(scheme.signed, body, stamp, delivery)
    expected = hmac.new(_key(signature, secret), signed, getattr(hashlib, scheme.digest)).digest()
    if not _matches(candidates, scheme, expected):
        raise Forged("the signature does not match; check the secret on both sides")
    if "{timestamp}" in scheme.signed:
        _check_time(stamp, now, signature.window)
    return delivery


def _scheme(signature: Signature) -> _Scheme:
    if signature.scheme != "hmac":
        return _SCHEMES[signature.scheme]
    return _Scheme(
        signature.header.lower(),
        signature.encoding,
        signature.prefix,
        signature.signed,
        signature.timestamp_header.lower(),
        signature.id_header.lower(),
        signature.digest,
    )


def _stripe(told: str) -> tuple[str, list[str]]:
    """`t=1492774577,v1=5257a869…`; while a secret is changed there are several v1."""
    parts = [part.strip().partition("=") for part in told.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    return (stamps[0] if stamps else ""), [value for name, _, value in parts if name == "v1"]


def _signed(template: str, body: bytes, stamp: str, delivery: str) -> bytes:
    before, _, after = template.partition("{body}")
    known = {"{timestamp}": stamp, "{id}": delivery}
    for name, value in known.items():
        before, after = before.replace(name, value), after.replace(name, value)
    return before.encode() + body + after.encode()


def _key(signature: Signature, secret: str) -> bytes:
    if signature.scheme == "standard" and secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def _matches(candidates: Iterable[str], scheme: _Scheme, expected: bytes) -> bool:
    found = False
    for candidate in candidates:
        if not candidate.startswith(scheme.prefix):
            continue
        text = candidate.removeprefix(scheme.prefix)
        try:
            given = bytes.fromhex(text) if scheme.encoding == "hex" else base64.b64decode(text)
        except (ValueError, binascii.Error):
            continue
        found |= hmac.compare_digest(given, expected)
    return found


def _check_time(stamp: str, now: int, window: int) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
        raise Forged("the time stamp is missing or no number of seconds")
    if abs(now // SECOND - int(stamp)) > window:
        raise Forged(f"the time stamp is more than {window} seconds away; check both clocks")
