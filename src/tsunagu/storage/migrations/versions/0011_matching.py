"""Matching: records, keys, reviews and plans."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
