"""A collector that really listens: in a thread for most tests, as a process for the rough ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from collecting import Sent, free_port, wait_for

from tsunagu.access import create_key
from tsunagu.collect import run
from tsunagu.core.figures import Figures
from tsunagu.storage import Database

PROGRAM = """
import os, signal, threading
from tsunagu.collect import run
from tsunagu.storage import Database
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
run(Database(os.environ["URL"]), host="127.0.0.1", port=int(os.environ["PORT"]), stop=stop)
"""


@pytest.fixture(scope="session")
def figures() -> Figures:
    return Figures()


@pytest.fixture(scope="session")
def collector(database: Database, figures: Figures) -> Iterator[str]:
    """The address of a collector in a thread of this process."""
    port, stop = free_port(), Event()
    options: dict[str, Any] = {"host": "127.0.0.1", "port": port, "stop": stop, "figures": figures}
    thread = Thread(target=run, args=(database,), kwargs=options)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url)
        yield url
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def sent(database: Database, workspace: int) -> Sent:
    with database.connect("app") as connection:
        return Sent(database, workspace, create_key(connection, workspace, "write", "web", "web"))


@pytest.fixture
def collector_process(
    database: Database,
) -> Callable[..., Any]:
    """Starts collectors as processes of their own, which a test may kill."""

    @contextmanager
    def start(**environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
        port = free_port()
        variables = {**os.environ, "URL": database.url, "PORT": str(port), **environment}
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], env=variables, cwd=Path(__file__).parent
        )
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for(url)
            yield url, process
        finally:
            process.kill()
            process.wait(20)

    return start
