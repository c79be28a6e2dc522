"""Headers of the gateway's own, over REST: what it does not know is refused."""

from rest.conftest import Rest

JOBS = "/v1/teams/ranking/batchJobs"


async def test_an_unknown_header_of_ours_is_refused_by_its_name(front: Rest) -> None:
    refused = await front(JOBS, "-H", "x-batchjobs-reqest-id: night-1")
    assert (refused.code, refused.error["status"]) == (400, "INVALID_ARGUMENT")
    assert refused.error["message"].startswith("x-batchjobs-reqest-id: There is no such metadata.")
    assert (await front(JOBS)).code == 200
