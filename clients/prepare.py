"""What must have happened before the programs come."""

import asyncio
from typing import Final

from batchjobs.client import BatchJob, Client, GcsDestination, GcsSource, Security
from clients.standing import Standing

TEAM: Final = "limited"
NOBODY: Final = "nobody"
"""Whose token no issuer has made."""


def forge_token(gateway: Standing) -> None:
    """Write a token that the gateway does not take."""
    gateway.token(NOBODY).write_text("not.a.token")


def use_up_quota(gateway: Standing) -> None:
    """Create the one batch job that the team `limited` may have queued."""
    asyncio.run(_create(gateway))


async def _create(gateway: Standing) -> None:
    security = Security(ca_file=gateway.ca, token_file=gateway.token(TEAM))
    async with Client(gateway.endpoint, team=TEAM, security=security) as client:
        await client.create(
            BatchJob(
                model="gemini-2.5-flash",
                region="us-central1",
                gcs_source=GcsSource(uri="gs://ranking-in/tickets.jsonl"),
                gcs_destination=GcsDestination(output_uri_prefix="gs://ranking-out/limited"),
            )
        )
