"""Bring a database to this release's tables, by Alembic, one process at a time."""

from __future__ import annotations

from psycopg import Connection

from tsunagu.storage.database import Database
from tsunagu.storage.roles import ensure_roles

_LOCK = 0x7473756E  # "tsun"


def migrate(database: Database, revision: str = "head") -> None:
    """Create or upgrade the tables to a revision; a second call changes nothing.

    Raises:
        Denied: the login may not create the roles; the message holds the SQL to run.
    """
    # Only the process that migrates needs these, and they take 40 MB.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    with Connection.connect(database.url, autocommit=True) as door:
        door.execute("select pg_advisory_lock(%s)", (_LOCK,))
        ensure_roles(door)
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: database.connect("owner", autocommit=False),
            poolclass=NullPool,
        )
        config = Config()
        config.set_main_option("script_location", "tsunagu.storage:migrations")
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.commit()
