"""Named places where a crash test lets the process die, as a power cut would.

`TSUNAGU_FAILPOINT=name` kills at the first passage of `failpoint("name")`, `name:3` at the
third. Without the variable a failpoint costs one look into a dict.
"""

from __future__ import annotations

import os
import signal

_passages: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Die here by SIGKILL if the environment names this place."""
    wanted = os.environ.get("TSUNAGU_FAILPOINT")
    if wanted is None:
        return
    place, _, nth = wanted.partition(":")
    if place != name:
        return
    _passages[name] = _passages.get(name, 0) + 1
    if _passages[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
