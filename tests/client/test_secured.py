"""TLS: what proves the caller goes over it, is read again when it changes, and the development header does not."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import grpc
import jwt
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from google.rpc import error_details_pb2

from batchjobs.client import BatchJob, Client, CredentialsUnreadable, NotAuthenticated, Security, Unavailable
from batchjobs.client._token import COMMAND_SECONDS, EARLY, WITHOUT_EXPIRY, TokenCommand, useful_until
from batchjobs.v1 import batch_jobs_pb2_grpc
from batchjobs.v1.batch_jobs_pb2 import WatchEvent
from client.scripted import NAME, Gateway, Ran, Refusal, batch_job, run_here
from support.authority import Authority, dns, uri

Start = Callable[..., "asyncio.Future[Gateway]"]
AUTHORITY = Authority("the gateway's CA")
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
OURS = uri("spiffe://corp.example/ns/ranking/sa/batch")


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts scripted gateways with TLS; `demands` is who vouches for clients where one must show a certificate."""
    gateways: list[Gateway] = []

    async def start(*names: str, demands: Authority | None = None) -> Gateway:
        gateway = Gateway()
        gateway.server = grpc.aio.server()
        batch_jobs_pb2_grpc.add_BatchJobsServicer_to_server(gateway, gateway.server)
        pair = AUTHORITY.issue(*map(dns, names or ("localhost",)))
        ca = None if demands is None else demands.pem
        credentials = grpc.ssl_server_credentials([(pair.key, pair.certificate)], ca, demands is not None)
        gateway.endpoint = f"localhost:{gateway.server.add_secure_port('localhost:0', credentials)}"
        await gateway.server.start()
        gateways.append(gateway)
        return gateway

    yield start  # type: ignore[misc]  # A coroutine's future is awaited all the same.
    for gateway in gateways:
        await gateway.stop()


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.crt"
    path.write_bytes(AUTHORITY.pem)
    return path


def event(state: int) -> WatchEvent:
    return WatchEvent(batch_job=batch_job(state=state, revision=state))


def sent(gateway: Gateway) -> list[str | None]:
    """The proof that came with each call."""
    assert not [metadata for _, _, metadata in gateway.asked if "x-batchjobs-team" in metadata]
    return [metadata.get("authorization") for _, _, metadata in gateway.asked]


async def test_grpcs_own_credentials_go_over_tls_and_the_development_header_does_not(start: Start) -> None:
    gateway = await start()
    gateway.script["GetBatchJob"] = [batch_job()]
    credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(AUTHORITY.pem), grpc.access_token_call_credentials("a-token")
    )
    async with Client(gateway.endpoint, team="ranking", credentials=credentials) as client:
        await client.get(NAME)
    assert sent(gateway) == ["Bearer a-token"]


async def test_a_token_file_is_read_again_when_it_changes(start: Start, ca: Path, tmp_path: Path) -> None:
    gateway, token = await start(), tmp_path / "token"
    gateway.script["GetBatchJob"] = [batch_job()] * 4
    token.write_text("first\n")
    async with Client(gateway.endpoint, team="ranking", security=Security(ca_file=ca, token_file=token)) as client:
        await client.get(NAME)
        token.write_text("second")
        await client.get(NAME)
        token.unlink()
        await client.get(NAME)
        (tmp_path / "next").write_text("third")
        (tmp_path / "next").rename(token)
        await client.get(NAME)
    assert sent(gateway) == ["Bearer first", "Bearer second", "Bearer second", "Bearer third"]


async def test_a_watch_that_is_opened_again_sends_the_token_of_then(start: Start, ca: Path, tmp_path: Path) -> None:
    gateway, token = await start(), tmp_path / "token"
    running, ended = event(BatchJob.RUNNING), event(BatchJob.SUCCEEDED)
    gateway.script["WatchBatchJob"] = [[running, Refusal(grpc.StatusCode.UNAVAILABLE, "Away.")], [ended]]
    token.write_text("first")
    security = Security(ca_file=ca, token_file=token)
    async with Client(gateway.endpoint, team="r", security=security) as client, aclosing(client.watch(NAME)) as watch:
        await anext(watch)
        token.write_text("second")
        assert (await anext(watch)).state == BatchJob.SUCCEEDED
    assert sent(gateway) == ["Bearer first", "Bearer second"]


def printing(folder: Path, token: str, then: str = "") -> tuple[str, ...]:
    """A command that prints the token and notes that it ran."""
    code = f"import pathlib; pathlib.Path({str(folder / 'runs')!r}).open('a').write('x'); print({token!r}); {then}"
    return (sys.executable, "-I", "-c", code)


def signed(expires: float) -> str:
    return jwt.encode({"exp": int(expires)}, "s" * 32, algorithm="HS256")


async def test_a_token_command_runs_once_for_the_life_of_its_token(start: Start, ca: Path, tmp_path: Path) -> None:
    gateway, token = await start(), signed(time.time() + 3600)
    gateway.script["GetBatchJob"] = [batch_job()] * 6
    security = Security(ca_file=ca, token_command=printing(tmp_path, token))
    async with Client(gateway.endpoint, team="ranking", security=security) as client:
        await asyncio.gather(*(client.get(NAME) for _ in range(5)))
        await client.get(NAME)
    assert sent(gateway) == [f"Bearer {token}"] * 6
    assert (tmp_path / "runs").read_text() == "x"


async def test_a_token_command_runs_again_before_its_token_ends_and_when_that_was_refused(tmp_path: Path) -> None:
    now = [1000.0]
    source = TokenCommand(printing(tmp_path, signed(1000 + 3600)), now=lambda: now[0])
    for now[0], refused, runs in ((1000.0, False, 1), (4539.0, False, 1), (4541.0, False, 2), (1000.0, True, 3)):
        if refused:
            source.refused()
        await source.token()
        assert len((tmp_path / "runs").read_text()) == runs


@pytest.mark.parametrize(
    ("token", "until"),
    [
        (signed(10_000), 10_000 - EARLY),
        (signed(1_020), 1_010),
        (signed(500), 500),
        ("opaque", 1_000 + WITHOUT_EXPIRY),
        ("a.b.c", 1_000 + WITHOUT_EXPIRY),
        ("a.e30.c", 1_000 + WITHOUT_EXPIRY),
        ("a.W10.c", 1_000 + WITHOUT_EXPIRY),
    ],
)
def test_a_token_says_until_when_it_is_used(token: str, until: float) -> None:
    assert useful_until(token, 1_000) == until


async def test_a_refused_token_is_not_used_again(start: Start, ca: Path, tmp_path: Path) -> None:
    gateway = await start()
    gateway.script["GetBatchJob"] = [Refusal(grpc.StatusCode.UNAUTHENTICATED, "No.", "NOT_AUTHENTICATED"), batch_job()]
    security = Security(ca_file=ca, token_command=printing(tmp_path, signed(time.time() + 3600)))
    async with Client(gateway.endpoint, team="ranking", security=security) as client:
        with pytest.raises(NotAuthenticated):
            await client.get(NAME)
        await client.get(NAME)
    assert (tmp_path / "runs").read_text() == "xx"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("/nowhere/at-all",), "cannot be run: No such file"),
        ((sys.executable, "-I", "-c", "raise SystemExit(3)"), "failed with exit code 3"),
        ((sys.executable, "-I", "-c", ""), "holds none"),
        ((sys.executable, "-I", "-c", "print('secret and more')"), "holds something else"),
        ((sys.executable, "-I", "-c", "print('sécret')"), "holds something else"),
        ((sys.executable, "-I", "-c", "print('Bearer secret')"), "begins with `Bearer`: leave that out"),
    ],
)
async def test_a_command_without_a_token_sends_nothing_and_says_why(
    start: Start, ca: Path, command: tuple[str, ...], says: str
) -> None:
    gateway = await start()
    async with Client(gateway.endpoint, team="r", security=Security(ca_file=ca, token_command=command)) as client:
        with pytest.raises(CredentialsUnreadable) as error:
            await client.get(NAME)
    assert says in str(error.value)
    assert "secret" not in str(error.value)
    assert gateway.asked == []


async def test_a_command_that_prints_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert COMMAND_SECONDS > 1
    monkeypatch.setattr("batchjobs.client._token.COMMAND_SECONDS", 0.05)
    source = TokenCommand((sys.executable, "-I", "-c", "import time; time.sleep(600)"))
    with pytest.raises(CredentialsUnreadable, match="printed nothing in"):
        await source.token()


@pytest.mark.parametrize("missing", ["ca_file", "certificate_file", "token_file"])
async def test_a_file_that_is_not_there_is_named(start: Start, ca: Path, tmp_path: Path, missing: str) -> None:
    gateway, gone = await start(), tmp_path / "gone"
    key = {"key_file": ca} if missing == "certificate_file" else {}
    security = Security(**{"ca_file": ca, missing: gone, **key})
    with pytest.raises(CredentialsUnreadable, match=rf"{gone} cannot be read: No such file"):
        async with Client(gateway.endpoint, team="ranking", security=security) as client:
            await client.get(NAME)
    assert gateway.asked == []


def test_halves_and_doubles_are_refused() -> None:
    for files in ({"certificate_file": "a"}, {"key_file": "a"}):
        with pytest.raises(ValueError, match="belong together"):
            Security(**files)
    with pytest.raises(ValueError, match="one place"):
        Security(token_file="a", token_command=("b",))
    with pytest.raises(ValueError, match="no shell's line"):
        Security(token_command="gcloud auth print-identity-token")


async def test_a_renewed_client_certificate_is_shown_and_cuts_nothing_off(
    start: Start, ca: Path, tmp_path: Path
) -> None:
    clients = Authority("clients' CA")
    gateway = await start(demands=clients)
    gateway.script["GetBatchJob"] = [batch_job()] * 3
    still = asyncio.Event()
    gateway.script["WatchBatchJob"] = [[event(BatchJob.RUNNING), still, event(BatchJob.FAILED)]]
    certificate, key = clients.issue(OURS).write(tmp_path, "client")
    security = Security(ca_file=ca, certificate_file=certificate, key_file=key)
    async with Client(gateway.endpoint, team="ranking", security=security) as client:
        await client.get(NAME)
        async with aclosing(client.watch(NAME)) as watch:
            await anext(watch)
            clients.issue(OURS).write(tmp_path, "client")
            await client.get(NAME)
            key.unlink()
            await client.get(NAME)
            assert len(client._connection._links) == 2, "the watch still uses the first"
            still.set()
            assert (await anext(watch)).state == BatchJob.FAILED
        assert len(client._connection._links) == 1
    assert not {*gateway.peers[:2]} & {*gateway.peers[2:]}, "what was renewed has connections of its own"


@pytest.mark.parametrize(
    ("names", "trusted", "says"),
    [
        (("localhost",), Authority("another CA"), "does not vouch for the gateway's certificate"),
        (("localhost",), Authority("the gateway's CA"), "did not sign the gateway's certificate"),
        (("elsewhere.example",), AUTHORITY, "is for another name"),
    ],
)
async def test_a_gateway_that_does_not_prove_itself_is_not_spoken_to_and_not_tried_again(
    start: Start, tmp_path: Path, names: tuple[str, ...], trusted: Authority, says: str
) -> None:
    gateway, tries = await start(*names), list[float]()
    (tmp_path / "trusted.crt").write_bytes(trusted.pem)
    security = Security(ca_file=tmp_path / "trusted.crt")
    client = Client(
        gateway.endpoint, team="r", security=security, on_retry=lambda _error, seconds: tries.append(seconds)
    )
    async with client:
        with pytest.raises(Unavailable) as error:
            await client.get(NAME)
    assert says in "\n".join(error.value.failure.sentences())
    assert (gateway.asked, tries) == ([], [])


@pytest.mark.parametrize("shown", ["none", "another CA's", "for servers alone"])
async def test_a_listener_that_demands_a_certificate_is_told_of(
    start: Start, ca: Path, tmp_path: Path, shown: str
) -> None:
    clients, another = Authority("clients' CA"), Authority("another CA")
    gateway = await start(demands=clients)
    issuer, purpose = (clients, SERVER_AUTH) if shown == "for servers alone" else (another, None)
    certificate, key = issuer.issue(OURS, purpose=purpose).write(tmp_path, "client")
    own = {} if shown == "none" else {"certificate_file": certificate, "key_file": key}
    async with Client(gateway.endpoint, team="r", security=Security(ca_file=ca, **own), timeout=0.2) as client:
        with pytest.raises(Unavailable) as error:
            await client.get(NAME)
    said = "\n".join(error.value.failure.sentences())
    assert "demand a client certificate" in said
    assert "for client authentication (extendedKeyUsage)" in said


@pytest.mark.parametrize(
    ("held", "cause", "told"), [(1, "NO_CREDENTIALS", 1), (0, "NO_CREDENTIALS", 0), (1, "EXPIRED", 0)]
)
async def test_a_certificate_that_is_not_asked_for_is_told_of(
    start: Start, ca: Path, tmp_path: Path, held: int, cause: str, told: int
) -> None:
    gateway = await start()
    info = error_details_pb2.ErrorInfo(reason="NOT_AUTHENTICATED", metadata={"cause": cause})
    gateway.script["GetBatchJob"] = [Refusal(grpc.StatusCode.UNAUTHENTICATED, "No.", details=(info,))]
    certificate, key = AUTHORITY.issue(OURS).write(tmp_path, "client")
    own = {"certificate_file": certificate, "key_file": key} if held else {}
    async with Client(gateway.endpoint, team="r", security=Security(ca_file=ca, **own)) as client:
        with pytest.raises(NotAuthenticated) as error:
            await client.get(NAME)
    assert str(error.value).count("listener for certificates (mtls_listen)") == told


async def test_plaintext_to_a_secured_listener_is_told_of(start: Start) -> None:
    gateway = await start()
    async with Client(gateway.endpoint, team="ranking", insecure=True, timeout=0.2) as client:
        with pytest.raises(Unavailable) as error:
            await client.get(NAME)
    assert "may speak TLS where plaintext was asked for" in "\n".join(error.value.failure.sentences())


async def test_where_nobody_listens_the_names_other_addresses_are_told_of(start: Start, ca: Path) -> None:
    """Of a name's several addresses gRPC tells what the last one said, which need not be the one that matters."""
    gateway = await start(demands=Authority("clients' CA"))
    port = gateway.endpoint.rpartition(":")[2]
    await gateway.stop()
    async with Client(f"127.0.0.1:{port}", team="ranking", security=Security(ca_file=ca), timeout=2) as client:
        with pytest.raises(Unavailable, match="call the other one by its number, such as 127\\.0\\.0\\.1"):
            await client.get(NAME)


async def command(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Ran:
    monkeypatch.setenv("BATCHJOBS_ENDPOINT", gateway.endpoint)
    monkeypatch.setenv("BATCHJOBS_TEAM", "ranking")
    return await asyncio.to_thread(run_here, list(arguments))


async def test_the_command_takes_its_proof_from_options_and_variables(
    start: Start, ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await start()
    gateway.script["GetBatchJob"] = [batch_job()] * 2
    (tmp_path / "token").write_text("from-a-file")
    monkeypatch.setenv("BATCHJOBS_CA_FILE", str(ca))
    ran = await command(gateway, monkeypatch, "get", NAME, "--token-file", str(tmp_path / "token"))
    assert ran.code == 0, ran.err
    line = f"{sys.executable} -I -c \"print('from-a-command')\""
    assert (await command(gateway, monkeypatch, "get", NAME, "--token-command", line)).code == 0
    assert sent(gateway) == ["Bearer from-a-file", "Bearer from-a-command"]


async def test_the_command_says_which_file_is_missing(start: Start, ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = await start()
    ran = await command(gateway, monkeypatch, "get", NAME, "--ca-file", str(ca), "--token-file", "/nowhere/token")
    assert (ran.code, ran.err.strip()) == (2, "/nowhere/token cannot be read: No such file or directory.")
    ran = await command(gateway, monkeypatch, "get", NAME, "--ca-file", str(ca), "--key-file", str(ca))
    assert ran.code == 2
    assert "belong together" in ran.err
