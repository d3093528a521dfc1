"""The heartbeat of a process: each second it writes that it lives, with its figures.

It is also what tells readiness: a role counts as ready once its port answers (when it has one)
and its first heartbeat is in the database.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from types import TracebackType

import psycopg
from psycopg.types.json import Json

from tsunagu.core import Figures
from tsunagu.runtime import queries
from tsunagu.storage import Database

INTERVAL = 1.0
_log = logging.getLogger("tsunagu.heartbeat")


def answers(host: str, port: int) -> bool:
    """Does something accept connections at this address?"""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


class Heartbeat:
    """Beats in a thread of its own while the role works; use it as a context manager."""

    def __init__(
        self,
        database: Database,
        role: str,
        figures: Figures,
        port: tuple[str, int] | None,
        ready: Callable[[], None],
    ) -> None:
        self._database = database
        self._key = {"role": role, "host": socket.gethostname(), "pid": os.getpid()}
        self._figures = figures
        self._port = port
        self._ready = ready
        self._first = True
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join(timeout=3)

    def _run(self) -> None:
        while self._port is not None and not answers(*self._port):
            if self._end.wait(0.05):
                return
        while not self._end.is_set():
            try:
                self._beat_on()
            except psycopg.Error as error:
                _log.warning("No heartbeat: the database does not answer (%s)", error)
                self._end.wait(INTERVAL)

    def _beat_on(self) -> None:
        """Beats on one connection until the end or an error; leaves when the role ends."""
        with self._database.connect("app") as connection:
            connection.execute(queries.FORGET_DEAD, self._key)
            while True:
                beat = {"figures": Json(self._figures.read()), "first": self._first}
                connection.execute(queries.BEAT, self._key | beat)
                if self._first:
                    self._ready()
                    self._first = False
                if self._end.wait(INTERVAL):
                    connection.execute(queries.LEAVE, self._key)
                    return
