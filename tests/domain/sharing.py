"""Pools, teams and queues for the tests of fair share, by hand and generated."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from gateway.domain.batch_job import PoolId
from gateway.domain.fair_share import Contender, Head, PoolSnapshot, TeamSnapshot
from gateway.domain.shares import Share, Standing

POOL = PoolId("corp-ml", "us-central1")
OTHER_POOL = PoolId("corp-ml", "europe-west4")
T0 = datetime(2025, 6, 1, tzinfo=UTC)


def a_pool(capacity=8, active=0, *, pool=POOL, **more):
    return PoolSnapshot(pool, capacity, active, **more)


def a_team(name, weight=1.0, active=0, limit=None, *, paused=False):
    return TeamSnapshot(name, weight, active, limit, paused=paused)


def teams(*snapshots):
    return {team.team: team for team in snapshots}


def a_head(number, *, age=None, priority=50, refusals=0):
    """`age` in seconds after T0, later is younger; by default the id's own order."""
    return Head(number, priority, T0 + timedelta(seconds=number if age is None else age), refusals)


def a_contender(name, *heads, service=0.0, mean=60.0, standing=Standing.CONTENDING, pool=POOL, active=0):
    share = Share(service, mean, standing)
    return Contender(pool, name, share, bool(heads), heads, active)


NAMES = ("ads", "maps", "ranking", "search")
WEIGHTS = st.sampled_from([0.5, 1.0, 2.0, 3.0])
SERVICES = st.sampled_from([0.0, 10.0, 60.0, 3600.0, 100_000.0])
POOLS = (POOL, OTHER_POOL)


@st.composite
def scenes(draw):
    """Pools, teams and contenders such as a snapshot of the store may hold, in any order."""
    pools = tuple(
        PoolSnapshot(
            pool,
            draw(st.integers(0, 6)),
            draw(st.integers(0, 7)),
            draw(st.integers(0, 2)),
            draw(st.integers(0, 1)),
            gate_open=draw(st.booleans()),
        )
        for pool in POOLS
    )
    known = {
        name: TeamSnapshot(
            name,
            draw(WEIGHTS),
            draw(st.integers(0, 4)),
            draw(st.none() | st.integers(0, 6)),
            paused=draw(st.booleans()),
        )
        for name in draw(st.sets(st.sampled_from(NAMES)))
    }
    ids = iter(range(1, 1000))
    contenders = [
        a_contender(
            name,
            *[
                a_head(next(ids), age=draw(st.integers(0, 5)), priority=draw(st.sampled_from([0, 50, 100])))
                for _ in range(draw(st.integers(0, 8)))
            ],
            service=draw(SERVICES),
            mean=draw(st.none() | st.sampled_from([1.0, 60.0, 7200.0])),
            standing=draw(st.sampled_from(Standing)),
            pool=pool,
            active=draw(st.integers(0, 3)),
        )
        for pool in POOLS
        for name in NAMES
    ]
    return pools, known, tuple(draw(st.permutations(contenders)))


def after(choice, pools, known, contenders):
    """The scene once `choice` was taken, as the next snapshot of the store would show it."""
    team = known[choice.team]
    known = {**known, team.team: replace(team, active=team.active + 1)}
    moved = [
        replace(
            c,
            backlogged=len(c.heads) > 1,
            heads=tuple(h for h in c.heads if h != choice.head),
            share=replace(c.share, service=c.share.service + choice.charge),
            active=c.active + 1,
            charged=c.charged + choice.charge,
        )
        if (c.pool, c.team) == (choice.pool, choice.team)
        else c
        for c in contenders
    ]
    pools = tuple(replace(p, active=p.active + 1) if p.id == choice.pool else p for p in pools)
    return pools, known, tuple(moved)
