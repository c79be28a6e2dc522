"""A whole gateway with TLS: who callers are is what the policy goes by and what batch jobs tell."""

import structlog

from support.caller import State, refusal
from support.secured import RANKING, Secured


async def test_a_batch_job_says_who_made_it_and_who_cancelled_it(secured: Secured) -> None:
    ranking, both = await secured.certified(RANKING), await secured.with_token("both")
    created = await ranking.create()
    assert created.creator == f"mtls:{RANKING}"
    cancelled = await both.cancel(created.name)
    assert [(each.state, each.actor) for each in cancelled.transitions] == [
        (State.QUEUED, f"mtls:{RANKING}"),
        (State.CANCELLED, "jwt:corp:both"),
    ]


async def test_roles_are_what_the_policy_says_of_the_principal(secured: Secured) -> None:
    created = await (await secured.certified(RANKING)).create()
    viewer = await secured.with_token("dashboards")
    assert (await viewer.get(created.name)).name == created.name
    for call in (viewer.create(), viewer.cancel(created.name), viewer.delete(created.name)):
        assert (await refusal(call)).reason == "ROLE_FORBIDDEN"
    stranger = await secured.certified("spiffe://corp.example/ns/search/sa/batch")
    forbidden = await refusal(stranger.get(created.name))
    assert (forbidden.code, forbidden.reason) == ("PERMISSION_DENIED", "TEAM_FORBIDDEN")


async def test_a_principal_of_two_teams_may_use_both_and_one_of_none_nothing(secured: Secured) -> None:
    for team in ("ranking", "search"):
        assert (await (await secured.with_token("both", team)).list()).batch_jobs == []
        nobody = await secured.with_token("nobody", team)
        assert (await refusal(nobody.list())).reason == "TEAM_FORBIDDEN"


async def test_an_operator_reads_all_and_cancels_with_a_line_in_the_log(secured: Secured) -> None:
    created = await (await secured.certified(RANKING)).create()
    operator = await secured.with_token("oncall")
    assert (await operator.get(created.name)).name == created.name
    assert (await refusal(operator.create())).reason == "ROLE_FORBIDDEN"
    assert (await refusal(operator.delete(created.name))).reason == "ROLE_FORBIDDEN"
    with structlog.testing.capture_logs() as logs:
        cancelled = await operator.cancel(created.name)
        await operator.cancel(created.name)
    assert cancelled.transitions[-1].actor == "jwt:corp:oncall"
    lines = [line for line in logs if line["event"] == "audit"]
    about = {"action": "cancel", "operator": "jwt:corp:oncall", "batch_job": created.name, "log_level": "warning"}
    assert [{**line, "changed": None} for line in lines] == [{**about, "event": "audit", "changed": None}] * 2
    assert [line["changed"] for line in lines] == [True, False]


async def test_a_teams_own_cancel_is_no_audit_line(secured: Secured) -> None:
    ranking = await secured.certified(RANKING)
    created = await ranking.create()
    with structlog.testing.capture_logs() as logs:
        await ranking.cancel(created.name)
    assert not [line for line in logs if line["event"] == "audit"]


async def test_the_development_header_counts_for_nothing(secured: Secured) -> None:
    caller = await secured.with_token("nobody")
    caller.metadata = (*caller.metadata, ("x-batchjobs-team", "ranking"))
    assert (await refusal(caller.list())).reason == "TEAM_FORBIDDEN"
    caller.metadata = (("x-batchjobs-team", "operator"),)
    assert (await refusal(caller.list())).reason == "NOT_AUTHENTICATED"


async def test_both_listeners_serve_the_same_and_drain_together(secured: Secured) -> None:
    ranking, both = await secured.certified(RANKING), await secured.with_token("both")
    created = await ranking.create()
    assert (await both.get(created.name)).name == created.name
    watches = [ranking.watch(created.name), both.watch(created.name)]
    for watch in watches:
        await watch.job()
    secured.gateway.app.drain.begin()
    for watch in watches:
        assert (await refusal(watch.event())).reason == "DRAINING"


async def test_the_certificates_expiry_is_a_metric_of_each_listener(secured: Secured) -> None:
    told = secured.gateway.metrics()
    for listener in ("tokens", "mtls"):
        assert f'batchjobs_certificate_expiry_timestamp_seconds{{listener="{listener}"}}' in told
