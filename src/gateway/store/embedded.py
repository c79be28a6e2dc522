"""A real PostgreSQL out of a Python wheel, for `gateway dev`, the demo and the tests.

The server is a child of ours in a session of its own, so that Ctrl-C reaches it only through us. A guard process holds
the other end of a pipe: when we are killed, it stops the server and removes what was temporary.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from enum import StrEnum, unique
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gateway.store.embedded_binaries import Binaries, Owner

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 60.0
_LONGEST_SOCKET_FOLDER: Final = 80
_DATABASE: Final = "postgres"
_USER: Final = "gateway"
_SETTINGS: Final = {
    "shared_buffers": "64MB",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "max_wal_size": "256MB",
}
_GUARD: Final = """
read -r _
kill -INT "$1" 2>/dev/null
for _ in $(seq 600); do kill -0 "$1" 2>/dev/null || break; sleep 0.1; done
rm -rf "$2"
"""


@unique
class Shutdown(StrEnum):
    """How PostgreSQL stops: FAST ends sessions and checkpoints, IMMEDIATE is a crash that recovery repairs."""

    FAST = "fast"
    IMMEDIATE = "immediate"


_SIGNALS: Final = {Shutdown.FAST: signal.SIGINT, Shutdown.IMMEDIATE: signal.SIGQUIT}


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL did not start; the message says why."""


class EmbeddedPostgres:
    """One server of our own. Methods block: call them from a thread when an event loop runs."""

    def __init__(self, folder: Path | None = None, *, tcp: bool = False, temporary_in: Path | None = None) -> None:
        """`folder` keeps the data from run to run; None makes a temporary one that `stop` removes.

        The server listens on a Unix socket, with `tcp` also on a free port of the loopback interface. What is temporary
        lies in `temporary_in`, or where this machine keeps temporary files.
        """
        self._owner = Owner.of_this_process()
        self._runtime = _short_folder(temporary_in)
        self._owner.give(self._runtime)
        self._binaries = Binaries(self._owner, self._runtime)
        self._temporary = folder is None
        self._folder = folder.absolute() if folder else self._runtime
        self._tcp = tcp
        self.port = _free_port() if tcp else 5432
        self._password = ""
        self._server: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """`postgresql://…` of the server's own database, by the Unix socket. It exists and may be empty."""
        return self.database_url(_DATABASE)

    @property
    def folder(self) -> Path:
        """Where the data is."""
        return self._folder

    @property
    def tcp_url(self) -> str:
        """The same database by loopback TCP; only with `tcp`."""
        return self.database_url(_DATABASE, tcp=True)

    @property
    def url_without_password(self) -> str:
        """The same database as `url`, for whoever reads `password_file`."""
        return self.url.replace(f":{self._password}@", "@")

    @property
    def password_file(self) -> Path:
        """Where the password is."""
        return self._folder / "password"

    def database_url(self, name: str, *, tcp: bool = False) -> str:
        """The URL of another database of this server."""
        place = f"127.0.0.1:{self.port}/{name}" if tcp else f"/{name}?host={quote(str(self._runtime))}&port={self.port}"
        return f"postgresql://{_USER}:{self._password}@{place}"

    def start(self) -> None:
        """Make the data folder if needed, start, and return when the server accepts connections.

        Raises EmbeddedPostgresError with the end of the server's log when it does not.
        """
        data = self._folder / "data"
        if not data.exists():
            self._make(data)
        self._password = self.password_file.read_text()
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603 - our own program and arguments
                self._command(data), stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._owner.process
            )
        self._guard = subprocess.Popen(  # noqa: S603 - a fixed script
            ["/bin/sh", "-c", _GUARD, "guard", str(self._server.pid), str(self._runtime)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )
        self._await_ready(data / "postmaster.pid", self._server)

    def stop(self) -> None:
        """Stop and clean up. A temporary folder is removed, so nothing is written down for it first."""
        self._halt(Shutdown.IMMEDIATE if self._temporary else Shutdown.FAST)
        shutil.rmtree(self._runtime, ignore_errors=True)

    def restart(self, how: Shutdown = Shutdown.FAST) -> None:
        """Stop and start on the same data and address."""
        self.halt(how)
        self.start()

    def halt(self, how: Shutdown = Shutdown.FAST) -> None:
        """Stop, and keep everything for the next `start`."""
        self._halt(how)

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _make(self, data: Path) -> None:
        """Run initdb beside `data` and move the result there, so that half a folder is never taken for a whole one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._folder / f"data.{secrets.token_hex(4)}"
        fresh.mkdir(mode=0o700)
        self._owner.give(fresh)
        password, passed = secrets.token_urlsafe(24), self._runtime / "password.initdb"
        _write_secret(passed, password)
        self._owner.give(passed)
        options = ["--auth=scram-sha-256", f"--pwfile={passed}", "--encoding=UTF8", "--locale=C", f"--username={_USER}"]
        if self._temporary:
            options.append("--no-sync")
        made = subprocess.run(  # noqa: S603 - our own program and arguments
            [self._binaries.path("initdb"), "-D", fresh, *options],
            capture_output=True,
            check=False,
            **self._owner.process,
        )
        passed.unlink()
        if made.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            raise EmbeddedPostgresError(
                f"PostgreSQL could not make its data in {self._folder}: {made.stderr.decode(errors='replace')}\n"
                f"It runs as the user {self._owner.name}, who must be able to reach that folder."
            )
        _write_secret(self.password_file, password)
        fresh.rename(data)

    def _command(self, data: Path) -> list[str]:
        settings = {
            **_SETTINGS,
            "unix_socket_directories": str(self._runtime),
            "listen_addresses": "127.0.0.1" if self._tcp else "",
            "port": str(self.port),
        }
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        return [str(self._binaries.path("postgres")), "-D", str(data), *flags]

    def _await_ready(self, status: Path, server: subprocess.Popen[bytes]) -> None:
        """The eighth line of the status file says `ready` once the server of the first line's pid takes connections."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and server.poll() is None:
            lines = status.read_text().splitlines() if status.exists() else []
            if len(lines) > 7 and lines[0] == str(server.pid) and lines[7].strip() == "ready":  # noqa: PLR2004 - see above
                return
            time.sleep(0.02)
        tail = self._log.read_text(errors="replace")[-2000:]
        self.stop()
        raise EmbeddedPostgresError(f"PostgreSQL in {self._folder} did not start. The end of its log:\n{tail}")

    def _halt(self, how: Shutdown) -> None:
        server, self._server = self._server, None
        guard, self._guard = self._guard, None
        if server is not None:
            server.send_signal(_SIGNALS[how])
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        if guard is not None and guard.stdin is not None:
            guard.kill()
            guard.wait()
            guard.stdin.close()


def _short_folder(parent: Path | None) -> Path:
    """A temporary folder whose path leaves room for a socket's name within the hundred bytes a socket path may have."""
    usual = str(parent or tempfile.gettempdir())
    return Path(tempfile.mkdtemp(prefix="gateway-pg-", dir="/tmp" if len(usual) > _LONGEST_SOCKET_FOLDER else usual))  # noqa: S108 - short by need, and made with mode 700


def _write_secret(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
