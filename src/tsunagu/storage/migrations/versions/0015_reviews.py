"""A question about two customers is asked once, whichever of them is named first."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
