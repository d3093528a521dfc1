"""The tracking plan, and what happens to dead letters."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
