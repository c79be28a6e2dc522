"""The line that every cancel by an operator leaves: it is there whenever the cancel is, whoever has gone meanwhile."""

import asyncio
from typing import Any

import pytest
import structlog

from gateway.domain.states import State
from gateway.errors import GatewayError, Reason
from gateway.identity.principal import Principal
from gateway.service.view import View
from support.blocking import END_COMMITTING, commits_held, holding
from support.database import run_sql
from support.gateway import Gateway
from tenancy.listening import listening

OPERATOR = Principal("dev:operator")
OF_A_TEAM = "SELECT 1 FROM teams WHERE team = 'ranking' FOR UPDATE"


async def queued(gateway: Gateway) -> int:
    """The number of a batch job of team ranking."""
    return int((await gateway.caller("ranking").create()).name.rpartition("/")[2])


def cancelling(gateway: Gateway, number: int, principal: Principal = OPERATOR) -> "asyncio.Task[View]":
    return asyncio.ensure_future(gateway.app.use_cases.cancel(principal, "ranking", number))


def audited(logs: list[Any]) -> list[tuple[str, str, bool | None]]:
    return [(line["operator"], line["batch_job"], line["changed"]) for line in logs if line["event"] == "audit"]


async def state_of(gateway: Gateway, number: int) -> State:
    job = await gateway.app.use_cases.get(OPERATOR, "ranking", number)
    return job.job.state


async def test_the_line_is_there_where_the_operator_goes_while_its_cancel_is_committed(gateway: Gateway) -> None:
    number = await queued(gateway)
    with structlog.testing.capture_logs() as logs:
        async with commits_held(gateway.database_url) as holder:
            cancel = cancelling(gateway, number)
            await holder.until_blocked()
            cancel.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancel
    assert await state_of(gateway, number) is State.CANCELLED
    assert audited(logs) == [("dev:operator", f"teams/ranking/batchJobs/{number}", True)]


async def test_a_commit_without_an_answer_leaves_the_line_and_says_that_nobody_knows(gateway: Gateway) -> None:
    number = await queued(gateway)
    with structlog.testing.capture_logs() as logs:
        async with commits_held(gateway.database_url) as holder:
            cancel = cancelling(gateway, number)
            await holder.until_blocked()
            await run_sql(gateway.database_url, END_COMMITTING)
            with pytest.raises(GatewayError) as refused:
                await cancel
    assert refused.value.reason is Reason.STORE_UNAVAILABLE
    assert audited(logs) == [("dev:operator", f"teams/ranking/batchJobs/{number}", None)]


async def test_no_line_stands_for_what_was_rolled_back(gateway: Gateway) -> None:
    number = await queued(gateway)
    with structlog.testing.capture_logs() as logs:
        async with holding(gateway.database_url, OF_A_TEAM) as holder:
            cancel = cancelling(gateway, number)
            await holder.until_blocked()
            cancel.cancel()
            await asyncio.wait({cancel})
    assert await state_of(gateway, number) is State.QUEUED
    assert audited(logs) == []


async def test_a_submitter_leaves_no_line(gateway: Gateway) -> None:
    number = await queued(gateway)
    with structlog.testing.capture_logs() as logs:
        await cancelling(gateway, number, Principal("dev:ranking"))
    assert audited(logs) == []


async def test_the_line_is_written_whatever_the_level(gateway: Gateway) -> None:
    number = await queued(gateway)
    with listening("ERROR") as heard:
        await cancelling(gateway, number)
        structlog.get_logger().warning("filtered")
    assert [line["event"] for line in heard.lines] == ["audit"]
