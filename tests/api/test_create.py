"""CreateBatchJob over a real connection, with every check behind it."""

from support.caller import State, batch_job, refusal


async def test_a_create_is_answered_queued(gateway):
    job = await gateway.caller("ranking").create()
    assert job.state == State.QUEUED
    assert job.name.startswith("teams/ranking/batchJobs/")
    print(job)
