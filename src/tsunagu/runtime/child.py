"""A process of the supervisor: started, watched until it is ready, ended with all it started."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import Callable

from tsunagu.runtime.lifeline import READY
from tsunagu.runtime.logs import line

_LINE = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z \w+ ")
_LONGEST_LINE = 1 << 20


class Child:
    """One role's process. It may be started again after it ended."""

    def __init__(self, name: str, environment: dict[str, str], write: Callable[[str], None]):
        self.name = name
        self.ready = asyncio.Event()
        self._environment = environment
        self._write = write
        self._process: asyncio.subprocess.Process | None = None
        self._ending = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def run(self) -> int:
        """Starts the process and waits for its end; the exit status, negative for a signal."""
        ours, theirs = socket.socketpair()
        with ours:
            ours.setblocking(False)
            with theirs:
                self._process = process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tsunagu", "run", self.name, "--supervised"),
                    stdin=theirs.fileno(),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    env=self._environment,
                    limit=_LONGEST_LINE,
                    start_new_session=True,
                )
            if self._ending:
                process.terminate()
            listening = asyncio.create_task(self._listen(ours))
            copying = asyncio.create_task(self._copy(process))
            try:
                return await process.wait()
            finally:
                self.ready.clear()
                _kill_group(process.pid)
                listening.cancel()
                await asyncio.wait([listening, copying], timeout=2)

    async def end(self, grace: float) -> bool:
        """Asks the process to end and waits; False if it had to be ended by force."""
        self._ending = True
        process = self._process
        if process is None or process.returncode is not None:
            return True
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), grace)
        except TimeoutError:
            self.kill()
            await process.wait()
            return False
        return True

    def kill(self) -> None:
        """Ends the process and all it started, at once."""
        if self.pid is not None:
            _kill_group(self.pid)

    async def _listen(self, ours: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while said := await loop.sock_recv(ours, 64):
            if READY in said:
                self.ready.set()

    async def _copy(self, process: asyncio.subprocess.Process) -> None:
        stream = process.stdout
        while stream is not None:
            try:
                raw = await stream.readline()
            except ValueError:
                self._write(line(self.name, "warning", "(a line too long to show)"))
                continue
            if not raw:
                return
            text = raw.decode(errors="replace").rstrip()
            if text:
                self._write(text if _LINE.match(text) else line(self.name, "output", text))


def _kill_group(leader: int) -> None:
    """What a process left behind goes with it: its port must be free for the next one."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
