"""The locks of the store, always taken in this order: lease, pool, team, batch job.

Each is a statement of its own, and what it protects is read in later ones: a statement that both waits for a lock and
counts would count from before the wait.
"""

from typing import Final

from gateway.domain.batch_job import PoolId
from gateway.store.connections import Transaction
from gateway.store.errors import LeaseLostError
from gateway.store.queries import load

SQL: Final = load("locks")


async def fence(transaction: Transaction, term: str) -> None:
    """Go on only while `term` is in force, and keep it from being taken over before this transaction ends.

    Raises:
        LeaseLostError: the term is over.

    """
    if not await transaction.value(SQL["fence"], term):
        raise LeaseLostError(f"the term {term} is over")


async def lock_pool(transaction: Transaction, pool: PoolId) -> None:
    """Lock a pool's row, making it where there is none."""
    if not await transaction.value(SQL["lock_pool"], str(pool)):
        await transaction.run(SQL["make_pool"], str(pool))
        await transaction.value(SQL["lock_pool"], str(pool))


async def lock_team(transaction: Transaction, team: str) -> bool:
    """Lock a team's row; False where the team never had a batch job."""
    return bool(await transaction.value(SQL["lock_team"], team))


async def lock_or_make_team(transaction: Transaction, team: str) -> None:
    """Lock a team's row, making it for the team's first batch job."""
    if not await lock_team(transaction, team):
        await transaction.run(SQL["make_team"], team)
        await lock_team(transaction, team)
