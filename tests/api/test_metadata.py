"""Metadata of the gateway's own: a key that it does not know is a mistake, and is told as one."""

from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from support.caller import Refusal, refusal
from support.gateway import Gateway

TYPO = ("x-batchjobs-reqest-id", "night-1")


def of_metadata(refused: Refusal) -> dict[str, set[str]]:
    assert (refused.code, refused.reason) == ("INVALID_ARGUMENT", "INVALID_SPEC")
    return refused.fields


async def test_an_unknown_key_of_ours_is_refused_by_its_name_and_nothing_is_made(gateway: Gateway) -> None:
    caller = gateway.caller("ranking")
    named, caller.metadata = caller.metadata, (*caller.metadata, TYPO, ("x-batchjobs-x", "1"))
    refused = await refusal(caller.create())
    assert of_metadata(refused) == {"x-batchjobs-reqest-id": {"METADATA"}, "x-batchjobs-x": {"METADATA"}}
    assert "x-batchjobs-request-id or x-batchjobs-team" in refused.message
    caller.metadata = named
    assert not (await caller.list()).batch_jobs


async def test_a_watch_is_refused_as_any_call(gateway: Gateway) -> None:
    caller = gateway.caller("ranking")
    made = await caller.create()
    caller.metadata = (*caller.metadata, TYPO)
    assert of_metadata(await refusal(caller.watch(made.name).event())) == {TYPO[0]: {"METADATA"}}


@pytest.mark.parametrize("key", ["x-batchjob-team", "x-goog-request-params", "x-request-id"])
async def test_keys_of_others_and_those_that_are_known_pass(gateway: Gateway, key: str) -> None:
    caller = gateway.caller("ranking")
    caller.metadata = (*caller.metadata, (key, "x"))
    assert (await caller.create()).name


async def test_a_request_id_in_metadata_alone_is_refused_where_the_requests_own_counts(gateway: Gateway) -> None:
    caller = gateway.caller("ranking")
    caller.metadata = (*caller.metadata, ("x-batchjobs-request-id", "night-1"))
    for request_id in ("", "night-2"):
        refused = await refusal(caller.create(request_id=request_id))
        assert of_metadata(refused) == {"request_id": {"METADATA"}}
    assert (await caller.create(request_id="night-1")).name


async def test_who_is_nobody_is_told_that_first_and_health_asks_for_no_names(gateway: Gateway) -> None:
    caller = gateway.caller("ranking")
    caller.metadata = (TYPO,)
    assert (await refusal(caller.list())).reason == "NOT_AUTHENTICATED"
    health: Any = health_pb2_grpc.HealthStub(gateway.channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(), metadata=(TYPO,), timeout=30)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
