"""Who besides the pipeline wrote a workspace's state."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
