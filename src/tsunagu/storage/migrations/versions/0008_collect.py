"""Collecting over HTTP at rate."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
