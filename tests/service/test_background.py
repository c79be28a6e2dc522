"""Tasks that run as long as the process does."""

import asyncio

import pytest
import structlog

from gateway.background import Background


async def for_ever() -> None:
    await asyncio.Event().wait()


async def broken() -> None:
    raise ValueError("defect")


async def over() -> None:
    return


@pytest.mark.parametrize("work", [broken, over])
async def test_a_task_that_ends_by_itself_is_a_failure_and_is_logged(work):
    background = Background()
    with structlog.testing.capture_logs() as logs:
        background.run("feed", for_ever())
        background.run("poll", work())
        await background.failed()
    assert [(entry["log_level"], entry["task"]) for entry in logs] == [("critical", "poll")]
    await background.stop()


async def test_what_is_stopped_has_not_failed():
    background = Background()
    background.run("feed", for_ever())
    background.may_end()
    background.run("controller", over())
    with structlog.testing.capture_logs() as logs:
        await background.stop()
    assert logs == []
