"""The log of a process: one line each, with time, role and level, and no personal data.

Errors that we raise say what to do and are written whole; of any other error the kind, the
first line and the places in the code are written, since the rest may quote a customer's data.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

from tsunagu.core import TsunaguError

_PERSONAL = re.compile(r"[^\s@<>'\"(=]+@[^\s@>'\")]+|\+\d[\d() -]{6,}\d")
_FRAMES = 4
_LONGEST = 2_000


def stamp() -> str:
    """The wall time as a log line begins: UTC, in milliseconds."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return now.replace("+00:00", "Z")


def line(role: str, level: str, message: str) -> str:
    """One line of the log, with addresses and telephone numbers masked."""
    text = _PERSONAL.sub("***", " | ".join(message.splitlines()))[:_LONGEST]
    return f"{stamp()} {role:<9} {level:<7} {text}"


def describe(error: BaseException) -> str:
    """An error in one line: what it says if it is ours, else kind, first line and places."""
    if isinstance(error, TsunaguError):
        return str(error)
    first = (str(error).splitlines() or [""])[0]
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__}: {first} [{places}]"


class _OneLine(logging.Formatter):
    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            message += ": " + describe(record.exc_info[1])
        return line(self._role, record.levelname.lower(), message)


def configure_logs(role: str) -> None:
    """Sends this process's log to the standard error output, under the name of its role."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine(role))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("tsunagu").setLevel(logging.INFO)
    logging.captureWarnings(True)

    def on_error(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        logging.getLogger("tsunagu").error("Ended by an error", exc_info=(kind, error, trace))

    sys.excepthook = on_error
