"""The store: batch jobs, teams, shares, request ids, pools, the lease."""

from pathlib import Path

from alembic import op

from gateway.store.queries import read

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of `sql/0001.sql` in order."""
    for statement in read(Path(__file__).parent.parent / "sql" / "0001.sql").values():
        op.execute(statement)
