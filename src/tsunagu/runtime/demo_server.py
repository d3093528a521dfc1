"""The demonstration's own installation: a folder that starts clean, a server in the background.

An earlier demonstration is ended first, and only if the lock on its folder proves that the
process is ours.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

import psutil
import psycopg

from tsunagu.access import create_operator
from tsunagu.core import Invalid, Retryable
from tsunagu.runtime.database import database_of, embedded_server, open_database
from tsunagu.runtime.demo.installation import Installation
from tsunagu.runtime.first_start import new_password
from tsunagu.runtime.locks import CHILDREN, SUPERVISOR, FolderLock
from tsunagu.runtime.ports import require_free
from tsunagu.runtime.roles import wanted_roles
from tsunagu.runtime.settings import Settings, environment_of, load_settings
from tsunagu.serve.status import processes
from tsunagu.storage import migrate

OPERATOR = "demo"
_LOG = "serve.log"
_SECONDS_TO_START, _SECONDS_TO_END = 90.0, 150.0


def demo_settings() -> Settings:
    """The settings of the environment, in a folder `demo` of the data folder."""
    settings = load_settings()
    if settings.database_url is not None:
        raise Invalid(
            "The demonstration makes and deletes a database of its own. "
            "Unset TSUNAGU_DATABASE_URL and run it again."
        )
    return load_settings(home=settings.folder / "demo")


def end_server(settings: Settings) -> bool:
    """Ends the server on the demonstration's folder; False when none runs there."""
    if not settings.folder.exists():
        return False
    with FolderLock(settings.folder, SUPERVISOR) as lock:
        if lock.take(shared=True):
            return False
        process = _supervisor(lock.note())
        process.terminate()
        try:
            process.wait(_SECONDS_TO_END)
        except psutil.TimeoutExpired:
            raise Retryable(
                f"The demonstration's server (process {process.pid}) does not end; end it."
            ) from None
    return True


def _supervisor(note: str) -> psutil.Process:
    """The process that holds the lock, if it is what the lock's note says."""
    try:
        process = psutil.Process(int(note))
        words = process.cmdline()
    except (ValueError, psutil.Error) as error:
        raise Retryable(f"Process {note!r} holds the demonstration's folder; end it.") from error
    if "serve" not in words or not any("tsunagu" in word for word in words):
        raise Retryable(f"Process {process.pid} holds the demonstration's folder; end it.")
    return process


def start_clean(settings: Settings) -> tuple[subprocess.Popen[bytes], str]:
    """Deletes what an earlier run left and starts a server; the process and the password.

    Raises:
        Invalid: a port is in use.
        Retryable: the server did not get ready; the message has the end of its log.
    """
    _clean(settings)
    roles = wanted_roles(settings)
    ports = {role.port: int(getattr(settings, role.port)) for role in roles if role.port}
    require_free(settings.host, ports)
    settings.folder.mkdir(parents=True, mode=0o711)
    password = new_password()
    with open_database(settings, tables=False) as database:
        migrate(database)
        with database.connect("app") as connection:
            create_operator(connection, OPERATOR, password)
    with (settings.folder / _LOG).open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "tsunagu", "serve"],
            env=environment_of(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _await_ready(server, settings, {role.name for role in roles})
    return server, password


def installation_of(settings: Settings) -> Installation:
    """Where the demonstration's job finds everything."""
    return Installation(
        database_of(settings),
        settings.collect_address,
        settings.public_address,
        settings.mailbox_folder,
        settings.folder / "lake",
    )


def _clean(settings: Settings) -> None:
    if not settings.folder.exists():
        return
    with FolderLock(settings.folder, CHILDREN) as others:
        if not others.take(shared=False, timeout=30):
            raise Retryable("Processes of an earlier demonstration do not end; end them.")
    embedded_server(settings).destroy()
    shutil.rmtree(settings.folder)


def _await_ready(server: subprocess.Popen[bytes], settings: Settings, wanted: set[str]) -> None:
    until = time.monotonic() + _SECONDS_TO_START
    while not living(settings) >= wanted:
        if server.poll() is not None or time.monotonic() > until:
            server.terminate()
            lines = (settings.folder / _LOG).read_text(errors="replace").splitlines()
            raise Retryable("\n".join(["The server did not start.", *lines[-15:]]))
        time.sleep(0.2)


def living(settings: Settings) -> set[str]:
    """The roles that have a heartbeat; none while PostgreSQL does not answer."""
    try:
        with database_of(settings).connect("app") as connection:
            return {found.role for found in processes(connection) if found.alive}
    except psycopg.OperationalError:
        return set()


def end_started(server: subprocess.Popen[bytes]) -> None:
    """Ends a server that `start_clean` started."""
    server.terminate()
    try:
        server.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
