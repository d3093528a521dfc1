"""Disks that a test may fill up or break: real file systems of their own, mounted as root."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)


def _mount(*command: str) -> None:
    try:
        _run("mount", *command)
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", "") or str(error)
        pytest.skip(f"DISK FAILURES WERE NOT TESTED: this account may not mount: {told.strip()}")


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A disk of this size, in memory: what is tested is that it is full, not that it is kept."""
    with tempfile.TemporaryDirectory(prefix="tsunagu-disk-") as name:
        place = Path(name)
        place.chmod(0o755)
        _mount("-t", "tmpfs", "-o", f"size={megabytes}M,mode=755", "tmpfs", str(place))
        try:
            yield place
        finally:
            _run("umount", "-l", str(place))


class BreakableDisk:
    """A disk that the kernel makes read-only, as it does after errors of the device."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.place = folder / "disk"
        self._image = folder / "image"
        self.place.mkdir()
        with self._image.open("wb") as image:
            image.truncate(megabytes << 20)
        _run("mkfs.ext4", "-q", str(self._image))
        self.mount()
        self.place.chmod(0o755)

    def mount(self) -> None:
        """Make it usable, also again after it was broken."""
        _mount("-o", "loop,errors=remount-ro", str(self._image), str(self.place))

    def unmount(self) -> None:
        """Take it away from whoever uses it."""
        _run("umount", "-l", str(self.place))

    def turn_read_only(self) -> None:
        """End its journal, as the kernel does when the device fails."""
        _run("mount", "-o", "remount,abort", str(self.place))


@contextmanager
def breakable_disk(megabytes: int) -> Iterator[BreakableDisk]:
    """A disk of its own that can break."""
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("A READ-ONLY DISK WAS NOT TESTED: mkfs.ext4 is missing")
    with tempfile.TemporaryDirectory(prefix="tsunagu-disk-") as name:
        Path(name).chmod(0o755)
        disk = BreakableDisk(Path(name), megabytes)
        try:
            yield disk
        finally:
            disk.unmount()
