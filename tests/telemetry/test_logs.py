"""Logs: JSON lines that name things and show no secret."""

import asyncio
import contextvars
import io
import json
import logging
from datetime import datetime, timedelta

import pytest
import structlog

from gateway.telemetry import logs


@pytest.fixture
def stream():
    before = logging.getLogger().handlers[:], logging.getLogger().level
    written = io.StringIO()
    logs.configure(written)
    yield written
    structlog.reset_defaults()
    logging.getLogger().handlers[:], level = before
    logging.getLogger().setLevel(level)


def entries(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_a_line_is_one_json_object_with_the_names_of_its_call(stream):
    logs.begin_call()
    logs.about(rpc_id="r1", team="ranking")
    structlog.get_logger().info("rpc", code="OK")
    [entry] = entries(stream)
    assert entry.items() >= {"event": "rpc", "code": "OK", "rpc_id": "r1", "team": "ranking", "level": "info"}.items()
    assert "timestamp" in entry


async def test_names_are_those_of_one_call(stream):
    """A name that is given outside of any call is nobody's, and what a task of a call names is the call's."""

    async def call(team: str) -> None:
        logs.begin_call()
        await asyncio.create_task(work(team))
        structlog.get_logger().info(team)

    async def work(team: str) -> None:
        logs.about(team=team)

    async def outside() -> None:
        logs.about(team="nobody's")
        await asyncio.gather(call("ads"), call("ranking"))
        structlog.get_logger().info("outside")

    # A context of its own: another test may have left a call of its own in this thread's.
    await asyncio.create_task(outside(), context=contextvars.Context())
    assert [(entry["event"], entry.get("team")) for entry in entries(stream)] == [
        ("ads", "ads"),
        ("ranking", "ranking"),
        ("outside", None),
    ]


@pytest.mark.parametrize("key", sorted(logs.SECRET_KEYS))
def test_what_must_never_be_shown_is_blanked(stream, key):
    structlog.get_logger().info("slip", **{key: "s3cret"})
    assert "s3cret" not in stream.getvalue()


@pytest.mark.parametrize(
    ("value", "shown"), [(2**70, 2**70), ("a\udcff", "a\udcff"), ({1, 2}, "{1, 2}"), ({1: "one"}, {"1": "one"})]
)
def test_a_value_that_json_has_no_usual_form_for_still_makes_a_line(stream, value, shown):
    structlog.get_logger().info("odd", value=value)
    [entry] = entries(stream)
    assert entry["value"] == shown
    assert datetime.fromisoformat(str(entry["timestamp"])).utcoffset() == timedelta(0)


def test_warnings_of_libraries_take_the_same_form(stream):
    logging.getLogger("some.library").warning("look %s", "here")
    [entry] = entries(stream)
    assert (entry["event"], entry["logger"], entry["level"]) == ("look here", "some.library", "warning")


def test_a_stack_is_written_inside_the_line(stream):
    try:
        int("defect")
    except ValueError:
        structlog.get_logger().exception("call failed")
    [entry] = entries(stream)
    assert "ValueError: invalid literal" in str(entry["exception"])


def test_lines_below_the_level_are_left_out(stream):
    structlog.get_logger().debug("detail")
    assert stream.getvalue() == ""


def test_an_answer_to_a_caller_that_has_gone_leaves_no_traceback(stream):
    """Everything else that gRPC logs does stand in the log."""
    gone = type("ExecuteBatchError", (Exception,), {})
    logger = logging.getLogger("grpc._cython.cygrpc")
    for error in (gone("the caller has gone"), ValueError("a defect")):
        logger.error("raised", exc_info=error)
    [entry] = entries(stream)
    assert "a defect" in str(entry["exception"])
