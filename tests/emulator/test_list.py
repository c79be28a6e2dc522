"""Listing jobs through Google's client: filters, pages, masks."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.aiplatform_v1 import JobServiceAsyncClient
from google.cloud.aiplatform_v1.types import BatchPredictionJob

from emulator.helpers import PARENT, job
from vertex_emulator import Emulator

BERLIN = PARENT.replace("us-central1", "europe-west10")


async def create(client: JobServiceAsyncClient, emulator: Emulator, count: int, **changes: Any) -> list[str]:
    """Some jobs, a second apart; their names."""
    names = []
    for number in range(count):
        wanted = job(**{"display_name": f"job-{number}", "labels": {"number": str(number)}, **changes})
        made = await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=wanted)
        names.append(made.name)
        await emulator.driven_clock.advance(1)
    return names


async def listed(client: JobServiceAsyncClient, **request: Any) -> list[BatchPredictionJob]:
    pager = await client.list_batch_prediction_jobs(request={"parent": PARENT, **request})
    return [each async for each in pager]


async def test_the_newest_come_first(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    names = await create(client, emulator, 3)
    assert [each.name for each in await listed(client)] == names[::-1]


async def test_another_region_and_another_project_have_jobs_of_their_own(
    emulator: Emulator, client: JobServiceAsyncClient
) -> None:
    await create(client, emulator, 1)
    assert await listed(client, parent=BERLIN) == []
    assert await listed(client, parent=PARENT.replace("corp-ml", "other")) == []


async def test_a_filter_chooses(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    names = await create(client, emulator, 3)
    found = await listed(client, filter='labels.number="1" OR display_name:"*-2"')
    assert [each.name for each in found] == [names[2], names[1]]
    middle = found[1].create_time.isoformat()
    assert [each.name for each in await listed(client, filter=f'create_time<"{middle}"')] == names[:1]


async def test_a_bad_filter_is_refused_with_the_reason(client: JobServiceAsyncClient) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="Invalid filter: 'colour' cannot be filtered by"):
        await listed(client, filter="colour=blue")


async def test_pages_hold_every_job_once_while_others_come_and_go(
    emulator: Emulator, client: JobServiceAsyncClient
) -> None:
    names = await create(client, emulator, 7)
    pager = await client.list_batch_prediction_jobs(request={"parent": PARENT, "page_size": 3})
    seen, sizes = [], []
    async for page in pager.pages:
        sizes.append(len(page.batch_prediction_jobs))
        seen += [each.name for each in page.batch_prediction_jobs]
        await create(client, emulator, 1)
        if len(seen) == 3:
            emulator.console.delete(names[-1])
            emulator.console.delete(names[0])
    assert sizes == [3, 3]
    assert seen == names[:0:-1]


async def test_a_page_is_never_larger_than_the_limit(start: Any, connect: Any) -> None:
    emulator = await start(page_size_limit=2)
    client = connect(emulator)
    await create(client, emulator, 5)
    for wanted in (0, 50):
        pager = await client.list_batch_prediction_jobs(request={"parent": PARENT, "page_size": wanted})
        assert [len(page.batch_prediction_jobs) async for page in pager.pages] == [2, 2, 1]
    with pytest.raises(exceptions.InvalidArgument, match="page_size"):
        await listed(client, page_size=-1)


async def test_a_page_token_serves_its_own_query_only(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    await create(client, emulator, 3)
    pager = await client.list_batch_prediction_jobs(request={"parent": PARENT, "page_size": 1})
    token = pager.next_page_token
    assert token
    for request in (
        {"page_token": token, "filter": "labels.number:*"},
        {"page_token": token, "parent": BERLIN},
        {"page_token": token[:-3]},
        {"page_token": "garbled"},
        {"page_token": "e30="},
        {"page_token": "ü"},
    ):
        with pytest.raises(exceptions.InvalidArgument, match="page_token"):
            await listed(client, **request)


async def test_a_mask_chooses_fields(emulator: Emulator, client: JobServiceAsyncClient) -> None:
    await create(client, emulator, 1)
    (masked,) = await listed(client, read_mask={"paths": ["name", "input_config.gcs_source", "labels"]})
    assert masked == BatchPredictionJob(
        name=masked.name,
        labels={"number": "0"},
        input_config={"gcs_source": {"uris": ["gs://team-in/input.jsonl"]}},
    )
    assert masked.name
    everything = await listed(client, read_mask={"paths": ["*"]})
    assert everything == await listed(client)
    with pytest.raises(exceptions.InvalidArgument, match="read_mask"):
        await listed(client, read_mask={"paths": ["colour"]})
