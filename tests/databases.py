"""A migrated database in a server of its own, gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tsunagu.access import create_workspace
from tsunagu.eventlog import ensure_partitions
from tsunagu.storage import Database, EmbeddedServer, migrate


@contextmanager
def fresh_database() -> Iterator[Database]:
    """Start a server in a folder that every account can enter."""
    with tempfile.TemporaryDirectory(prefix="tsunagu-") as name:
        Path(name).chmod(0o755)
        server = EmbeddedServer(Path(name) / "postgres")
        try:
            database = Database(server.start())
            migrate(database)
            with database.connect("owner") as connection:
                ensure_partitions(connection)
            yield database
        finally:
            server.destroy()


def workspace_maker(database: Database) -> Callable[..., int]:
    """Makes a fresh workspace; takes the options of `create_workspace`."""

    def make(**options: Any) -> int:
        with database.connect("app") as connection:
            return create_workspace(connection, f"test {uuid4().hex[:12]}", **options)

    return make
