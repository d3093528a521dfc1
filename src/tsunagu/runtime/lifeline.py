"""The line between the supervisor and a process it started: a pair of sockets.

The child says on it that it is ready. When the supervisor is gone, however it ended, the
kernel closes its end: the child reads the end of the stream and ends itself too, so that a
killed supervisor leaves nothing behind. The child's end is its standard input.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable

READY = b"ready\n"
_log = logging.getLogger("tsunagu.lifeline")


class Lifeline:
    """The child's end of the line."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=os.dup(0))
        self._lock = threading.Lock()
        self.parent_gone = threading.Event()

    def ready(self) -> None:
        """Tells the supervisor that this process does its work now."""
        with self._lock:
            try:
                self._socket.sendall(READY)
            except OSError:
                self.parent_gone.set()

    def watch(self, end: Callable[[], None], grace: float) -> None:
        """Calls `end` when the supervisor is gone; `grace` seconds later ends by force."""
        threading.Thread(target=self._watch, args=(end, grace), daemon=True).start()

    def _watch(self, end: Callable[[], None], grace: float) -> None:
        try:
            while self._socket.recv(64):
                pass
        except OSError:
            _log.debug("the line broke")
        self.parent_gone.set()
        end()
        threading.Event().wait(grace)
        end_group()


def end_group() -> None:
    """Ends this process and all it started, at once; it must lead its process group."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
