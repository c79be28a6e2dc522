"""`input_bytes_per_day`, from the policy to the answer, for both kinds of source."""

from datetime import timedelta

import pytest

from batchjobs.v1 import batch_jobs_pb2 as pb
from support.caller import batch_job, refusal


def from_bucket() -> pb.BatchJob:
    return batch_job()


def from_table() -> pb.BatchJob:
    return batch_job(gcs_source=None, bigquery_source=pb.BigQuerySource(table="bq://corp-ml.ranking_in.rows"))


def size_of(gateway, make) -> int:
    if make is from_table:
        return gateway.table_path("corp-ml.ranking_in.rows").stat().st_size
    return (gateway.emulator.buckets.root / "ranking-in" / "rows.jsonl").stat().st_size


async def limit(gateway, quota) -> None:
    await gateway.set_policy(lambda policy: policy["teams"]["ranking"].update(quotas={"input_bytes_per_day": quota}))


@pytest.mark.parametrize("make", [from_bucket, from_table])
async def test_the_bytes_of_a_day_are_counted_and_the_one_too_many_is_refused_until_midnight(gateway, make):
    size = size_of(gateway, make)
    await limit(gateway, 2 * size)
    caller = gateway.caller("ranking")
    for _ in range(2):
        await caller.create(make())
    refused = await refusal(caller.create(make()))
    assert (refused.code, refused.reason) == ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    [violation] = refused.details["QuotaFailure"].violations
    assert (violation.quota_id, violation.quota_value) == ("input_bytes_per_day", 2 * size)
    assert violation.quota_dimensions["used"] == str(2 * size)
    assert f"reads {size}" in violation.description
    assert timedelta(0) < refused.retry_after <= timedelta(days=1)
    assert refused.pushback > 0


async def test_objects_and_tables_count_together(gateway):
    await limit(gateway, size_of(gateway, from_bucket) + size_of(gateway, from_table))
    caller = gateway.caller("ranking")
    await caller.create(from_bucket())
    await caller.create(from_table())
    assert (await refusal(caller.create(from_bucket()))).reason == "QUOTA_EXCEEDED"


@pytest.mark.parametrize("make", [from_bucket, from_table])
async def test_what_can_never_fit_is_refused_without_a_wait(gateway, make):
    await limit(gateway, size_of(gateway, make) - 1)
    refused = await refusal(gateway.caller("ranking").create(make()))
    assert refused.reason == "QUOTA_EXCEEDED"
    assert "Waiting does not help" in refused.message
    assert (refused.retry_after, refused.pushback) == (None, -1)


@pytest.mark.parametrize("make", [from_bucket, from_table])
async def test_in_shadow_it_lets_through_and_counts_what_it_would_have_refused(gateway, make):
    await limit(gateway, {"limit": 1, "mode": "shadow"})
    for _ in range(2):
        await gateway.caller("ranking").create(make())
    line = 'batchjobs_admissions_total{decision="would_refuse",reason="input_bytes_per_day",team="ranking"} 2.0'
    assert line in gateway.metrics()


async def test_a_replay_and_a_validation_count_nothing(gateway):
    await limit(gateway, size_of(gateway, from_table))
    caller = gateway.caller("ranking")
    await caller.create(from_table(), validate_only=True)
    for _ in range(3):
        await caller.create(from_table(), request_id="once")
    assert (await refusal(caller.create(from_table(), validate_only=True))).reason == "QUOTA_EXCEEDED"
