"""The embedded PostgreSQL: starts anywhere, keeps what it should, leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from gateway.store import embedded, embedded_binaries
from gateway.store.embedded import EmbeddedPostgres, EmbeddedPostgresError, Shutdown
from gateway.store.embedded_binaries import Binaries, Owner
from support.database import in_thread, memory_folder

ROOT = os.geteuid() == 0

STARTED_BY_ANOTHER = """
import signal, sys
from pathlib import Path
from gateway.store.embedded_binaries import Binaries
from gateway.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(temporary_in=Path(sys.argv[1]))
server.start()
print(server.folder, (server.folder / "data" / "postmaster.pid").read_text().splitlines()[0], flush=True)
signal.pause()
"""


def query(url: str, statement: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return in_thread(ask())


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder of the test that PostgreSQL's own user can reach: pytest's are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-test-", dir=memory_folder()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_data_in_a_named_folder_is_there_again_after_a_stop(reachable: Path) -> None:
    for expected in (None, "kept"):
        server = EmbeddedPostgres(reachable / "data")
        server.start()
        assert query(server.url, "SELECT to_regclass('kept')::text") == expected
        if expected is None:
            query(server.url, "CREATE TABLE kept ()")
        server.stop()
    assert sorted(path.name for path in (reachable / "data").iterdir()) == ["data", "log", "password"]


def test_a_crash_keeps_what_was_committed_and_fsync_is_on(reachable: Path) -> None:
    server = EmbeddedPostgres(temporary_in=reachable)
    server.start()
    query(server.url, "CREATE TABLE kept ()")
    server.restart(Shutdown.IMMEDIATE)
    assert query(server.url, "SELECT to_regclass('kept')::text") == "kept"
    assert query(server.url, "SHOW fsync") == "on"
    server.stop()


def test_a_stop_leaves_no_process_and_no_file(reachable: Path) -> None:
    server = EmbeddedPostgres(temporary_in=reachable)
    server.start()
    process = server._server
    assert process is not None
    server.stop()
    assert process.returncode is not None
    assert list(reachable.iterdir()) == []


def test_a_server_whose_owner_is_killed_stops_and_cleans_up(reachable: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", STARTED_BY_ANOTHER, reachable], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    folder, pid = owner.stdout.readline().split()
    assert "postgres" in Path(f"/proc/{pid}/cmdline").read_text()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    while Path(folder).exists():  # The guard's last act; the time limit of the test bounds the wait.
        os.sched_yield()
    assert list(reachable.iterdir()) == []


@pytest.mark.skipif(not ROOT, reason="only root runs PostgreSQL as somebody else")
def test_binaries_that_the_server_s_user_cannot_reach_are_copied_and_the_folder_is_left_as_it_is(
    reachable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = embedded_binaries._installation()
    closed = reachable / "closed"
    closed.mkdir(mode=0o700)
    (closed / "pginstall").symlink_to(installed)
    monkeypatch.setattr(embedded_binaries, "_installation", lambda: closed / "pginstall")
    owner, runtime = Owner.of_this_process(), reachable / "runtime"
    runtime.mkdir()
    copied = Binaries(owner, runtime).path("postgres")
    assert copied.is_relative_to(runtime)
    subprocess.run([copied, "--version"], check=True, capture_output=True, **owner.process)
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not ROOT, reason="only root runs PostgreSQL as somebody else")
def test_a_folder_that_the_server_s_user_cannot_reach_is_refused_with_a_reason(reachable: Path) -> None:
    closed = reachable / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "data")
    with pytest.raises(EmbeddedPostgresError, match="must be able to reach"):
        server.start()
    server.stop()
    assert closed.stat().st_mode & 0o777 == 0o700


def test_sockets_have_short_paths_whatever_the_temporary_folder(reachable: Path) -> None:
    long = reachable / ("x" * 120)
    long.mkdir()
    folder = embedded._short_folder(long)
    assert len(str(folder / ".s.PGSQL.65535")) < 100
    folder.rmdir()


def test_a_copy_of_the_programs_runs_where_the_installed_ones_cannot_be_reached(reachable: Path, monkeypatch) -> None:
    """A checkout in root's home: PostgreSQL's user may not enter it, so it runs a copy, libraries included."""
    monkeypatch.setattr(Binaries, "_runs", lambda *_: False)
    server = EmbeddedPostgres(temporary_in=reachable)
    server.start()
    programs = list(reachable.rglob("initdb"))
    server.stop()
    assert programs
    assert list(reachable.iterdir()) == []
