"""Decisions about identity: merged, parted, kept apart."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
