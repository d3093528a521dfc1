"""A replay follows who is kept apart: its shadow has rows of its own."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
