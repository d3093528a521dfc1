"""A whole installation for a bench: its own folder and ports, durability on, peak memory seen.

It is started as a user starts it (`tsunagu serve`), so that what is measured is what runs.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tsunagu.core import Invalid, Retryable
from tsunagu.runtime.database import database_of, embedded_server
from tsunagu.runtime.settings import Settings, environment_of, load_settings
from tsunagu.storage import Database, EmbeddedServer

_READY_WITHIN = 90.0
_ENDED_WITHIN = 150.0
_SECONDS_TO_LOOK = 4.0
_MEMORY_TMPFS = {"tmpfs", "ramfs"}


@dataclass
class Installation:
    """A running installation and what its processes used."""

    settings: Settings
    database: Database
    process: subprocess.Popen[bytes]
    peak_bytes: int = 0
    _end: threading.Event = field(default_factory=threading.Event)

    @property
    def collect_url(self) -> str:
        """Where events are posted."""
        return f"http://{self.settings.host}:{self.settings.collect_port}"

    def processes(self) -> list[psutil.Process]:
        """The supervisor, its roles and PostgreSQL with its sessions."""
        tops = [psutil.Process(self.process.pid), *self.role("postgres")]
        try:
            return [process for top in tops for process in (top, *top.children(recursive=True))]
        except psutil.NoSuchProcess:
            return []

    def role(self, name: str) -> list[psutil.Process]:
        """The process of a role, or PostgreSQL's first one; nothing while it is down."""
        try:
            if name == "postgres":
                folder = embedded_server(self.settings).folder.resolve() / "data"
                pid = (folder / "postmaster.pid").read_text().partition("\n")[0]
                return [psutil.Process(int(pid))]
            children = psutil.Process(self.process.pid).children()
            return [child for child in children if child.cmdline()[-2:-1] == [name]]
        except (psutil.NoSuchProcess, OSError, ValueError):
            return []

    def watch_memory(self) -> None:
        """Keep the largest sum of proportional memory (pages shared by n count 1/n each).

        Looking is work of the kernel's, so it is not done too often beside a measurement.
        """
        while not self._end.wait(_SECONDS_TO_LOOK):
            self.peak_bytes = max(self.peak_bytes, sum(map(memory_of, self.processes())))

    def stop_watching(self) -> None:
        """End `watch_memory`."""
        self._end.set()


def memory_of(process: psutil.Process) -> int:
    """Its proportional memory in bytes; 0 when it has just ended."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@contextmanager
def bench_folder(name: str) -> Generator[Path]:
    """A folder on a disk, gone afterwards with the embedded server in it.

    Raises:
        Invalid: the folder lies in memory.
    """
    below = Path(os.environ.get("TSUNAGU_BENCH_FOLDER", ".tsunagu")).absolute()
    below.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-", dir=below))
    folder.chmod(0o755)
    try:
        _require_disk(folder)
        yield folder
    finally:
        EmbeddedServer(folder / "postgres").destroy()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def installation(name: str, **variables: str) -> Generator[Installation]:
    """A fresh installation that is gone afterwards.

    `variables` are added to the environment of all its processes.

    Raises:
        Invalid: the folder lies in memory, or the server does not sync to disk.
    """
    with bench_folder(name) as folder:
        console, public, collect, mailbox = free_ports(4)
        settings = load_settings(
            home=folder,
            console_port=console,
            public_port=public,
            collect_port=collect,
            mailbox_port=mailbox,
        )
        with _running(settings, folder / "serve.log", variables) as found:
            require_durability(found.database)
            yield found


@contextmanager
def _running(
    settings: Settings, log: Path, variables: Mapping[str, str]
) -> Generator[Installation]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tsunagu", "serve"],
            env={**environment_of(settings), **variables},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    found = Installation(settings, database_of(settings), process)
    watcher = threading.Thread(target=found.watch_memory, daemon=True)
    try:
        _await_ready(settings, process, log)
        watcher.start()
        yield found
    finally:
        found.stop_watching()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_ENDED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(settings: Settings, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _READY_WITHIN
    ports = [settings.collect_port, settings.console_port, settings.public_port]
    while time.monotonic() < until and process.poll() is None:
        if all(_answers(settings.host, port) for port in ports):
            return
        time.sleep(0.1)
    tail = log.read_text(errors="replace")[-2000:]
    raise Retryable(f"The installation did not start. Its last words:\n{tail}")


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=0.2).close()
    except OSError:
        return False
    return True


def _require_disk(folder: Path) -> None:
    mounts = sorted(psutil.disk_partitions(all=True), key=lambda m: len(m.mountpoint), reverse=True)
    here = next((m for m in mounts if folder.is_relative_to(m.mountpoint)), None)
    if here is not None and here.fstype in _MEMORY_TMPFS:
        raise Invalid(
            f"{folder} lies in memory ({here.fstype}), where nothing is durable. "
            "Name a folder on a disk: TSUNAGU_BENCH_FOLDER=..."
        )


def require_durability(database: Database) -> None:
    """Refuse to measure a server that does not sync."""
    with database.connect("app") as connection:
        for setting in ("fsync", "synchronous_commit"):
            row = connection.execute("select current_setting(%s)", (setting,)).fetchone()
            if row is None or row[0] != "on":
                raise Invalid(f"PostgreSQL runs with {setting} off; a bench needs it on.")
