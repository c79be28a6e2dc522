"""Every RPC, asked by everybody, about what is there and about what is not.

Who may not do a thing learns nothing by trying: not whether the batch job is there, nor the team, nor whether a token
or a request_id is one that the gateway has given or taken. And nothing is changed by it.
"""

from dataclasses import dataclass, replace

import pytest
import structlog

from support.secured import RANKING, Secured
from tenancy.callers import FORBIDDEN, KINDS, MISSING, Refused
from tenancy.rows import ROWS, SERVICE, Answer, Right, Target, ask, everything_stored, searching

GARBLED = "bm90aGluZw"


@dataclass(frozen=True)
class Targets:
    """What is there, and what only looks like it: names as long as the real ones."""

    there: Target
    absent: Target
    no_team: Target

    @property
    def all(self) -> tuple[Target, ...]:
        return (self.there, self.absent, self.no_team)


async def _fill(secured: Secured) -> Targets:
    """A team with two batch jobs, a second page, a taken request_id and a token to resume from."""
    member = await secured.certified(RANKING)
    first = await member.create(request_id="taken-1")
    job = await member.create()
    page = await member.list(page_size=1)
    watch = member.watch_team()
    while not (event := await watch.event()).synced:
        pass
    watch.call.cancel()
    number = int(job.name.rpartition("/")[2])
    there = Target("ranking", number, "taken-1", page.next_page_token, event.resume_token)
    assert first.name != job.name
    absent = Target("ranking", number + 1, "free-01", GARBLED, GARBLED)
    return Targets(there, absent, replace(absent, team="nothing"))


def _refused_alike(answers: list[Answer], refused: Refused) -> bool:
    """Whether all are this refusal, and nobody could tell one from the other."""
    told = {(each.code, each.reason, each.cause, each.wire) for each in answers}
    return len(told) == 1 and (answers[0].code, answers[0].reason, answers[0].cause) == refused


def test_every_rpc_has_a_row() -> None:
    assert set(ROWS) == set(SERVICE.methods_by_name)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.refused])
async def test_who_is_refused_learns_nothing_and_changes_nothing(secured: Secured, name: str) -> None:
    kind, targets = KINDS[name], await _fill(secured)
    caller = await kind.make(secured)
    before = await everything_stored(secured.gateway.database_url)
    for method in ROWS:
        if refused := kind.refused.get(ROWS[method].right):
            # Who may read the team knows that it is there.
            asked = targets.all if Right.READ in kind.refused else (targets.there, targets.absent)
            answers = [await ask(caller, method, target) for target in asked]
            assert _refused_alike(answers, refused), (method, answers)
    assert await everything_stored(secured.gateway.database_url) == before


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if Right.READ not in kind.refused])
async def test_who_may_is_answered_so_that_the_refusals_are_for_want_of_the_right_alone(
    secured: Secured, name: str
) -> None:
    kind, targets = KINDS[name], await _fill(secured)
    caller = await kind.make(secured)
    for method in sorted(ROWS, key=lambda method: (ROWS[method].right.value, method)):
        if ROWS[method].right not in kind.refused:
            answer = await ask(caller, method, targets.there)
            assert answer.code == "OK", (method, answer)


async def test_a_member_is_a_stranger_in_every_other_team(secured: Secured) -> None:
    await _fill(secured)
    job = await (await secured.with_token("search", "search")).create(searching())
    there = Target("search", int(job.name.rpartition("/")[2]), "taken-1", GARBLED, GARBLED)
    caller = await secured.certified(RANKING)
    before = await everything_stored(secured.gateway.database_url)
    for method in ROWS:
        answers = [await ask(caller, method, each) for each in (there, replace(there, team="absent", id=there.id + 1))]
        assert _refused_alike(answers, FORBIDDEN), (method, answers)
    assert await everything_stored(secured.gateway.database_url) == before


BY_NAME = [name for name in ROWS if "name" in SERVICE.methods_by_name[name].input_type.fields_by_name]


async def test_a_foreign_id_under_ones_own_team_is_as_if_it_had_never_been(secured: Secured) -> None:
    targets = await _fill(secured)
    search = await secured.with_token("search", "search")
    before = await everything_stored(secured.gateway.database_url)
    for method in BY_NAME:
        if method == "GetTeamUsage":
            continue
        asked = (replace(targets.there, team="search"), replace(targets.absent, team="search"))
        answers = [await ask(search, method, each) for each in asked]
        assert _refused_alike(answers, MISSING), (method, answers)
    assert await everything_stored(secured.gateway.database_url) == before


async def test_what_was_deleted_is_as_if_it_had_never_been(secured: Secured) -> None:
    targets = await _fill(secured)
    member = await secured.certified(RANKING)
    await member.cancel(targets.there.name)
    await member.delete(targets.there.name)
    for caller in (member, await secured.with_token("oncall")):
        for method in ("GetBatchJob", "CancelBatchJob", "WatchBatchJob"):
            answers = [await ask(caller, method, each) for each in (targets.there, targets.absent)]
            assert _refused_alike(answers, MISSING), (method, answers)


async def test_an_operator_changes_nothing_but_what_it_cancels_and_leaves_a_line_for_each(secured: Secured) -> None:
    targets = await _fill(secured)
    operator = await secured.with_token("oncall")
    before = await everything_stored(secured.gateway.database_url)
    with structlog.testing.capture_logs() as logs:
        for method in (name for name in ROWS if name != "CancelBatchJob"):
            for target in targets.all:
                await ask(operator, method, target)
        assert await everything_stored(secured.gateway.database_url) == before
        for target in targets.all:
            await ask(operator, "CancelBatchJob", target)
    audits = [(line["batch_job"], line["operator"], line["changed"]) for line in logs if line["event"] == "audit"]
    assert audits == [(each.name, "jwt:corp:oncall", each is targets.there) for each in targets.all]
    after = await everything_stored(secured.gateway.database_url)
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {"batch_jobs", "teams"}  # The batch job, and the revision of its team.
    assert len(set(after["batch_jobs"]) - set(before["batch_jobs"])) == 1
