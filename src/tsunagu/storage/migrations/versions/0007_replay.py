"""Replays into a shadow."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
