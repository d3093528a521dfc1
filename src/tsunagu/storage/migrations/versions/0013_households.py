"""Households and companies: a layer above customers."""

from tsunagu.storage.migration_steps import run_sql_beside

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql_beside(__file__)
