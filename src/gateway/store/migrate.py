"""The schema: brought to head by Alembic, and judged for whether this binary may serve on it."""


async def upgrade(url: str) -> None:
    """Bring the schema to `head()`. Safe to run from several replicas at once."""
    raise AssertionError


async def current(url: str) -> str | None:
    """The revision the database is at; None for an empty one."""
    raise AssertionError


def head() -> str:
    """The newest revision this binary knows."""
    raise AssertionError


def fits(revision: str | None) -> bool:
    """Whether this binary may serve on that schema: its own head, or one version either way."""
    raise AssertionError


async def restored(url: str) -> str:
    """Give the store a new incarnation after a restore from backup; every resume token is refused from then on."""
    raise AssertionError
