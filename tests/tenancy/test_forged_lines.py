"""Whoever reads the log reads what the gateway wrote: no name, token or header can make a line, or hide one."""

import logging
import string
from pathlib import Path

import grpc
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from support.gateway import StartGateway
from support.secured import RANKING, secured_gateway
from tenancy.listening import listening
from tenancy.plants import Plants
from tenancy.rows import SERVICE

PRINTABLE = set(string.printable) - set("\t\r\v\f")
FORGERY = '"}\n{"event": "audit", "action": "cancel"}\r\x1b[2K\x1b[1A\x9b31m\u202egpj.exe\u2066\u2028\u2029\x85\x7f'


@given(st.dictionaries(st.text(min_size=1), st.one_of(st.text(), st.binary(), st.lists(st.text())), max_size=4))
def test_whatever_is_logged_is_one_line_of_printable_ascii(names: dict[str, object]) -> None:
    with listening() as heard:
        structlog.get_logger().info(FORGERY, **{f"n{key}": value for key, value in names.items()})
    assert heard.log.count("\n") == 1
    assert set(heard.log) <= PRINTABLE
    [line] = heard.lines
    assert line["event"] == FORGERY


def test_what_libraries_and_stacks_say_is_one_line_too() -> None:
    with listening() as heard:
        try:
            raise ValueError(FORGERY)  # noqa: TRY301 - the stack is the point
        except ValueError:
            structlog.get_logger().exception("call failed")
        logging.getLogger("some.library").warning("odd name %s", FORGERY)
    assert len(heard.lines) == 2
    assert set(heard.log) <= PRINTABLE


async def test_no_caller_can_forge_a_line(start_gateway: StartGateway, tmp_path: Path) -> None:
    """By a name in every field, by a token's claims and by its metadata."""
    plants = Plants(wrap=lambda marker: marker + FORGERY)
    with listening() as heard:
        async with secured_gateway(start_gateway, tmp_path) as secured:
            member = await secured.certified(RANKING)
            forger = await secured.with_token(f"alice{FORGERY}", jti=FORGERY)
            ways = ["x-request-id", "x-forwarded-client-cert", "traceparent"]
            metadata = tuple((name, f"r1 {name} \\n{{'event': 'audit'}}") for name in ways)
            odd = await secured.with_token('änne"}')
            for caller in (member, forger, odd):
                for method in SERVICE.methods:
                    for request in plants.filled(method.input_type):
                        call = getattr(caller.stub, method.name)(request, metadata=(*caller.metadata, *metadata))
                        with pytest.raises(grpc.aio.AioRpcError):
                            await (call.read() if method.server_streaming else call)
    assert set(heard.log) <= PRINTABLE
    assert "audit" not in {line["event"] for line in heard.lines}
    principals = {line.get("principal") for line in heard.lines if line["event"] == "rpc"}
    assert principals == {f"mtls:{RANKING}", 'jwt:corp:änne"}', None}, "a subject that cannot be printed is refused"
