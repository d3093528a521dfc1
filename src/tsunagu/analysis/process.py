"""Questions' processes: one each, a few at a time, one waiting ready, killed when over.

A process answers one question and ends, so nothing of one workspace can be left for the next.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import pyarrow as pa

from tsunagu.analysis.models import (
    OUT_OF_MEMORY,
    Batch,
    Busy,
    Limits,
    Refused,
    Result,
    Schema,
    Stopped,
)
from tsunagu.analysis.protocol import (
    ARROW,
    DONE,
    LENGTH_BYTES,
    Task,
    encode,
    read_done,
    read_fault,
    write_frame,
)
from tsunagu.storage.lake import EVENTS, LONGEST_READ_HOURS

_CHUNK = 1 << 18
WAIT_SECONDS = 10.0
ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "SYSTEMROOT")


class Analysts:
    """The places at which questions are answered.

    Args:
        lake_folder: the folder of all workspaces' lakes.
        places: how many questions at a time; others wait a moment for a place.
    """

    def __init__(self, lake_folder: Path, *, limits: Limits | None = None, places: int = 2) -> None:
        self.limits = limits or Limits()
        self._folder = lake_folder
        self._places = threading.BoundedSemaphore(places)
        self._lock = threading.Lock()
        self._ready: subprocess.Popen[bytes] | None = None

    def warm_up(self) -> None:
        """Have a process ready, so that the next question starts at once."""
        with self._lock:
            if self._ready is None or self._ready.poll() is not None:
                self._ready = _start()

    def close(self) -> None:
        """End the process that waits; those that answer end with their questions."""
        with self._lock:
            ready, self._ready = self._ready, None
        if ready is not None:
            _end(ready)

    @contextmanager
    def ask(
        self,
        workspace_id: int,
        sql: str,
        *,
        limits: Limits | None = None,
        known_at: int | None = None,
    ) -> Generator[Asking]:
        """Ask a question; its process ends with the block.

        Args:
            known_at: answer as of what was known then, in microseconds.

        Raises:
            Busy: no place became free in time.
            Refused: the workspace has no lake yet.
        """
        bounds = limits or self.limits
        home = self._folder / str(workspace_id)
        if not (home / EVENTS.name).exists():
            raise Refused(
                "The lake of this workspace is empty: its first events arrive there within half a "
                "minute of being processed.",
                "no_lake",
            )
        if not self._places.acquire(timeout=WAIT_SECONDS):
            raise Busy("All places for questions are taken. Ask again in a moment.")
        place = home / "reading" / uuid4().hex
        try:
            place.mkdir(parents=True)
            process = self._take()
            try:
                yield Asking(process, _task(home, sql, known_at, bounds, place), bounds)
            finally:
                _end(process)
        finally:
            shutil.rmtree(place, ignore_errors=True)
            self._places.release()

    def _take(self) -> subprocess.Popen[bytes]:
        with self._lock:
            ready, self._ready = self._ready, None
        return ready if ready is not None and ready.poll() is None else _start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Asking:
    """A question that is being answered: `schema`, then `batches`, then `result`."""

    def __init__(self, process: subprocess.Popen[bytes], task: Task, limits: Limits) -> None:
        self._process = process
        self._limits = limits
        self._began = time.monotonic()
        self._stopped = False
        self._buffer = bytearray()
        self._result: Result | None = None
        assert process.stdin is not None
        assert process.stdout is not None
        self._out = process.stdout.fileno()
        try:
            write_frame(process.stdin, b"T", encode(task))  # pyright: ignore[reportArgumentType]
        except BrokenPipeError:
            raise self._cause() from None
        self._pieces = self._frames()

    @cached_property
    def _stream(self) -> Any:
        return pa.ipc.open_stream(_Source(self._pieces))

    @property
    def schema(self) -> Schema:
        """The columns, which are known when the first rows are; as for errors, see `batches`."""
        return self._stream.schema

    @property
    def pid(self) -> int:
        """The process that answers."""
        return self._process.pid

    @property
    def batches(self) -> Iterator[Batch]:
        """The rows as they come.

        Raises:
            Refused: the question went over one of its bounds, or failed half-way.
            Stopped: somebody stopped it.
        """
        yield from self._stream
        self._end()

    @property
    def result(self) -> Result:
        """How it ended; known when the batches have ended."""
        assert self._result is not None, "the batches have not been read to their end"
        return self._result

    def stop(self) -> None:
        """End the question from another thread; whoever reads its rows learns of it."""
        self._stopped = True
        self._process.kill()

    def _end(self) -> None:
        """Hear how it ended: Arrow's stream ends before the process has said so."""
        for _ in self._pieces:
            raise AssertionError("rows came after the last one")

    def _frames(self) -> Iterator[bytes]:
        """The pieces of the Arrow stream."""
        while True:
            header = self._read(LENGTH_BYTES + 1)
            body = self._read(int.from_bytes(header[:LENGTH_BYTES]))
            kind = header[LENGTH_BYTES:]
            if kind == ARROW:
                yield body
                continue
            if kind == DONE:
                done = read_done(body)
                self._result = Result(done.rows, done.truncated, time.monotonic() - self._began)
                return
            fault = read_fault(body)
            raise Refused(fault.message, fault.why, fault.about)

    def _read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            left = self._limits.seconds - (time.monotonic() - self._began)
            if left <= 0 or not select.select([self._out], [], [], left)[0]:
                self._process.kill()
                raise Refused(
                    f"The question took longer than {self._limits.seconds:g} seconds and was "
                    "ended. Ask about a shorter period or fewer columns.",
                    "seconds",
                    f"{self._limits.seconds:g}",
                )
            chunk = os.read(self._out, _CHUNK)
            if not chunk:
                raise self._cause()
            self._buffer += chunk
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    def _cause(self) -> Refused:
        status = self._process.wait()
        if self._stopped:
            return Stopped("The question was stopped.", "stopped")
        if status > 0:
            return Refused(
                f"The question's process failed (status {status}). Ask in another way.", "failed"
            )
        return Refused(OUT_OF_MEMORY, "memory")


class _Source:
    """A file of Arrow's over the pieces of a stream."""

    closed = False

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = bytearray()

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; fewer only at the end."""
        while size < 0 or len(self._held) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._held += piece
        found = bytes(self._held if size < 0 else self._held[:size])
        del self._held[: len(found)]
        return found


def _task(home: Path, sql: str, known_at: int | None, limits: Limits, place: Path) -> Task:
    assert limits.seconds <= LONGEST_READ_HOURS * 3600, "vacuum would not wait that long"
    return Task(
        str(home),
        sql,
        known_at,
        limits.memory,
        limits.spill,
        limits.rows,
        limits.result,
        limits.threads,
        str(place),
    )


def _start() -> subprocess.Popen[bytes]:
    """A process that waits for its question; it gets nothing of our environment but the path."""
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "tsunagu.analysis.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what libraries print may hold customers' data
        env=kept,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
