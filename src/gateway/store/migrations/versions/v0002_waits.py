"""How long each team's latest batch jobs waited in each pool. The version before neither reads nor writes it."""

from pathlib import Path

from alembic import op

from gateway.store.queries import read

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of `sql/0002.sql` in order."""
    for statement in read(Path(__file__).parent.parent / "sql" / "0002.sql").values():
        op.execute(statement)
