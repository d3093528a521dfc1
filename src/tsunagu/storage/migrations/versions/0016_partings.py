"""A plan may part what an older model merged."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
