"""The fuzzer: it reaches every field, and sees what it is there to see."""

import asyncio
import json
import random
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from batchjobs.v1 import batch_jobs_pb2 as pb
from fuzz import framing, log, wire
from fuzz.messages import Messages, Mood
from fuzz.sending import Input, Sender
from fuzz.surface import methods_at
from fuzz.values import TEAM, Values

FOUND = Path(__file__).parent / "found.jsonl"
"""What fuzzing has found and was mended: every one is sent again here."""
REQUESTS = [method.input_type for method in pb.DESCRIPTOR.services_by_name["BatchJobs"].methods_by_name.values()]
CALLER = (("x-batchjobs-team", TEAM),)


def messages(seed: int) -> Messages:
    rng = random.Random(seed)
    return Messages(rng, Values(rng))


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.name)
def test_every_field_of_a_request_is_sent_sooner_or_later(kind):
    """Nested ones included."""

    def reached(message) -> set[str]:
        fields = message.ListFields()
        inner = [value for each, value in fields if each.message_type is not None and not each.is_repeated]
        return {each.full_name for each, _ in fields}.union(*map(reached, inner))

    def known(descriptor) -> set[str]:
        nested = [each.message_type for each in descriptor.fields if each.message_type and not each.is_repeated]
        return {each.full_name for each in descriptor.fields}.union(*map(known, nested))

    seen: set[str] = set()
    for seed in range(4000):
        try:
            seen |= reached(GetMessageClass(kind).FromString(messages(seed).of_mood(kind, Mood.WILD)))
        except DecodeError:
            continue
        if seen >= known(kind):
            return
    assert seen >= known(kind)


@given(st.integers(0, 2**32), st.sampled_from(REQUESTS))
def test_a_plain_message_is_one_of_its_type(seed, kind):
    """Else nothing behind the deserialiser would ever be reached."""
    sent = messages(seed).of_mood(kind, Mood.PLAIN)
    assert all(each.number in kind.fields_by_number for each, _ in GetMessageClass(kind).FromString(sent).ListFields())


@given(st.binary(max_size=200), st.integers(0, 2**32))
def test_the_same_chances_give_the_same_wounds(data, seed):
    """A seed repeats a run."""
    assert wire.mutated(random.Random(seed), data) == wire.mutated(random.Random(seed), data)


@given(st.binary(max_size=50), st.sampled_from(["/a/b", "/batchjobs.v1.BatchJobs/GetBatchJob"]), st.binary(max_size=9))
def test_a_call_can_be_made_again_from_its_line(message, path, binary):
    sent = Input(path, message, (("x-batchjobs-team", TEAM), ("trace-bin", binary)))
    again = Input.from_json(sent.as_json())
    assert (again.path, again.message, list(again.metadata)) == (path, message, list(sent.metadata))


@pytest.mark.parametrize(("code", "what"), [("INTERNAL", "a forbidden code"), ("NOT_FOUND", None)])
async def test_a_forbidden_code_is_seen(code, what):
    """And one that says what to fix is none, though it comes without details: NOT_FOUND is the health service's too."""

    async def answer(_request, context):
        await context.abort(grpc.StatusCode[code], "")

    server = grpc.aio.server()
    handlers = {"GetBatchJob": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("batchjobs.v1.BatchJobs", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        sender = Sender(channel, {}, lambda _name, _text: None)
        _, finding = await sender.send(Input("/batchjobs.v1.BatchJobs/GetBatchJob", b"", CALLER))
    await server.stop(None)
    assert (finding.what if finding else None) == what


@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        '{"event": "call failed", "exception": "…", "level": "warning"}',
        '{"event": "lost", "level": "error"}',
        "E1126 grpc: something",
    ],
)
def test_a_log_that_tells_of_a_defect_is_seen(tmp_path, line):
    path = tmp_path / "log"
    path.write_text('{"event": "rpc", "level": "info"}\n' + line + "\n")
    assert list(log.faults_in(path)) == [line]


async def test_what_was_found_once_is_not_found_again(start_gateway, caplog):
    gateway = await start_gateway()
    target = gateway.app.api_target
    methods = {each.path: each for each in await asyncio.to_thread(methods_at, target)}
    sender = Sender(gateway.channel, methods, lambda _name, _text: None)
    for line in FOUND.read_text().splitlines():
        told = json.loads(line)
        code, finding = await sender.send(Input.from_json(line))
        assert (code.name, finding) == (told["now"], None), told
    assert not caplog.records


async def test_broken_framing_is_answered_as_the_page_says(start_gateway):
    gateway = await start_gateway()
    answers = await asyncio.to_thread(framing.asked, gateway.app.api_target)
    assert framing.page(answers) == framing.PAGE.read_text(encoding="utf-8"), "python -m fuzz.framing --write"
