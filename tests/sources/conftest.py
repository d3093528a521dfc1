"""Sources of a workspace, and the real servers from which they read."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from sourcing import Shop
from sqlalchemy.exc import OperationalError

from tsunagu.storage import Database, EmbeddedServer, in_workspace


@pytest.fixture
def shop(database: Database, workspace: int, tmp_path: Path) -> Iterator[Shop]:
    yield Shop(database, workspace, tmp_path / "home")
    # the role of the next test runs the sources of all workspaces
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        cursor.execute("update sources set paused = true")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL that is not the platform's own."""
    with tempfile.TemporaryDirectory(prefix="tsunagu-") as name:
        Path(name).chmod(0o755)
        server = EmbeddedServer(Path(name) / "theirs")
        try:
            yield f"{server.start()}&options=-c%20role%3Dtsunagu_owner"
        finally:
            server.destroy()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """The URL of a MariaDB server: Debian's, started for this session."""
    if shutil.which("mariadbd") is None:
        missing = "mariadbd is missing: apt-get install mariadb-server"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(f"MARIADB WAS NOT TESTED. {missing}")
    with tempfile.TemporaryDirectory(prefix="tsunagu-") as name:
        Path(name).chmod(0o755)
        with _mariadb_server(Path(name)) as url:
            yield url


@contextmanager
def _mariadb_server(folder: Path) -> Iterator[str]:
    account = ["--user=mysql"] if os.geteuid() == 0 else []
    data, socket = folder / "data", folder / "socket"
    subprocess.run(
        [
            *("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db"),
            *("--auth-root-authentication-method=normal", *account),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    if account:
        shutil.chown(folder, "mysql")
    server = subprocess.Popen(
        [
            *("mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", *account),
            *("--skip-networking", "--innodb-buffer-pool-size=16M", "--skip-log-bin"),
        ],
        stderr=subprocess.DEVNULL,
    )
    url = f"mariadb+pymysql://root@/mysql?unix_socket={socket}"
    try:
        _await_mariadb(url)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def _await_mariadb(url: str) -> None:
    deadline = time.monotonic() + 30
    engine = sqlalchemy.create_engine(url)
    while True:
        try:
            engine.connect().close()
        except OperationalError:
            assert time.monotonic() < deadline, "MariaDB did not start"
            time.sleep(0.1)
        else:
            engine.dispose()
            return
