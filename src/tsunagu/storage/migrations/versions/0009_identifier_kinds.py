"""Kinds of identifiers: their limits, and what was held back."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
