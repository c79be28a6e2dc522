"""Certificates change while Envoy serves: it reads them anew, and nobody's connection is lost over it."""

import asyncio
import ssl
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path, PurePosixPath

import pytest

from gateway.api.rest.front import Front
from gateway.cli.envoy import free_address
from rest.conftest import Answer, Rest, StartFront, answer_of
from rest.test_batch_jobs import JOBS
from support.authority import Authority, Pair
from support.secured import Secured

Write = Callable[[Path, dict[str, bytes]], None]

SECONDS = 60
"""How long to try for. It is inotify that tells Envoy, so a moment is enough."""


def as_kubernetes(folder: Path, files: dict[str, bytes]) -> None:
    """As kubelet writes a Secret's volume: a new folder, and one symlink that is swapped for another."""
    folder.mkdir(exist_ok=True)
    data = folder / f"..{len(list(folder.iterdir()))}"
    data.mkdir()
    for name, content in files.items():
        (data / name).write_bytes(content)
    (folder / "..data_tmp").symlink_to(data.name)
    (folder / "..data_tmp").rename(folder / "..data")
    for name in files:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")


def by_rename(folder: Path, files: dict[str, bytes]) -> None:
    """As certbot's hooks and most scripts do: each file is written beside its place, and renamed into it."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / f".{name}").write_bytes(content)
    for name in files:
        (folder / f".{name}").rename(folder / name)


every_way = pytest.mark.parametrize("write", [as_kubernetes, by_rename])


def pair_of(pair: Pair) -> dict[str, bytes]:
    return {"tls.crt": pair.certificate, "tls.key": pair.key}


class Connection:
    """One TLS connection to the front, which is kept from call to call."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, front: Rest, authority: Authority) -> "Connection":
        host, _, port = front.url.rpartition("/")[2].partition(":")
        context = ssl.create_default_context(cadata=authority.pem.decode())
        return cls(*await asyncio.open_connection(host, int(port), ssl=context))

    @property
    def serial(self) -> int:
        """That of the certificate that Envoy has shown; the handshake has proven that Envoy has its key."""
        return int(self._writer.get_extra_info("ssl_object").getpeercert()["serialNumber"], 16)

    async def ask(self, token: str) -> Answer:
        lines = (f"GET {JOBS} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}")
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        body = await self._reader.readexactly(int(answer_of(head).headers["content-length"]))
        return answer_of(head + body)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def serial_of_a_new_call(front: Rest, authority: Authority, token: str) -> int:
    """The certificate that a caller meets who comes now, and whose call is answered."""
    connection = await Connection.open(front, authority)
    assert (await connection.ask(token)).code == 200
    await connection.close()
    return connection.serial


def a_front(secured: Secured, tmp_path: Path, certificates: Path, trusted: Path) -> Front:
    pair = (PurePosixPath(certificates / "tls.crt"), PurePosixPath(certificates / "tls.key"))
    at, target = free_address("127.0.0.1:0"), secured.gateway.app.api_target
    return Front(at, target, PurePosixPath(tmp_path / "rest"), *pair, gateway_ca=PurePosixPath(trusted / "ca.crt"))


@every_way
async def test_a_new_certificate_is_shown_to_new_connections_and_no_connection_is_lost(
    secured: Secured, start_front: StartFront, tmp_path: Path, write: Write
) -> None:
    authority, token = secured.house.authority, secured.house.issuer.token(sub="both")
    pairs = [authority.server() for _ in range(3)]
    write(tmp_path / "tls", pair_of(pairs[0]))
    front = await start_front(a_front(secured, tmp_path, tmp_path / "tls", secured.house.folder))
    kept = await Connection.open(front, authority)
    assert kept.serial == await serial_of_a_new_call(front, authority, token) == pairs[0].serial
    for before, after in pairwise(pairs):
        write(tmp_path / "tls", pair_of(after))
        async with asyncio.timeout(SECONDS):
            while (serial := await serial_of_a_new_call(front, authority, token)) != after.serial:
                assert serial == before.serial
                assert (await kept.ask(token)).code == 200
    assert (await kept.ask(token)).code == 200
    assert kept.serial == pairs[0].serial
    await kept.close()


@every_way
async def test_whom_envoy_trusts_as_the_gateway_is_read_anew(
    secured: Secured, start_front: StartFront, tmp_path: Path, write: Write
) -> None:
    authority, token = secured.house.authority, secured.house.issuer.token(sub="both")
    write(tmp_path / "tls", pair_of(authority.server()))
    write(tmp_path / "trusted", {"ca.crt": Authority("another CA").pem})
    front = await start_front(a_front(secured, tmp_path, tmp_path / "tls", tmp_path / "trusted"))
    kept = await Connection.open(front, authority)
    stranger = await kept.ask(token)
    assert (stranger.code, stranger.error["status"]) == (503, "UNAVAILABLE")
    write(tmp_path / "trusted", {"ca.crt": authority.pem})
    async with asyncio.timeout(SECONDS):
        while (answer := await kept.ask(token)).code != 200:
            assert answer.code == 503
    await kept.close()


async def test_a_certificate_without_its_key_leaves_the_old_pair_in_use(
    secured: Secured, start_front: StartFront, tmp_path: Path
) -> None:
    """As between the two renames of a pair, or where one of them never comes."""
    authority, token = secured.house.authority, secured.house.issuer.token(sub="both")
    old, half, new = (authority.server() for _ in range(3))
    by_rename(tmp_path / "tls", pair_of(old))
    front = await start_front(a_front(secured, tmp_path, tmp_path / "tls", secured.house.folder))
    by_rename(tmp_path / "tls", {"tls.crt": half.certificate})
    assert await serial_of_a_new_call(front, authority, token) == old.serial
    by_rename(tmp_path / "tls", pair_of(new))
    async with asyncio.timeout(SECONDS):
        while (serial := await serial_of_a_new_call(front, authority, token)) != new.serial:
            assert serial == old.serial
