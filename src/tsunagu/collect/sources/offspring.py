"""Starting a child that runs or tries one source, and keeping an eye on it.

It is ended when it stays silent, takes too much memory or has worked too long; it holds no
lock and no file of ours, so its end disturbs nothing else.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from time import monotonic

import msgspec
import psutil

from tsunagu.collect.sources.orders import Look, Order, Progress
from tsunagu.core import Invalid

SILENCE_SECONDS = 300.0
RUN_SECONDS = 3600.0
LOOK_SECONDS = 60.0
STOP_SECONDS = 8.0
RESIDENT_BYTES = 1 << 30
_LOOK_EVERY = 0.5


class Child:
    """One child process. Use `run` once; `stop` may be called from another thread."""

    def __init__(self, order: Order) -> None:
        # Its temporary files lie in a folder of ours: one that is killed cannot tidy up.
        self._scratch = tempfile.TemporaryDirectory(prefix="tsunagu-source-")
        environment = {name: value for name, value in os.environ.items() if name not in _OURS}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tsunagu.collect.sources.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment | {"TMPDIR": self._scratch.name},
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._complaint = b""
        self._spoke = monotonic()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(order) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # it died at once; its end says why

    def run(self, heard: Callable[[Progress], None], *, seconds: float, silence: float) -> Progress:
        """Wait for the end; returns the last line, or one that says how the child was ended."""
        readers = [threading.Thread(target=work, daemon=True) for work in (self._read, self._hear)]
        for reader in readers:
            reader.start()
        begun = self._spoke = monotonic()
        why, stopping = "", False
        while True:
            try:
                line = self._lines.get(timeout=_LOOK_EVERY)
            except queue.Empty:
                worked, silent = monotonic() - begun, self.silent
                if worked > seconds and not stopping:
                    stopping = True
                    self.stop()
                why = why or self._reason(silent, silence)
                if why:
                    self.kill()
                continue
            if not line:
                break
            self._spoke = monotonic()
            progress = msgspec.json.decode(line, type=Progress)
            if progress.outcome:
                self._finish()
                return progress
            heard(progress)
        status = self._finish()
        return Progress(outcome="killed", error=why or _words(status, self._complaint))

    @property
    def silent(self) -> float:
        """For how many seconds nothing came."""
        return monotonic() - self._spoke

    def stop(self) -> None:
        """Let the child end after the page it is at; by force if it takes too long."""
        self._process.terminate()
        threading.Timer(STOP_SECONDS, self.kill).start()

    def kill(self) -> None:
        """End the child at once."""
        self._process.kill()

    def _finish(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()
        finally:
            self._scratch.cleanup()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def _hear(self) -> None:
        """Keep the end of what a dying child says; it is shown only as the error's kind."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._complaint = line.strip() or self._complaint

    def _reason(self, silent: float, silence: float) -> str:
        if silent > silence:
            return f"Nothing came for {silence:.0f} seconds, so the run was ended."
        try:
            resident = psutil.Process(self._process.pid).memory_info().rss
        except psutil.Error:
            return ""
        if resident > RESIDENT_BYTES:
            return (
                f"The run took more than {RESIDENT_BYTES >> 20} MiB of memory and was ended. "
                "Read fewer columns, or larger values not at all."
            )
        return ""


# What a child has no use for; the database's address comes with the order.
_OURS = ("TSUNAGU_DATABASE_URL", "TSUNAGU_SIGNING_SECRET", "TSUNAGU_SESSION_SECRET")


def _words(status: int, complaint: bytes) -> str:
    kind = complaint.decode("utf-8", "replace").partition(":")[0][:100]
    if "MemoryError" in kind or "ArrowMemoryError" in kind:
        return "The run needed more memory than it may have. Read fewer columns."
    if status < 0:
        return f"The run was killed (signal {-status}). It goes on where it was."
    return f"The run ended by itself ({kind or f'status {status}'}). It goes on where it was."


def try_out(order: Order) -> Look:
    """Look at a source in a child of its own.

    Raises:
        Invalid: what is wrong with the source, or that it took too long.
    """
    child = Child(order)
    ended = child.run(lambda _: None, seconds=LOOK_SECONDS, silence=LOOK_SECONDS)
    if ended.look is None:
        raise Invalid(ended.error)
    return ended.look
