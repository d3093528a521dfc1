"""What comes as JSON of its own may hold what later stages cannot read: found here.

A query tells which events might (very long numbers, deep nesting); these few are read the way
the stages read them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from tsunagu.collect.models import MAX_DEPTH

_SUSPECT = r"\d{19}"


def suspected(bodies: Iterable[str]) -> str:
    """An SQL condition: one of these JSON texts should be looked at."""
    tests = (
        f"regexp_matches({body}, '{_SUSPECT}')"
        f" or length({body}) - length(translate({body}, '[{{', '')) >= {MAX_DEPTH}"
        for body in bodies
    )
    return " or ".join(f"coalesce({test}, false)" for test in tests) or "false"


def oddity(bodies: Iterable[str | None]) -> str | None:
    """Why an event with these JSON texts cannot be taken, or None."""
    for body in bodies:
        if body is None:
            continue
        try:
            told = msgspec.json.decode(body)
            msgspec.msgpack.encode(told)
        except OverflowError:
            return "a number has more than 64 bits; write it as a text"
        except (msgspec.DecodeError, UnicodeError) as error:
            return f"the JSON cannot be read: {error}"
        if _deep(told, MAX_DEPTH - 1):
            return f"objects and lists are nested deeper than {MAX_DEPTH} levels"
    return None


def _deep(value: Any, room: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return room == 0 or any(_deep(one, room - 1) for one in inner)
