"""The size of an object, asked on the event loop: what goes out, and what is made of what comes back.

What Google's own client would send and accept is the measure; where it can be asked, it is asked beside ours.
"""

import asyncio
import functools
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from google.auth.exceptions import RefreshError
from google.cloud import storage

from gateway.cloud.blocking import BlockingClient, Service, _settled
from gateway.cloud.lookups import ForbiddenError, LocationError, MissingError, UnavailableError
from gateway.cloud.object_sizes import ObjectSizes
from gateway.cloud.storage import _retry
from support.scripted_http import Answer, CountedCredentials, scripted_http

URI = "gs://team-in/rows.jsonl"
BRIEF = timedelta(milliseconds=300)
RATES = b'{"error": {"errors": [{"reason": "rateLimitExceeded"}]}}'


class Observer(list):
    def location_lookup(self, kind, result):
        self.append(f"{kind} {result}")


@pytest.fixture
async def service():
    async with scripted_http() as running:
        yield running


@pytest.fixture
def credentials():
    return CountedCredentials()


@pytest.fixture
def seen():
    return Observer()


@pytest.fixture
async def connect(service, credentials, seen):
    """Makes an asker of sizes, and the client of Google's beside it."""
    made = []

    def connect(url="", deadline=timedelta(seconds=8), connections=4):
        options = {"api_endpoint": url or service.url}
        build = functools.partial(storage.Client, project="p", credentials=credentials, client_options=options)
        client = BlockingClient(Service("Cloud Storage", lambda: _settled(build()), _retry), deadline, 4, seen)
        sizes = ObjectSizes(client, connections)
        made.append((sizes, client))
        return sizes

    yield connect
    for sizes, client in made:
        await sizes.close()
        client.close()


@pytest.fixture
def sizes(connect):
    return connect()


async def test_a_size_is_told_and_counted(sizes, seen):
    assert await sizes.of(URI) == 16
    assert seen == ["object found"]


async def test_the_token_and_the_project_that_pays_go_with_the_question(sizes, service):
    await sizes.of(URI)
    assert service.header("Authorization") == ["Bearer token-1"]
    assert service.header("X-Goog-User-Project") == ["payer"]


async def test_the_question_says_who_asks_as_googles_client_does(sizes, service):
    client = await sizes._client.built()
    await sizes.of(URI)
    assert service.header("User-Agent") == [client._connection.user_agent]


async def test_only_the_size_is_asked_for(sizes, service):
    await sizes.of(URI)
    assert dict(service.seen[0].query) == {"fields": "size", "prettyPrint": "false"}


@pytest.mark.parametrize(
    "name", ["a b/ünï.jsonl", "100%.jsonl", "a%2Fb", "a?b#c", "//x/", "plus+and&=,;:@~.jsonl", "日本/🎉"]
)
async def test_names_are_written_as_googles_client_writes_them(sizes, service, name):
    client = await sizes._client.built()
    await sizes.of(f"gs://team-in/{name}")
    await asyncio.to_thread(client.bucket("team-in").blob(name).reload)
    ours, googles = (urlsplit(request.raw_path).path for request in service.seen)
    assert ours == googles


async def test_a_connection_is_kept_for_the_next_question(sizes, service):
    for _ in range(3):
        await sizes.of(URI)
    assert len({request.transport for request in service.seen}) == 1


async def test_no_more_connections_are_opened_than_allowed(connect, service):
    service.usual.wait, service.enough = asyncio.Event(), 2
    sizes = connect(connections=2)
    asked = [asyncio.create_task(sizes.of(URI)) for _ in range(8)]
    await service.full.wait()
    service.usual.wait.set()
    assert await asyncio.gather(*asked) == [16] * 8
    assert service.most == 2


async def test_those_who_are_first_together_open_one_session(sizes):
    opened = await asyncio.gather(*(sizes._opened("") for _ in range(10)))
    assert len(set(opened)) == 1


async def test_a_refused_token_is_renewed_once_for_all_who_sent_it(sizes, service, credentials):
    service.refused.add("token-1")
    assert await asyncio.gather(*(sizes.of(URI) for _ in range(10))) == [16] * 10
    assert credentials.fetched == 2


async def test_a_token_that_is_refused_twice_is_unavailable(sizes, service):
    service.refused |= {"token-1", "token-2", "token-3"}
    with pytest.raises(UnavailableError, match="credentials"):
        await sizes.of(URI)
    assert service.header("Authorization") == ["Bearer token-1", "Bearer token-2"]


async def test_no_token_to_be_had_is_unavailable(sizes, service, credentials):
    credentials.failure = RefreshError("no")
    with pytest.raises(UnavailableError, match="credentials"):
        await sizes.of(URI)
    assert not service.seen


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_passing_trouble_is_retried(sizes, service, seen, status):
    service.answers.append(Answer(status=status))
    assert await sizes.of(URI) == 16
    assert (len(service.seen), seen) == (2, ["object found"])


@pytest.mark.parametrize("status", [429, 503])
async def test_a_trouble_that_stays_is_unavailable(connect, service, seen, status):
    service.usual.status = status
    with pytest.raises(UnavailableError, match=r"does not answer|in time"):
        await connect(deadline=BRIEF).of(URI)
    assert seen == ["object unavailable"]


async def test_no_answer_is_unavailable_when_the_deadline_has_passed(connect, service, seen):
    service.usual.wait = asyncio.Event()
    with pytest.raises(UnavailableError, match="in time"):
        await connect(deadline=BRIEF).of(URI)
    assert seen == ["object unavailable"]


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (404, b"", MissingError, "does not know"),
        (403, b"", ForbiddenError, "does not let"),
        (403, b"hello", ForbiddenError, "does not let"),
        (403, b'{"error": "hello"}', ForbiddenError, "does not let"),
        (403, b'{"error": {"errors": 7}}', ForbiddenError, "does not let"),
        (403, b'{"error": {"errors": [7, {"reason": "forbidden"}]}}', ForbiddenError, "does not let"),
        (403, RATES, UnavailableError, "too often"),
        (400, b"", ForbiddenError, "400"),
        (405, b"", ForbiddenError, "405"),
        (412, b"", ForbiddenError, "412"),
        (409, b"", UnavailableError, "does not answer"),
        (304, b"", UnavailableError, "does not answer"),
    ],
)
async def test_a_refusal_is_told_at_once_and_as_what_it_is(sizes, service, status, body, error, said):
    service.usual = Answer(body, status)
    with pytest.raises(LocationError, match=said) as caught:
        await sizes.of(URI)
    assert (type(caught.value), caught.value.subject, len(service.seen)) == (error, URI, 1)


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"{}", b"[]", b'"16"', b'{"size": null}', b'{"size": "-1"}', b'{"size": "big"}', b"\xff"]
)
async def test_an_answer_that_is_no_answer_is_unavailable(sizes, service, body):
    service.usual.body = body
    with pytest.raises(UnavailableError, match="does not"):
        await sizes.of(URI)
    assert len(service.seen) == 1


async def test_an_answer_cut_short_is_asked_for_again(connect):
    """Which the transport reports as a broken body, and not as a broken connection."""
    cut = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"size"'
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
        len(Answer().body),
        Answer().body,
    )
    left = [cut, whole]

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(left.pop(0))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        assert await connect(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}").of(URI) == 16
    assert not left


async def test_a_redirect_is_followed_and_the_token_stays_at_its_host(sizes, service):
    async with scripted_http("localhost") as elsewhere:
        service.answers.append(Answer(status=307, headers={"Location": f"{elsewhere.url}/there"}))
        assert await sizes.of(URI) == 16
    assert elsewhere.header("Authorization") == [""]


async def test_redirects_in_a_circle_are_unavailable(sizes, service):
    service.usual = Answer(status=302, headers={"Location": "/again"})
    with pytest.raises(UnavailableError, match="does not answer"):
        await sizes.of(URI)


async def test_a_machines_own_certificate_leaves_the_question_to_googles_session(sizes, service, monkeypatch):
    """Only that session holds the certificate, and renews it."""
    client = await sizes._client.built()
    monkeypatch.setattr(client._http, "_is_mtls", True)
    assert await sizes.of(URI) == 16
    assert "gccl-invocation-id" in service.header("X-Goog-API-Client")[0]
    service.usual.status = 404
    with pytest.raises(MissingError):
        await sizes.of(URI)
