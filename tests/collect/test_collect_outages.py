"""The database stops, hangs, or its disk is full or read-only: 503, nothing lost, then on again.

The collector runs through all of it and is never restarted.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import httpx
import psutil
import pytest
from collecting import Sent, free_port, wait_for

from databases import workspace_maker
from disks import breakable_disk, small_disk
from tsunagu.access import create_key
from tsunagu.collect import commit, directory, run
from tsunagu.eventlog import ensure_partitions
from tsunagu.storage import Database, EmbeddedServer, migrate


@dataclass
class Sender:
    """A shop's server that sends batches and keeps what it was promised."""

    url: str
    sent: Sent
    count: int = 0
    acknowledged: list[str] = field(default_factory=list[str])
    statuses: Counter[int] = field(default_factory=Counter[int])

    def send(self, size: int = 0) -> httpx.Response:
        """One batch of ten events, each with so many bytes of properties."""
        ids = [f"m{self.count}-{place}" for place in range(10)]
        self.count += 1
        events = [
            {
                "type": "track",
                "userId": "u",
                "event": "x",
                "messageId": i,
                "properties": {"text": os.urandom(size // 2).hex()},
            }
            for i in ids
        ]
        answer = httpx.post(
            f"{self.url}/v1/batch", json={"batch": events}, auth=(self.sent.key, ""), timeout=40
        )
        self.statuses[answer.status_code] += 1
        if answer.status_code == 200:
            self.acknowledged += ids
        return answer

    def until_refused(self, size: int = 0, batches: int = 5000) -> httpx.Response:
        """Send until a batch is not taken."""
        for _ in range(batches):
            answer = self.send(size)
            if answer.status_code != 200:
                return answer
        raise AssertionError(f"{batches} batches were all taken")

    def until_taken(self, seconds: float = 60) -> None:
        """Send until a batch is taken again; every other answer asks for patience."""
        until = time.monotonic() + seconds
        while (answer := self.send()).status_code != 200:
            assert_unavailable(answer)
            assert time.monotonic() < until, answer.text
            time.sleep(0.2)

    def check(self) -> None:
        """Whatever was acknowledged is there once; nothing but 200 and 503 was answered."""
        stored = Counter(row["message_id"] for row in self.sent.rows())
        assert set(self.acknowledged) <= set(stored)
        assert max(stored[one] for one in self.acknowledged) == 1
        assert set(self.statuses) == {200, 503}


def assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["code"] == "unavailable"


@contextmanager
def collecting(folder: Path) -> Iterator[tuple[EmbeddedServer, Sender]]:
    """A server on a folder, a collector before it, and someone who sends."""
    server = EmbeddedServer(folder / "postgres")
    port, stop = free_port(), Event()
    thread = None
    try:
        database = Database(server.start())
        migrate(database)
        with database.connect("owner") as connection:
            ensure_partitions(connection)
        workspace = workspace_maker(database)()
        with database.connect("app") as connection:
            key = create_key(connection, workspace, "write", "web", "web")
        options = {"host": "127.0.0.1", "port": port, "stop": stop}
        thread = Thread(target=run, args=(database,), kwargs=options)
        thread.start()
        url = f"http://127.0.0.1:{port}"
        wait_for(url)
        sender = Sender(url, Sent(database, workspace, key))
        assert sender.send().status_code == 200
        yield server, sender
    finally:
        stop.set()
        if thread is not None:
            thread.join(30)
        server.destroy()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tsunagu-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def processes(server: EmbeddedServer) -> list[psutil.Process]:
    """The server's first process and its sessions; nothing when it has ended."""
    data = server.folder.resolve() / "data"
    try:
        first = psutil.Process(int((data / "postmaster.pid").read_text().partition("\n")[0]))
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(server: EmbeddedServer) -> None:
    """End the server as a power cut would."""
    for process in processes(server):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    until = time.monotonic() + 20
    while server.running:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_database_is_stopped_and_started_again(folder: Path) -> None:
    with collecting(folder) as (server, sender):
        server.stop()
        for _ in range(5):
            assert_unavailable(sender.send())
        assert httpx.get(f"{sender.url}/v1/health").status_code == 503
        assert httpx.get(f"{sender.url}/v1/live").status_code == 200
        server.start()
        sender.until_taken()
        sender.check()


def test_the_database_is_killed_under_load(folder: Path) -> None:
    with collecting(folder) as (server, sender):
        kill(server)
        assert_unavailable(sender.until_refused())
        server.stop()
        server.start()
        sender.until_taken()
        sender.check()


def test_a_database_that_hangs_keeps_nobody_waiting(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "COMMIT_SECONDS", 1)
    monkeypatch.setattr(commit, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(directory, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(directory, "CONNECT_SECONDS", 2)
    monkeypatch.setattr(directory, "KNOWN_SECONDS", 1)
    with collecting(folder) as (server, sender):
        hanging = processes(server)
        for process in hanging:
            process.send_signal(signal.SIGSTOP)
        try:
            # longer than keys are remembered, so that these are asked for as well
            until = time.monotonic() + directory.KNOWN_SECONDS + 2
            while time.monotonic() < until:
                began = time.monotonic()
                assert_unavailable(sender.send())
                assert time.monotonic() - began < 5
            started = time.monotonic()
            waiting = [Thread(target=lambda: assert_unavailable(sender.send())) for _ in range(20)]
            _run_all(waiting)
            assert time.monotonic() - started < 8
        finally:
            for process in hanging:
                if process.is_running():
                    process.send_signal(signal.SIGCONT)
        sender.until_taken()
        sender.check()


def _run_all(threads: list[Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_full_disk_is_told_and_work_goes_on_when_there_is_room(folder: Path) -> None:
    with small_disk(200) as disk, collecting(disk) as (server, sender):
        ballast = disk / "ballast"
        _fill(ballast, leave=6 << 20)
        assert_unavailable(sender.until_refused(size=2000))
        for _ in range(3):
            assert_unavailable(sender.send(size=2000))
        assert len(sender.acknowledged) > 10
        ballast.unlink()
        _recovered(server)
        sender.until_taken()
        sender.check()


def _fill(ballast: Path, leave: int) -> None:
    free = os.statvfs(ballast.parent)
    with ballast.open("wb") as out:
        out.write(b"\0" * (free.f_bavail * free.f_frsize - leave))


def _recovered(server: EmbeddedServer) -> None:
    """A server that could write its log no more has ended; its keeper starts it again."""
    if not server.running:
        server.stop()
        server.start()


def test_a_disk_that_turns_read_only_is_told_and_work_goes_on_when_it_is_mended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(directory, "KNOWN_SECONDS", 1)
    with breakable_disk(300) as disk, collecting(disk.place) as (server, sender):
        disk.turn_read_only()
        assert_unavailable(sender.until_refused())
        time.sleep(directory.KNOWN_SECONDS)
        for _ in range(3):
            assert_unavailable(sender.send())
        # whoever mends the disk has to take it away first, and the server with it
        kill(server)
        server.stop()
        disk.unmount()
        disk.mount()
        server.start()
        sender.until_taken()
        sender.check()
