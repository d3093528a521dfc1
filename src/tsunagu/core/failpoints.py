"""Named places where a crash test lets the process die, as a power cut would.

`TSUNAGU_FAILPOINT=name` kills at the first passage of `failpoint("name")`, `name:3` at the
third; several places are separated by commas. With `TSUNAGU_FAILPOINT_ONCE=FOLDER` a place
kills one process only, however often it is started again: the folder keeps what has fired.
Without the variables a failpoint costs one look into a dict.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

_passages: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Die here by SIGKILL if the environment names this place."""
    wanted = os.environ.get("TSUNAGU_FAILPOINT")
    if wanted is None:
        return
    for place, _, nth in (one.partition(":") for one in wanted.split(",")):
        if place != name:
            continue
        _passages[name] = _passages.get(name, 0) + 1
        if _passages[name] >= int(nth or 1) and _first_time(name):
            os.kill(os.getpid(), signal.SIGKILL)


def _first_time(name: str) -> bool:
    folder = os.environ.get("TSUNAGU_FAILPOINT_ONCE")
    if folder is None:
        return True
    try:
        (Path(folder) / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
