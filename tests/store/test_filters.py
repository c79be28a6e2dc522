"""Filtered pages: what the database answers is what the terms say, and no page looks further than it may."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.batch_job import BatchJob
from gateway.domain.filters import LabelTerm, ModelTerm, Operator, RegionTerm, StateTerm, Term, TimeTerm
from gateway.domain.states import ENDS, State
from gateway.store import filters
from gateway.store.changes import Changes
from gateway.store.database import Database
from gateway.store.reads import Reads
from support.database import run_sql
from support.store import OTHER_POOL, POOL, SPEC, create, moved, unobserved

PUBLISHER = "publishers/google/models/"
TUNED = "projects/corp-ml/locations/us-central1/models/7"
MODELS = {"flash": f"{PUBLISHER}gemini-2.5-flash", "gemini-2.5-pro": f"{PUBLISHER}gemini-2.5-pro", TUNED: TUNED}
NAMES = [*MODELS, *MODELS.values(), "gemini-2.5-flash", "nobody"]
KEYS, VALUES = ["run", "größe", "a-b"], ["", "nightly", "x"]
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = [BEGINNING + timedelta(microseconds=tick) for tick in range(-1, 6)]

TERMS: st.SearchStrategy[Term] = st.one_of(
    st.builds(StateTerm, st.sampled_from(State), st.booleans()),
    st.builds(ModelTerm, st.sampled_from(NAMES), st.booleans()),
    st.builds(RegionTerm, st.sampled_from([POOL.region, OTHER_POOL.region, ""]), st.booleans()),
    st.builds(LabelTerm, st.sampled_from(KEYS), st.sampled_from(VALUES), st.booleans()),
    st.builds(LabelTerm, st.sampled_from(KEYS), st.none(), st.just(True)),
    st.builds(
        TimeTerm,
        st.sampled_from([each for each in Operator if each is not Operator.HAS]),
        st.sampled_from([*TIMES, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]),
    ),
)

COMPARE = {
    Operator.EQUAL: lambda job, term: job == term,
    Operator.NOT_EQUAL: lambda job, term: job != term,
    Operator.LESS: lambda job, term: job < term,
    Operator.AT_MOST: lambda job, term: job <= term,
    Operator.GREATER: lambda job, term: job > term,
    Operator.AT_LEAST: lambda job, term: job >= term,
}


def meets(job: BatchJob, term: Term) -> bool:
    """What a term means, said without SQL."""
    match term:
        case StateTerm(state, equal):
            return (job.shown_state is state) == equal
        case ModelTerm(model, equal):
            forms = {job.spec.model, job.effective_model, job.effective_model.removeprefix(PUBLISHER)}
            return (model in forms) == equal
        case RegionTerm(region, equal):
            return (job.pool.region == region) == equal
        case LabelTerm(key, None, _):
            return key in job.spec.labels
        case LabelTerm(key, value, equal):
            return (job.spec.labels.get(key) == value) == equal
        case TimeTerm(operator, time):
            return COMPARE[operator](job.create_time, time)


async def varied(database: Database, url: str, count: int) -> list[BatchJob]:
    """Batch jobs of two teams that differ in everything that can be filtered by, the newest first."""
    chance, changes = random.Random(7), Changes(database.controller, unobserved)
    jobs = []
    for number in range(count):
        model = chance.choice(list(MODELS))
        labels = {key: chance.choice(VALUES) for key in KEYS if chance.random() < 0.5}
        job = await create(
            database,
            team=chance.choice(["ranking", "ranking", "ads"]),
            spec=replace(SPEC, model=model, labels=labels),
            pool=chance.choice([POOL, OTHER_POOL]),
            effective_model=MODELS[model],
        )
        state = chance.choice([each for each in State if each is not State.CANCELLING])
        if state is not State.QUEUED:
            await changes.change(job.team, job.id, moved(state))
        if chance.random() < 0.3:
            await changes.change(job.team, job.id, lambda row, now: row.wish_cancel(time=now, actor="test"))
        await run_sql(url, "UPDATE batch_jobs SET create_time = $2 WHERE id = $1", job.id, TIMES[1 + number % 5])
        jobs.append(job)
    deleted = next(job for job in jobs if job.team == "ranking")
    await changes.change(deleted.team, deleted.id, lambda row, now: row.evolve(delete_time=now))
    return list(await Reads(database.api).page(None, count))


async def test_a_filtered_list_is_the_whole_list_filtered(database: Database, database_url: str) -> None:
    """Also where ends were wished away: a batch job that has ended is not CANCELLING any more."""
    everything = await varied(database, database_url, 120)
    assert any(job.cancel_time and job.state in ENDS for job in everything)
    reads, loop = Reads(database.api), asyncio.get_running_loop()

    @settings(max_examples=300)
    @given(st.lists(TERMS, min_size=1, max_size=4), st.sampled_from([None, "ranking"]))
    def holds(terms: list[Term], team: str | None) -> None:
        page = asyncio.run_coroutine_threadsafe(reads.filtered(team, terms, 1000), loop).result()
        expected = [job for job in everything if team in {None, job.team} and all(meets(job, t) for t in terms)]
        assert list(page.jobs) == expected
        assert page.edge is None

    await asyncio.to_thread(holds)


async def pages(reads: Reads, terms: Sequence[Term], limit: int) -> list[list[int]]:
    """Every page, as ids; each begins below what the one before has come to."""
    found, before = list[list[int]](), None
    for _ in itertools.count():
        page = await reads.filtered("ranking", terms, limit, before)
        found.append([job.id for job in page.jobs])
        before = page.jobs[-1].id if len(page.jobs) == limit else page.edge
        if before is None:
            return found
    raise AssertionError("the count has no end")


async def test_a_page_looks_no_further_than_it_may_and_the_next_goes_on_there(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [await create(database, spec=replace(SPEC, labels={"n": str(number % 10)})) for number in range(30)]
    monkeypatch.setattr(filters, "LOOKED_AT", 4)
    found = await pages(Reads(database.api), [LabelTerm("n", "0", equal=True)], 5)
    assert [job_id for page in found for job_id in page] == [jobs[20].id, jobs[10].id, jobs[0].id]
    assert [len(page) for page in found] == [0, 0, 1, 0, 1, 0, 0, 1]


async def test_full_pages_follow_on_without_gap_or_repeat(database: Database) -> None:
    jobs = [await create(database, spec=replace(SPEC, labels={"n": str(number % 2)})) for number in range(10)]
    found = await pages(Reads(database.api), [LabelTerm("n", "1", equal=True)], 2)
    assert [job_id for page in found for job_id in page] == [job.id for job in jobs[::-2]]
    assert [len(page) for page in found] == [2, 2, 1]
