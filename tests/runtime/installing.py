"""A whole installation for tests: its own folder, free ports, real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PORTS = ("CONSOLE", "PUBLIC", "COLLECT", "MAILBOX")


def free_ports(count: int) -> list[int]:
    """Ports that were free just now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Waits for something that other processes do."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class Installation:
    """A data folder with its settings, and the processes that work on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TSUNAGU_")}
        ports = {f"TSUNAGU_{name}_PORT": str(port) for name, port in self.ports.items()}
        self.environment = kept | ports | {"TSUNAGU_HOME": str(home), "LANG": "C.UTF-8"}
        self.environment["TSUNAGU_COLLECTORS"] = "2"
        self.log_file = home.with_name(home.name + ".log")
        self.server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts `tsunagu serve` and waits until it shows the addresses."""
        with self.log_file.open("wb") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "tsunagu", "serve"],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: "Ctrl-C ends it" in self.log() or not self.runs(), "serve is ready", 120)
        assert self.runs(), self.log()

    def runs(self) -> bool:
        """Whether the supervisor runs."""
        return self.server is not None and self.server.poll() is None

    def log(self) -> str:
        """All that the server has written."""
        return self.log_file.read_text()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the supervisor alone."""
        assert self.server is not None
        self.server.send_signal(number)

    def wait(self, seconds: float = 60) -> int:
        """Waits for the supervisor's end; its exit status."""
        assert self.server is not None
        return self.server.wait(seconds)

    def call(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of the command line on this installation."""
        return subprocess.run(
            [sys.executable, "-m", "tsunagu", *words],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def processes(self) -> dict[int, str]:
        """Every living process of this installation, by pid, PostgreSQL's included."""
        data = (self.home / "postgres").resolve() / "data"
        found: dict[int, str] = {}
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("TSUNAGU_HOME") == str(self.home)
                if process.status() != psutil.STATUS_ZOMBIE and (
                    ours or process.cwd() == str(data)
                ):
                    found[process.pid] = " ".join(process.cmdline())
            except psutil.Error:
                continue
        return found

    def pids_of(self, role: str) -> set[int]:
        """All processes of a role."""
        return {pid for pid, words in self.processes().items() if f" run {role} " in f"{words} "}

    def pid_of(self, role: str) -> int | None:
        """The process of a role."""
        return next(iter(self.pids_of(role)), None)
