"""One step of the schema: the SQL file beside a migration, then the protection of every table."""

from __future__ import annotations

from pathlib import Path

from alembic import op

_PROTECT = Path(__file__).parent / "migrations" / "protect.sql"


def run_sql_beside(migration: str) -> None:
    """Run the SQL file that has the migration's name, then protect what it made.

    Args:
        migration: the `__file__` of the migration.
    """
    session = op.get_bind().connection.driver_connection
    assert session is not None
    session.execute(Path(migration).with_suffix(".sql").read_text())
    session.execute(_PROTECT.read_text())
