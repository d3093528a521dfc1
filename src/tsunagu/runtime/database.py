"""The database that a process of this installation works on, embedded or by URL.

The embedded server belongs to whoever started it and is stopped by the last who leaves: the
supervisor's keeper holds it for all roles; a role or command run by hand starts it if it has
to, and finds it running otherwise.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tsunagu.core import Invalid, Retryable
from tsunagu.runtime.lifeline import Lifeline
from tsunagu.runtime.locks import CHILDREN, DATABASE, FolderLock
from tsunagu.runtime.settings import Settings
from tsunagu.storage import Database, EmbeddedServer

_PATIENCE = 60.0
_log = logging.getLogger("tsunagu.database")


def embedded_server(settings: Settings) -> EmbeddedServer:
    """The server of the data folder, running or not."""
    return EmbeddedServer(settings.folder / "postgres")


def database_of(settings: Settings) -> Database:
    """The database by its address; nothing is started or asked."""
    if settings.database_url is not None:
        return Database(settings.database_url.get_secret_value())
    return Database(embedded_server(settings).url)


def own_places(settings: Settings) -> tuple[str, ...]:
    """The folders that no source may read: the installation's data and its server's socket."""
    socket = conninfo_to_dict(database_of(settings).url).get("host")
    places = [str(settings.folder)]
    return (*places, str(socket)) if str(socket or "").startswith("/") else tuple(places)


@contextmanager
def open_database(settings: Settings, *, tables: bool = True) -> Generator[Database]:
    """The database for a role or command run by hand; an embedded server runs meanwhile.

    Raises:
        Invalid: there is none, it has no tables yet, or it cannot be reached; the message says
            what to do.
    """
    if settings.database_url is not None:
        database = database_of(settings)
        _await_answer(database, patience=5)
        _require_tables(database, tables)
        yield database
        return
    server = embedded_server(settings)
    if tables and not server.folder.exists():
        # A mistyped TSUNAGU_HOME must not become a second, empty installation.
        raise Invalid(
            f"There is no installation in {settings.folder}. Start one with: tsunagu serve, "
            "or set TSUNAGU_HOME to the folder of yours."
        )
    with FolderLock(settings.folder, DATABASE) as users:
        users.take(shared=True, timeout=_PATIENCE)
        try:
            _start_or_find(server)
            database = database_of(settings)
            _await_answer(database, _PATIENCE)
            _require_tables(database, tables)
            yield database
        finally:
            if users.take(shared=False) and server.running:
                server.start()
                server.stop()


def keep_database(settings: Settings, stop: threading.Event, lifeline: Lifeline) -> None:
    """The supervisor's keeper: the embedded server runs until the supervisor says otherwise.

    When the supervisor is gone the keeper waits for the other roles to end, then stops it.

    Raises:
        Retryable: the server ended by itself, or its disk has become read-only; a new keeper
            recovers it.
    """
    server = embedded_server(settings)
    _require_writable(server.folder)
    with FolderLock(settings.folder, DATABASE) as users, server:
        users.take(shared=True, timeout=_PATIENCE)
        _await_answer(database_of(settings), _PATIENCE)
        _log.info("PostgreSQL runs in %s", server.folder)
        lifeline.ready()
        while not stop.wait(1):
            if not server.running:
                raise Retryable("PostgreSQL ended by itself; it recovers at its next start.")
            _require_writable(server.folder)
        if lifeline.parent_gone.is_set():
            _await_children(settings)


def _require_writable(folder: Path) -> None:
    """A server on a disk that went read-only must end: it hinders whoever mends the disk."""
    try:
        os.utime(folder)
    except FileNotFoundError:  # it is only about to be made
        return
    except OSError as error:
        raise Retryable(
            f"The disk of {folder} cannot be written ({error.strerror}). Mend it and mount it "
            "again; PostgreSQL then starts by itself."
        ) from None


def _await_children(settings: Settings) -> None:
    with FolderLock(settings.folder, CHILDREN) as others:
        others.take(shared=False, timeout=_PATIENCE)


def _start_or_find(server: EmbeddedServer) -> None:
    until = time.monotonic() + _PATIENCE
    while not server.running:
        try:
            server.start()
        except Retryable:  # another process is just starting it
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _await_answer(database: Database, patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            psycopg.connect(database.url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > until:
                raise Invalid(
                    f"The database does not answer: {str(error).strip()}\n"
                    "Check TSUNAGU_DATABASE_URL and that the server runs."
                ) from None
            time.sleep(0.1)
        else:
            return


def _require_tables(database: Database, wanted: bool) -> None:
    if not wanted:
        return
    with psycopg.connect(database.url) as connection:
        row = connection.execute("select to_regclass('public.processes')").fetchone()
    if row is None or row[0] is None:
        raise Invalid("The database has no tables yet. Run: tsunagu migrate")
