"""A collector and an API that really answer, and a workspace with keys of both kinds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from faulty import Proxy, Space, faulty

from databases import fresh_database, workspace_maker
from tsunagu import access
from tsunagu.analysis import Analysts
from tsunagu.collect import run
from tsunagu.core import Figures
from tsunagu.runtime.pipeline_loop import run as run_pipeline
from tsunagu.runtime.web import serve_app
from tsunagu.serve.app import api_app
from tsunagu.storage import Database


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    """A server of its own: the pipeline here would work in the workspaces of other tests, too."""
    with fresh_database() as database:
        yield database


@pytest.fixture(scope="session")
def make_workspace(database: Database) -> Callable[..., int]:
    """Makes a fresh workspace in that server."""
    return workspace_maker(database)


@contextmanager
def listening(work: Callable[[int, threading.Event], None]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(port, stop))
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(400):
            try:
                httpx.get(f"{url}/v1/health")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url
    finally:
        stop.set()
        thread.join(20)


@pytest.fixture(scope="session")
def collector(database: Database) -> Iterator[str]:
    with listening(
        lambda port, stop: run(database, host="127.0.0.1", port=port, stop=stop, figures=Figures())
    ) as url:
        yield url


@pytest.fixture(scope="session")
def api(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = api_app(database, Analysts(tmp_path_factory.mktemp("lake")))
    with listening(lambda port, stop: serve_app(app, "127.0.0.1", port, stop)) as url:
        yield url


@pytest.fixture(scope="session")
def pipeline(database: Database) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run_pipeline, args=(database, Figures(), stop))
    thread.start()
    yield
    stop.set()
    thread.join(20)


@pytest.fixture
def space(database: Database, workspace: int) -> Space:
    with database.connect("app") as connection:
        write = access.create_key(connection, workspace, "write", "kit", "kit")
        api = access.create_key(connection, workspace, "api", "kit", "kit")
    return Space(database, workspace, write, api)


@pytest.fixture
def proxy(collector: str) -> Iterator[Proxy]:
    with faulty(collector) as found:
        yield found
