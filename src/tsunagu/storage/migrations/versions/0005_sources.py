"""Sources: their documents, secrets and cursors."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
