"""Which web pages may use a write key: the origins that browsers name in their requests.

A key without a list is open to every page, as a key that stands in a page is no secret; an
empty list closes it to browsers. A pattern is an origin (`https://shop.example`), or all hosts
below one (`https://*.shop.example`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tsunagu.core import Invalid

Origins = tuple[str, ...] | None

_PATTERN = re.compile(
    r"(https?)://(\*\.)?((?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_-]+|\[[0-9a-f:]+\])(:\d{1,5})?"
)
_USUAL_PORTS = {"http": ":80", "https": ":443"}
MOST_ORIGINS = 50


def origin_patterns(texts: Iterable[str]) -> tuple[str, ...]:
    """Patterns as people write them, in the one form that browsers use.

    Raises:
        Invalid: one of them is no origin, or there are too many.
    """
    found = tuple(dict.fromkeys(_pattern(text) for text in texts if text.strip()))
    if len(found) > MOST_ORIGINS:
        raise Invalid(f"A key takes {MOST_ORIGINS} origins at most; name all hosts below one by *.")
    return found


def _pattern(text: str) -> str:
    match = _PATTERN.fullmatch(text.strip().lower().rstrip("/"))
    if match is None:
        raise Invalid(
            f"{text.strip()!r} is not the origin of a page; write for example "
            "https://shop.example, https://*.shop.example or http://localhost:3000."
        )
    scheme, below, host, port = match.groups()
    port = "" if port == _USUAL_PORTS[scheme] else port or ""
    return f"{scheme}://{below or ''}{host}{port}"


def admits(origins: Origins, origin: str) -> bool:
    """Whether a page of this origin may use a key with these patterns."""
    if origins is None:
        return True
    return any(_matches(pattern, origin) for pattern in origins)


def _matches(pattern: str, origin: str) -> bool:
    scheme, star, host = pattern.partition("://*.")
    if not star:
        return pattern == origin
    start = f"{scheme}://"
    return origin.startswith(start) and origin.removeprefix(start).endswith(f".{host}")
