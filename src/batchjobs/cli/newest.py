"""The beginning of a list."""

from contextlib import aclosing
from typing import Final

from batchjobs.client import BatchJob, Client

PAGE_SIZE: Final = 200


async def newest(client: Client, limit: int, filter_: str = "", *, all_teams: bool = False) -> list[BatchJob]:
    """The newest batch jobs, `limit` at most."""
    found: list[BatchJob] = []
    listed = client.list(filter=filter_, all_teams=all_teams, page_size=min(PAGE_SIZE, limit))
    async with aclosing(listed) as batch_jobs:
        async for batch_job in batch_jobs:
            found.append(batch_job)
            if len(found) == limit:
                break
    return found
