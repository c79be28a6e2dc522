"""The statements by which a batch job's row changes, and its team's account with it. Callers hold the team's lock."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.domain.batch_job import BatchJob, PoolId
from gateway.domain.shares import Share, Standing
from gateway.store.connections import Transaction
from gateway.store.model import Changed
from gateway.store.queries import load
from gateway.store.rows import COLUMNS_OF_B, Slot, decode, decode_slot, encode_changing
from gateway.store.stamps import settled, slot_after, stamp

SQL: Final = load("changes", columns=COLUMNS_OF_B)


@dataclass(frozen=True, slots=True)
class Locked:
    """A row under its lock, the team's revision, and the store's time as the row was read."""

    job: BatchJob
    slot: Slot
    team_revision: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """A team's share of a pool, and the weight that its latest dispatch went by."""

    share: Share
    weight: float


async def read_locked(transaction: Transaction, team: str, job_id: int) -> Locked | None:
    """Lock and read a row; None where the team has none of this id."""
    row = await transaction.row(SQL["read_locked"], job_id, team)
    return None if row is None else Locked(decode(row), decode_slot(row), row["team_revision"], row["now"])


async def write(transaction: Transaction, locked: Locked, after: BatchJob, slot: Slot | None = None) -> Changed:
    """Write the row, then take the revision. `slot` is what a dispatch was charged; otherwise it follows the state."""
    before, now = locked.job, locked.now
    stamped = stamp(before, after, locked.team_revision + 1, now)
    slot_now = slot or slot_after(before, stamped, locked.slot, now)
    await transaction.run(SQL["write"], before.id, before.team, *encode_changing(stamped, slot_now))
    await transaction.run(SQL["take_revision"], before.team, stamped.revision)
    if before.active and not stamped.active:
        account = await read_account(transaction, before.team, before.pool)
        share = settled(account.share, account.weight, locked.slot, stamped, now)
        await write_account(transaction, before.team, before.pool, Account(share, account.weight))
    return Changed(before, stamped)


async def read_account(transaction: Transaction, team: str, pool: PoolId) -> Account:
    """The team's account in a pool, locked; opened where there is none."""
    row = await transaction.row(SQL["read_share"], team, str(pool))
    if row is None:
        await transaction.run(SQL["make_share"], team, str(pool))
        return Account(Share(), 1.0)
    return Account(Share(row["service"], row["mean_run"], Standing(row["standing"])), row["weight"])


async def write_account(transaction: Transaction, team: str, pool: PoolId, account: Account) -> None:
    """Write what a charge or a settlement made of the account; its standing is `level`'s to write."""
    share = account.share
    await transaction.run(SQL["write_share"], team, str(pool), share.service, share.mean_run, account.weight)
