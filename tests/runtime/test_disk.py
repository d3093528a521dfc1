"""The disk of the database turns read-only under a whole installation, and is mended."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from installing import Installation, wait_until

from disks import BreakableDisk, breakable_disk


@pytest.fixture
def disk() -> Iterator[BreakableDisk]:
    with breakable_disk(400) as disk:
        yield disk


def users_of(place: Path) -> list[int]:
    """The processes that work inside a folder."""
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            if str(place) in process.cwd() and process.name().startswith("postgres"):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.slow
def test_a_read_only_disk_ends_the_server_until_it_is_mended(disk: BreakableDisk) -> None:
    with tempfile.TemporaryDirectory(prefix="tsunagu-") as name:
        Path(name).chmod(0o755)
        home = Path(name) / "home"
        home.mkdir(mode=0o711)
        (home / "postgres").symlink_to(disk.place / "postgres")
        made = Installation(home)
        try:
            made.start()
            play(made, disk)
        finally:
            if made.runs():
                assert made.server is not None
                made.server.terminate()
                made.wait(150)


def play(made: Installation, disk: BreakableDisk) -> None:
    key = next(word for word in made.log().split() if word.startswith("tsw_"))
    url = f"http://127.0.0.1:{made.ports['COLLECT']}/v1/track"

    def send(name: str) -> int:
        body = {"userId": "u-1", "event": name, "messageId": name}
        return httpx.post(url, auth=(key, ""), json=body, timeout=30).status_code

    assert send("before") == 200
    disk.turn_read_only()
    wait_until(lambda: send("during") == 503, "it is told")
    wait_until(lambda: "cannot be written" in made.log(), "the keeper has noticed")
    wait_until(lambda: not users_of(disk.place), "PostgreSQL has left the disk")
    assert send("during") == 503
    disk.unmount()
    disk.mount()
    wait_until(lambda: send("after") == 200, "it works again", 90)
    time.sleep(1)
    shown = made.call("events").stdout
    assert "before" in shown
    assert "after" in shown
