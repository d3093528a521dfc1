"""The worker process seen from outside: start it, ask it, notice when it is gone or hangs."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence

from tsunagu.content.protocol import HEADER_BYTES, Answer, Request, frame, read_answer

_CHUNK = 1 << 18
_START_SECONDS = 30.0


class WorkerLost(Exception):
    """The worker died or hung; the message says what probably made it."""


class WorkerProcess:
    """One running worker. Its answers come in the order of the requests."""

    def __init__(self, memory: int) -> None:
        self.loaded: set[int] = set()
        """The numbers of the templates it holds, kept by the renderer."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tsunagu.content.worker", str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in = self._process.stdin.fileno()
        self._out = self._process.stdout.fileno()
        self._buffer = bytearray()
        self._started = False

    def ask(self, requests: Sequence[Request], answers: list[Answer], seconds: float) -> None:
        """Append the answer to each request to `answers`, each within `seconds`.

        Raises:
            WorkerLost: it died or took too long; the answers before that are kept.
        """
        self._send(frame(list(requests)))
        for _ in requests:
            limit = seconds if self._started else seconds + _START_SECONDS
            answers.append(read_answer(self._frame(time.monotonic() + limit)))
            self._started = True

    def stop(self) -> None:
        """Kill it and wait until it is gone; nothing in it is worth keeping."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _send(self, message: bytes) -> None:
        view = memoryview(message)
        try:
            while view:
                view = view[os.write(self._in, view) :]
        except BrokenPipeError as error:
            raise WorkerLost(self._cause()) from error

    def _frame(self, deadline: float) -> bytes:
        self._fill(HEADER_BYTES, deadline)
        end = HEADER_BYTES + int.from_bytes(self._buffer[:HEADER_BYTES])
        self._fill(end, deadline)
        body = bytes(self._buffer[HEADER_BYTES:end])
        del self._buffer[:end]
        return body

    def _fill(self, size: int, deadline: float) -> None:
        while len(self._buffer) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._out], [], [], left)[0]:
                raise WorkerLost("it takes too long; look for a loop or a filter that never ends")
            chunk = os.read(self._out, _CHUNK)
            if not chunk:
                raise WorkerLost(self._cause())
            self._buffer += chunk

    def _cause(self) -> str:
        status = self._process.wait()
        return (
            "it needs more memory than a message may have; look for text that grows in a loop"
            if status < 0 or not self._started
            else f"the render process ended with status {status}"
        )
