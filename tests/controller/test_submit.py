"""A create is sent once: what its answer means, and what follows when there is none."""

from gateway.domain.batch_job import AttemptOutcome
from gateway.domain.states import State
from support.controller import CREATE, World


async def test_a_queued_batch_job_becomes_one_vertex_job(world: World) -> None:
    job = await world.create(name="nightly")
    leader = await world.lead()

    await leader.submit()

    after = await world.read(job)
    assert after.state is State.PENDING
    assert after.vertex_name == world.vertex_job(job).name
    assert [each.outcome for each in after.attempts] == [AttemptOutcome.ACCEPTED]
    assert dict(world.vertex_job(job).message.labels) == {
        "batchjobs_gateway": "test",
        "batchjobs_id": str(job.id),
        "batchjobs_attempt": after.attempts[0].id,
        "batchjobs_team": "ranking",
    }
    assert len(world.calls(CREATE)) == 1
