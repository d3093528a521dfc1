"""The demonstration's server: starts clean, and ends only what is its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from installing import PORTS, free_ports

from tsunagu.access import list_workspaces, operators_exist
from tsunagu.core import Invalid, Retryable
from tsunagu.runtime.database import database_of
from tsunagu.runtime.demo_server import demo_settings, end_server, living, start_clean


def test_a_second_demonstration_ends_the_first_and_starts_clean(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True):
        monkeypatch.setenv(f"TSUNAGU_{name}_PORT", str(port))
    monkeypatch.setenv("TSUNAGU_HOME", str(open_folder))
    settings = demo_settings()
    assert not end_server(settings)
    server, first = start_clean(settings)
    try:
        assert {"collector", "console", "pipeline", "sender"} <= living(settings)
        with database_of(settings).connect("app") as connection:
            assert operators_exist(connection)
            assert list_workspaces(connection) == []
        (settings.folder / "left").touch()
    finally:
        assert end_server(settings)
        server.wait()
    server, second = start_clean(settings)
    try:
        assert second != first
        assert not (settings.folder / "left").exists()
    finally:
        assert end_server(settings)
        server.wait()


def test_a_stranger_on_the_folder_is_left_alone(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSUNAGU_HOME", str(open_folder))
    settings = demo_settings()
    code = (
        "import os, sys, time; from pathlib import Path; "
        "from tsunagu.runtime.locks import FolderLock, SUPERVISOR; "
        "lock = FolderLock(Path(sys.argv[1]), SUPERVISOR); lock.take(shared=False); "
        "lock.write(str(os.getpid())); print('held', flush=True); time.sleep(60)"
    )
    stranger = subprocess.Popen(
        [sys.executable, "-c", code, str(settings.folder)], stdout=subprocess.PIPE
    )
    try:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        with pytest.raises(Retryable, match=str(stranger.pid)):
            end_server(settings)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.communicate()


def test_it_never_touches_a_database_by_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSUNAGU_DATABASE_URL", "postgresql://somebody@db/theirs")
    with pytest.raises(Invalid, match="TSUNAGU_DATABASE_URL"):
        demo_settings()
