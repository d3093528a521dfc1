"""Survivorship: which of several values of a trait holds."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
