"""Restores: which stretches of time the store has forgotten."""

from pathlib import Path

from alembic import op

from gateway.store.queries import read

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of `sql/0003.sql` in order."""
    for statement in read(Path(__file__).parent.parent / "sql" / "0003.sql").values():
        op.execute(statement)
