"""Requests that come from a web page: what the browser must be told, and asks beforehand.

A preflight carries no key, so it is answered for the pages that any write key in use admits;
the call itself is held against the list of its own key.
"""

from __future__ import annotations

from collections.abc import Mapping

# The longest that Chromium remembers.
PREFLIGHT_SECONDS = 7200
_LONGEST_ASKED = 1000

Header = tuple[bytes, bytes]


def page_headers(headers: Mapping[bytes, bytes]) -> list[Header]:
    """Let the page that sent the request read its answer; nothing for other clients."""
    origin = headers.get(b"origin")
    if origin is None:
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"retry-after"),
        (b"vary", b"origin"),
    ]


def preflight_headers(headers: Mapping[bytes, bytes], methods: bytes) -> list[Header]:
    """The answer to a preflight whose page is admitted."""
    asked = headers.get(b"access-control-request-headers", b"")[:_LONGEST_ASKED]
    return [
        *page_headers(headers),
        (b"access-control-allow-methods", methods),
        (b"access-control-allow-headers", asked or b"authorization, content-type"),
        (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
    ]
