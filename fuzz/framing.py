"""What gRPC itself answers to broken framing, before any code of the gateway sees a message.

`python -m fuzz.framing` asks a gateway and prints the table of `docs/framing.md`; `--write` keeps it there.
"""

import argparse
import asyncio
import contextlib
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import grpc
import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from fuzz.stage import SETTINGS, stage
from fuzz.values import TEAM

PAGE: Final = Path(__file__).parents[1] / "docs" / "framing.md"
PATIENCE: Final = 3.0
"""Seconds of silence after which there is no answer; the deadline of every call is shorter."""
MESSAGE: Final = b"\x00\x00\x00\x00\x03\x0a\x01n"
"""A whole frame of a message whose field 1 is `n`."""
CODES: Final = {code.value[0]: code.name for code in grpc.StatusCode}
Headers = dict[str, str]


def headers(**changes: str | None) -> Headers:
    """Those of a call that is in order, with some changed; `_` stands for `-`, and None leaves one out."""
    usual: dict[str, str | None] = {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/batchjobs.v1.BatchJobs/GetBatchJob",
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
        "grpc-timeout": "1S",
        "x-batchjobs-team": TEAM,
    }
    usual |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in usual.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is wrong with a call."""

    what: str
    data: bytes = MESSAGE
    headers: Headers = field(default_factory=headers)
    then: Callable[["Connection"], None] = lambda _connection: None
    """What the caller still does once it has sent."""
    raw: bytes = b""
    """Sent in place of all HTTP/2."""


def _flood(connection: "Connection") -> None:
    for number in range(5):
        connection.http2.ping(number.to_bytes(8, "big"))


def _reset(connection: "Connection") -> None:
    connection.http2.reset_stream(1, h2.errors.ErrorCodes.CANCEL)


def _go_away(connection: "Connection") -> None:
    connection.http2.close_connection()


CASES: Final[Sequence[Case]] = (
    Case("nothing: a call that is in order"),
    Case("the flag says compressed, and no encoding is named", b"\x01" + MESSAGE[1:]),
    Case("the flag is a number that means nothing", b"\x02" + MESSAGE[1:]),
    Case("the length says more than is sent", b"\x00\x00\x00\x00\x09\x0a\x01n"),
    Case("the length says less than is sent", b"\x00\x00\x00\x00\x01\x0a\x01n"),
    Case("the length says 4 GiB", b"\x00\xff\xff\xff\xff\x0a\x01n"),
    Case("half a length", b"\x00\x00\x00"),
    Case("no message", b""),
    Case("two messages where one is meant", MESSAGE * 2),
    Case("an encoding that nobody knows", b"\x01" + MESSAGE[1:], headers(grpc_encoding="rot13")),
    Case("said to be gzip, and is not", b"\x01" + MESSAGE[1:], headers(grpc_encoding="gzip")),
    Case("another content type", headers=headers(content_type="text/html")),
    Case("no content type", headers=headers(content_type=None)),
    Case("no `te: trailers`", headers=headers(te=None)),
    Case("GET in place of POST", headers={**headers(), ":method": "GET"}),
    Case("no path", headers={name: value for name, value in headers().items() if name != ":path"}),
    Case("a path without a slash", headers={**headers(), ":path": "x"}),
    Case("a deadline that is no number", headers=headers(grpc_timeout="soon")),
    Case("a deadline below zero", headers=headers(grpc_timeout="-1S")),
    Case("binary metadata that is not base64", headers=headers(trace_bin="*")),
    Case("metadata with bytes that are not ASCII", headers=headers(x_request_id="caf\xe9")),
    Case("the caller takes its call back", b"\x00\x00", then=_reset),
    Case("the caller leaves the connection", b"\x00\x00", then=_go_away),
    Case("pings without end", b"\x00\x00", then=_flood),
    Case("HTTP/1.1", raw=b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    Case("no HTTP at all", raw=b"\x16\x03\x01\x00\xa5" + b"\x00" * 64),
)


class Connection:
    """An HTTP/2 connection that keeps to no rule of gRPC's."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        lenient = h2.config.H2Configuration(
            validate_outbound_headers=False, normalize_outbound_headers=False, validate_inbound_headers=False
        )
        self.http2 = h2.connection.H2Connection(lenient)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.sendall(self.http2.data_to_send())

    def call(self, case: Case) -> None:
        """Send everything of the case."""
        if case.raw:
            self.socket.sendall(case.raw)
            return
        self.http2.initiate_connection()
        self.http2.send_headers(1, [(name, value.encode("latin-1")) for name, value in case.headers.items()])
        self.http2.send_data(1, case.data, end_stream=not _more(case))
        self.flush()
        case.then(self)
        self.flush()

    def answer(self) -> str:
        """What came back, in the words of the table."""
        try:
            for event in self._events():
                if told := _told(event):
                    return told
        except TimeoutError:
            return "no answer"
        except (OSError, h2.exceptions.ProtocolError):
            pass
        return "the connection is closed"

    def _events(self) -> Iterator[h2.events.Event]:
        while data := self.socket.recv(65536):
            yield from self.http2.receive_data(data)
            self.flush()


def _more(case: Case) -> bool:
    """Whether the caller does something else than to end its side."""
    return case.then is not Case.__dataclass_fields__["then"].default


def _told(event: h2.events.Event) -> str:
    """An event that ends the call, in words; "" for any other."""
    if isinstance(event, h2.events.ConnectionTerminated):
        said = (event.additional_data or b"").decode()
        return f"GOAWAY {h2.errors.ErrorCodes(event.error_code or 0).name}: {said}".rstrip(": ")
    if isinstance(event, h2.events.StreamReset):
        return f"RST_STREAM {h2.errors.ErrorCodes(event.error_code or 0).name}"
    if not isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived) or not event.headers:
        return ""
    sent = {bytes(name).decode(): bytes(value).decode() for name, value in event.headers}
    if sent.get(":status", "200") != "200":
        return f"HTTP {sent[':status']}"
    if "grpc-status" not in sent:
        return ""
    code = CODES[int(sent["grpc-status"])]
    message = unquote(sent.get("grpc-message", ""))
    return f"{code}, the gateway's own" if "grpc-status-details-bin" in sent else f"{code}: {message}".rstrip(": ")


def asked(target: str) -> Sequence[tuple[str, str]]:
    """Each case and its answer."""
    answers = []
    for case in CASES:
        connection = Connection(target)
        with connection.socket:
            connection.call(case)
            answers.append((case.what, connection.answer()))
    return answers


def table(answers: Sequence[tuple[str, str]]) -> str:
    lines = ["| what is wrong | answer |", "| --- | --- |", *(f"| {what} | {answer} |" for what, answer in answers)]
    return "\n".join(lines) + "\n"


def page(answers: Sequence[tuple[str, str]]) -> str:
    """`docs/framing.md`, whole."""
    return f"""# Broken framing

Every message that is framed as gRPC frames messages is answered by the gateway, with a code and details of its own,
never UNKNOWN or INTERNAL. What is not framed so never reaches the gateway's code: gRPC's core answers it, and this is
how. Asked over plaintext, method `GetBatchJob`; a caller that uses any gRPC library sends none of this.

{table(answers)}
"The gateway's own" is a refusal with its `ErrorInfo`, as [Calling the gateway](calling.md) lists them. A call that
sends no message, or half of one, and does not end either, is DEADLINE_EXCEEDED after 10 s, or when its own deadline is
over, and after 2 s where it asks for health; where many such calls wait it is RESOURCE_EXHAUSTED, OVERLOADED, with a
time after which to call again. Nothing was done. Made by `python -m fuzz.framing --write`; a test asks a server again.
"""


async def _answers() -> Sequence[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="framing-") as folder:
        async with stage(Path(folder)) as ready, ready.gateway("api", 0, **SETTINGS) as gateway:
            return await asyncio.to_thread(asked, gateway.target)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz.framing", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the table in docs/framing.md")
    options = parser.parse_args()
    answers = asyncio.run(_answers())
    print(table(answers))
    if options.write:
        PAGE.write_text(page(answers), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
