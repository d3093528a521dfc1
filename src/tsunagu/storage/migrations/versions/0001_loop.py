"""The tables of the loop."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

_HERE = Path(__file__).parent


def upgrade() -> None:
    """Create the tables, then protect every one of them."""
    session = op.get_bind().connection.driver_connection
    assert session is not None
    session.execute((_HERE / "0001_loop.sql").read_text())
    session.execute((_HERE.parent / "protect.sql").read_text())
