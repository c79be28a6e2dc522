"""The scene of a team's watch that breaks off and is resumed."""

from batchjobs.v1 import batch_jobs_pb2 as pb
from examples.demo.caller import ENDS, State
from examples.demo.scenes import TICKETS, batch_job, name_of
from examples.demo.show import insist, say
from examples.demo.stage import Stage


async def resumes_where_it_broke_off(stage: Stage) -> None:
    """A watch over the team breaks off; resumed, it tells what has happened meanwhile, a deletion included."""
    ranking = stage.caller("ranking")
    old = next(job for job in await ranking.list() if job.state in ENDS)
    token = ""
    async for event in ranking.watch_team():
        token = event.resume_token
        if event.synced:
            break
    say("watched until synced, kept the resume token, and went away")
    job = await ranking.create(batch_job(TICKETS, "gs://ranking-out/unseen"))
    await ranking.cancel(job.name)
    await ranking.until(job.name)
    await ranking.delete(old.name)
    seen = await told_since(stage, token, {job.name, old.name})
    for name, what in seen.items():
        say(f"resumed: {name} is {what}")
    insist(seen == {job.name: name_of(State.CANCELLED), old.name: "deleted"}, f"the resumed watch told {seen}")


async def told_since(stage: Stage, token: str, names: set[str]) -> dict[str, str]:
    """The latest that a resumed watch tells of each of these."""
    seen: dict[str, str] = {}
    async for event in stage.caller("ranking").watch_team(token):
        if event.HasField("deleted"):
            seen[event.deleted.name] = "deleted"
        elif event.HasField("batch_job"):
            seen[event.batch_job.name] = pb.BatchJob.State.Name(event.batch_job.state)
        if names <= seen.keys():
            break
    return seen
