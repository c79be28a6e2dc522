"""Who contends for which pool: what each team has active, its account, and the first heads of its queue."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from asyncpg import Record

from gateway.domain.batch_job import PoolId
from gateway.domain.fair_share import Contender, Head
from gateway.domain.shares import Share, Standing
from gateway.store.connections import Session
from gateway.store.queries import load

SQL: Final = load("dispatches")

_Key = tuple[str, str]


async def read_contenders(session: Session, most: Callable[[PoolId, int], int]) -> tuple[Contender, ...]:
    """Every (pool, team) with anything open or that is not known to be idle, in order, with its first
    `most(pool, active in it)` heads.
    """
    counts = await session.rows(SQL["counts"])
    shares = await read_shares(session)
    active: Counter[str] = Counter()
    for row in counts:
        active[row["pool"]] += row["active"]
    bounds = {pool: most(PoolId.parse(pool), active[pool]) for pool in {row["pool"] for row in counts}}
    wanted = [(row["pool"], row["team"], bounds[row["pool"]]) for row in counts if row["backlogged"]]
    wanted = [each for each in wanted if each[2] > 0]
    heads = gather_heads(await session.rows(SQL["heads"], *columns(wanted, 3)))
    return tuple(
        Contender(
            pool=PoolId.parse(row["pool"]),
            team=row["team"],
            share=shares.get((row["pool"], row["team"]), Share()),
            backlogged=row["backlogged"],
            heads=tuple(heads[row["pool"], row["team"]]),
            active=row["active"],
            charged=row["charged"],
        )
        for row in sorted(counts, key=lambda row: (row["pool"], row["team"]))
    )


async def read_shares(session: Session) -> dict[_Key, Share]:
    """Every account by pool and team."""
    return {
        (row["pool"], row["team"]): Share(row["service"], row["mean_run"], Standing(row["standing"]))
        for row in await session.rows(SQL["shares"])
    }


def gather_heads(rows: Iterable[Record]) -> defaultdict[_Key, list[Head]]:
    """Heads by pool and team, in the order of the rows."""
    heads: defaultdict[_Key, list[Head]] = defaultdict(list)
    for row in rows:
        head = Head(row["id"], row["priority"], row["create_time"], row["refusals"])
        heads[row["pool"], row["team"]].append(head)
    return heads


def columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    """Rows turned into the arrays that `unnest` takes."""
    return [[row[i] for row in rows] for i in range(width)]


async def read_probes(session: Session, pool: PoolId) -> tuple[Contender, ...]:
    """The pool's contenders, each with the one head that Vertex refused least often."""
    everyone = await read_contenders(session, lambda _pool, _active: 0)
    heads = gather_heads(await session.rows(SQL["probes"], str(pool)))
    return tuple(
        replace(contender, heads=tuple(heads[str(pool), contender.team]))
        for contender in everyone
        if contender.pool == pool
    )
