"""Locks of the data folder. The kernel frees them when a process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

SUPERVISOR = "supervisor"
CHILDREN = "children"
DATABASE = "database"


class FolderLock:
    """A lock that one process holds alone or several share. Held until `release` or the end."""

    def __init__(self, folder: Path, name: str) -> None:
        path = folder / "locks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, *, shared: bool, timeout: float = 0) -> bool:
        """Takes the lock, or changes the way it is held; False when others hold it too long."""
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        until = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(self._file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    return False
                time.sleep(0.05)
            else:
                return True

    def write(self, text: str) -> None:
        """Leaves a note for whoever finds the lock held."""
        os.truncate(self._file, 0)
        os.pwrite(self._file, text.encode(), 0)

    def note(self) -> str:
        """What the holder wrote."""
        return os.pread(self._file, 100, 0).decode(errors="replace").strip()

    def release(self) -> None:
        """Gives the lock back."""
        os.close(self._file)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
