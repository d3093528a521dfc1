"""Bulk loads and their progress."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
