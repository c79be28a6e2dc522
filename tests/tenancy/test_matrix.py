"""Every RPC, asked by everybody on every surface, about what is there and about what is not.

Who may not do a thing learns nothing by trying: not whether the batch job is there, nor the team, nor whether a token
or a request_id is one that the gateway has given or taken. And nothing is changed by it.
"""

from dataclasses import dataclass, replace

import pytest
import structlog

from support.secured import RANKING
from tenancy.callers import FORBIDDEN, KINDS, MISSING, ONE_OF_RANKING, ONE_OF_SEARCH, Refused
from tenancy.conftest import Entrance
from tenancy.rows import SERVICE, Right, Target, searching
from tenancy.surfaces import SURFACES, Answer, Line, Surface
from tenancy.vertex_rows import VERTEX_SERVICE

GARBLED = "bm90aGluZw"
UNNAMED = Target("ranking", 0, "", "", "")


@dataclass(frozen=True)
class Targets:
    """What is there, and what only looks like it: names as long as the real ones."""

    there: Target
    absent: Target
    no_team: Target

    @property
    def all(self) -> tuple[Target, ...]:
        return (self.there, self.absent, self.no_team)


async def _ask(line: Line, surface: Surface, method: str, target: Target) -> Answer:
    """The answer, its caller's own name for the target aside."""
    answer = await line.ask(method, surface.rows[method].asked(target))
    return replace(answer, wire=repr(answer.wire).replace(str(target.id), "ID"))


async def _fill(entrance: Entrance, surface: Surface) -> Targets:
    """A team with two batch jobs, a second page, a taken request_id and a token to resume from."""
    number = list(SURFACES.values()).index(surface)
    line = await entrance.connect(surface, KINDS["a member"])
    first = replace(UNNAMED, request_id=f"taken-{number}")
    made = [(await _ask(line, surface, surface.create, each)).message for each in (first, UNNAMED)]
    page = (await _ask(line, surface, surface.list, UNNAMED)).message
    assert made[0].name != made[1].name
    id_ = int(made[1].name.rpartition("/")[2])
    resume_token = await _resume_token(entrance) if "WatchBatchJobs" in surface.rows else ""
    there = Target("ranking", id_, first.request_id, page.next_page_token, resume_token)
    absent = Target("ranking", id_ + 1, f"free-{number:02}", GARBLED, GARBLED)
    return Targets(there, absent, replace(absent, team="nothing"))


async def _resume_token(entrance: Entrance) -> str:
    watch = (await entrance.secured.certified(RANKING)).watch_team()
    while not (event := await watch.event()).synced:
        pass
    watch.call.cancel()
    return event.resume_token


def _refused_alike(answers: list[Answer], refused: Refused) -> bool:
    """Whether all are this refusal, and nobody could tell one from the other."""
    told = {(each.code, each.reason, each.cause, each.wire) for each in answers}
    return len(told) == 1 and (answers[0].code, answers[0].reason, answers[0].cause) == refused


def _by_name(surface: Surface) -> list[str]:
    """The methods that name a batch job."""
    fields = {method: surface.service.methods_by_name[method].input_type.fields_by_name for method in surface.rows}
    return [method for method in surface.rows if "name" in fields[method] and method != "GetTeamUsage"]


def test_every_rpc_has_a_row_and_every_one_without_a_stream_has_a_route() -> None:
    for surface in SURFACES.values():
        methods = surface.service.methods_by_name
        unary = {name for name, method in methods.items() if not method.server_streaming}
        assert set(surface.rows) == (set(methods) if surface.routes is None else unary)
    assert {surface.service for surface in SURFACES.values()} == {SERVICE, VERTEX_SERVICE}


@pytest.mark.parametrize("name", list(KINDS))
async def test_who_is_refused_learns_nothing_and_changes_nothing(entrance: Entrance, name: str) -> None:
    kind = KINDS[name]
    for reached, surface in entrance.surfaces.items():
        refusals, targets = kind.refusals(surface), await _fill(entrance, surface)
        caller, before = await entrance.connect(surface, kind), await entrance.stored()
        for method, row in surface.rows.items():
            if refused := refusals.get(row.right):
                # Who may read the team knows that it is there.
                asked = targets.all if Right.READ in refusals else (targets.there, targets.absent)
                answers = [await _ask(caller, surface, method, target) for target in asked]
                assert _refused_alike(answers, refused), (reached, method, answers)
        assert await entrance.stored() == before


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if Right.READ not in kind.refused])
async def test_who_may_is_answered_so_that_the_refusals_are_for_want_of_the_right_alone(
    entrance: Entrance, name: str
) -> None:
    for reached, surface in entrance.surfaces.items():
        refusals, targets = KINDS[name].refusals(surface), await _fill(entrance, surface)
        caller = await entrance.connect(surface, KINDS[name])
        for method in sorted(surface.rows, key=lambda method: (surface.rows[method].right.value, method)):
            if surface.rows[method].right not in refusals:
                answer = await _ask(caller, surface, method, targets.there)
                assert answer.code == "OK", (reached, method, answer)


@pytest.mark.parametrize("most", [1, 2], ids=["the replica is full", "the team is full"])
@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if Right.READ in kind.refused])
async def test_that_no_more_may_watch_is_told_to_nobody_who_may_not(entrance: Entrance, name: str, most: int) -> None:
    kind, surface = KINDS[name], SURFACES["BatchJobs"]
    refusals, targets = kind.refusals(surface), await _fill(entrance, surface)
    watches = entrance.secured.gateway.app.use_cases.watch._watches
    watches.settings = replace(watches.settings, most=most, most_of_one=1)
    member, stranger = await entrance.secured.certified(RANKING), await entrance.connect(surface, kind)
    watch = member.watch_team()
    await watch.event()
    viewer = await entrance.connect(surface, KINDS["a viewer"])
    for method in ("WatchBatchJob", "WatchBatchJobs"):
        assert (await _ask(viewer, surface, method, targets.there)).reason == "OVERLOADED"
        answers = [await _ask(stranger, surface, method, target) for target in targets.all]
        assert _refused_alike(answers, refusals[Right.READ]), (method, answers)
    watch.call.cancel()


async def test_a_member_is_a_stranger_in_every_other_team(entrance: Entrance, surface: Surface) -> None:
    searcher = await entrance.secured.with_token("search", "search")
    job = await searcher.create(searching())
    there = Target("search", int(job.name.rpartition("/")[2]), "taken-1", GARBLED, GARBLED)
    caller, before = await entrance.connect(surface, ONE_OF_RANKING), await entrance.stored()
    for method in surface.rows:
        asked = (there, replace(there, team="absent", id=there.id + 1))
        answers = [await _ask(caller, surface, method, each) for each in asked]
        assert _refused_alike(answers, FORBIDDEN), (method, answers)
    assert await entrance.stored() == before


async def test_a_foreign_id_under_ones_own_team_is_as_if_it_had_never_been(
    entrance: Entrance, surface: Surface
) -> None:
    targets = await _fill(entrance, surface)
    search, before = await entrance.connect(surface, ONE_OF_SEARCH), await entrance.stored()
    for method in _by_name(surface):
        asked = (replace(targets.there, team="search"), replace(targets.absent, team="search"))
        answers = [await _ask(search, surface, method, each) for each in asked]
        assert _refused_alike(answers, MISSING), (method, answers)
    assert await entrance.stored() == before


async def test_what_was_deleted_is_as_if_it_had_never_been(entrance: Entrance, surface: Surface) -> None:
    targets = await _fill(entrance, surface)
    member = await entrance.secured.certified(RANKING)
    await member.cancel(targets.there.name)
    await member.delete(targets.there.name)
    for kind in ("a member", "an operator"):
        caller = await entrance.connect(surface, KINDS[kind])
        for method in _by_name(surface):
            if surface.rows[method].right not in KINDS[kind].refused:
                answers = [await _ask(caller, surface, method, each) for each in (targets.there, targets.absent)]
                assert _refused_alike(answers, MISSING), (kind, method, answers)


async def test_an_operator_changes_nothing_but_what_it_cancels_and_leaves_a_line_for_each(
    entrance: Entrance, surface: Surface
) -> None:
    targets = await _fill(entrance, surface)
    operator, before = await entrance.connect(surface, KINDS["an operator"]), await entrance.stored()
    cancel = next(method for method in surface.rows if method.startswith("Cancel"))
    with structlog.testing.capture_logs() as logs:
        for method in surface.rows.keys() - {cancel}:
            for target in targets.all:
                await _ask(operator, surface, method, target)
        assert await entrance.stored() == before
        for target in targets.all:
            await _ask(operator, surface, cancel, target)
    audits = [(line["batch_job"], line["operator"], line["changed"]) for line in logs if line["event"] == "audit"]
    assert audits == [(each.name, "jwt:corp:oncall", each is targets.there) for each in targets.all]
    after = await entrance.stored()
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {"batch_jobs", "teams"}  # The batch job, and the revision of its team.
    assert len(set(after["batch_jobs"]) - set(before["batch_jobs"])) == 1
