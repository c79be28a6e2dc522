"""The policy file changes while calls are served."""

import asyncio

import yaml

from gateway.policy.model import Policy
from support.caller import State, batch_job, refusal


async def test_a_broken_file_leaves_the_old_policy_in_force_and_shows(gateway):
    gateway.policy_path.write_text("teams: [broken")
    await gateway.app.core.policies.reload()
    assert (await gateway.caller("ranking").create()).state == State.QUEUED
    assert "batchjobs_policy_last_reload_successful 0.0" in gateway.metrics()


async def test_an_emptied_file_leaves_the_old_policy_in_force(gateway):
    gateway.policy_path.write_text("")
    await gateway.app.core.policies.reload()
    assert (await gateway.caller("ranking").create()).state == State.QUEUED


async def test_a_changed_file_is_taken_up_by_itself(start_gateway):
    gateway = await start_gateway(role="api", driven=True)
    taken = asyncio.Event()

    def on_policy(_policy: Policy) -> None:
        taken.set()

    gateway.app.core.policies.subscribe(on_policy)
    gateway.policy["teams"]["ranking"]["models"] = ["gemini-9"]
    gateway.policy_path.write_text(yaml.safe_dump(gateway.policy))
    await gateway.advance_until(taken.wait(), 2)
    assert (await refusal(gateway.caller("ranking").create())).reason == "POLICY_VIOLATION"


async def test_limits_are_live(gateway):
    caller = gateway.caller("ranking")
    await caller.create()
    await gateway.set_policy(lambda policy: policy["defaults"]["quotas"].update(queued_jobs=1))
    assert (await refusal(caller.create())).reason == "QUOTA_EXCEEDED"


async def test_a_removed_team_loses_access_and_keeps_its_batch_jobs(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create()
    await gateway.set_policy(lambda policy: policy["teams"].pop("ranking"))
    for call in (
        caller.get(job.name),
        caller.list(),
        caller.create(),
        caller.cancel(job.name),
        caller.delete(job.name),
    ):
        assert (await refusal(call)).reason == "TEAM_FORBIDDEN"
    shown = await gateway.caller("operator", "ranking").get(job.name)
    assert shown.state == State.QUEUED


async def test_a_replay_is_answered_even_when_the_policy_no_longer_allows_the_model(gateway):
    caller = gateway.caller("ranking")
    job = await caller.create(request_id="nightly")
    await gateway.set_policy(lambda policy: policy["teams"]["ranking"].update(models=["gemini-9"]))
    assert (await caller.create(request_id="nightly")).name == job.name
    assert (await refusal(caller.create(batch_job()))).reason == "POLICY_VIOLATION"


async def test_a_team_that_is_removed_while_its_create_is_checked_is_refused(gateway, monkeypatch):
    """Without limits of its own it would otherwise be let through unchecked."""
    placer = gateway.app.use_cases.create._placer
    place = placer.place

    async def remove_meanwhile(*args):
        placement = await place(*args)
        await gateway.set_policy(lambda policy: policy["teams"].pop("ranking"))
        return placement

    monkeypatch.setattr(placer, "place", remove_meanwhile)
    assert (await refusal(gateway.caller("ranking").create())).reason == "TEAM_FORBIDDEN"
    assert not (await gateway.caller("operator", "ranking").list()).batch_jobs
