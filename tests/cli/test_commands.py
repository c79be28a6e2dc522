"""The `gateway` command, as programs of its own."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.cli.main import main
from gateway.settings import Settings
from gateway.store import migrate

POLICY = """
pools: [{project: corp-ml, region: us-central1}]
teams:
  ranking:
    members: {submitters: ["dev:ranking"]}
    pools: ["corp-ml/*"]
    models: ["gemini-*"]
    sources: ["gs://ranking-in/**"]
    destinations: ["gs://ranking-out/**"]
"""
FREE = ("--api-listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0")
DEV = (*FREE, "--rest-listen=127.0.0.1:0")
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("GATEWAY_")}


class Program:
    """`python -m gateway …` with its log lines, or what it prints, line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, *arguments: str, code: str = "") -> "Program":
        command = (sys.executable, "-c", code) if code else (sys.executable, "-m", "gateway")
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        return cls(await asyncio.create_subprocess_exec(*command, *arguments, env=ENVIRONMENT, **pipes))

    async def line(self, text: str) -> str:
        """The first line from here on that holds `text`."""
        while line := (await self.process.stdout.readline()).decode():
            if text in line:
                return line
        raise AssertionError((await self.process.stderr.read()).decode())

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code, after a signal."""
        self.process.send_signal(number)
        _, self.errors = await self.process.communicate()
        return self.process.returncode

    async def wait(self) -> tuple[int, str, str]:
        """Exit code, output and errors of a program that ends by itself."""
        output, errors = await self.process.communicate()
        return self.process.returncode, output.decode(), errors.decode()


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


def serve(policy: Path, database_url: str, *more: str) -> tuple[str, ...]:
    needed = ("--name=test", f"--policy={policy}", f"--database-url={database_url}", "--insecure", *FREE)
    storage = ("--storage-endpoint=http://127.0.0.1:1", "--storage-project=p", "--vertex-emulator=127.0.0.1:1")
    return ("serve", *needed, *storage, *more)


async def test_serve_runs_until_sigterm_and_ends_with_0(policy, database_url):
    program = await Program.start(*serve(policy, database_url, "--role=api"))
    line = json.loads(await program.line('"serving"'))
    assert line["role"] == "api"
    assert await program.end() == 0
    assert program.errors == b""


async def test_serve_waits_alive_and_unready_for_the_schema_and_ends_at_sigterm_meanwhile(policy, postgres):
    program = await Program.start(*serve(policy, postgres.tcp_url, "--role=api"))
    waits = json.loads(await program.line("waits_for_schema"))
    assert (waits["found"], waits["run"]) == ("nothing", "gateway migrate")
    assert await program.end() == 0
    assert program.errors == b""


async def loaded_by_role_api(policy, database_url) -> set[str]:
    """Which of Google's clients a replica has loaded when it ends."""
    code = (
        "import sys, atexit\n"
        "names = ('aiplatform_v1', 'bigquery', 'storage')\n"
        "loaded = lambda: [name for name in names if f'google.cloud.{name}' in sys.modules]\n"
        "atexit.register(lambda: print('LOADED', *loaded(), flush=True))\n"
        "from gateway.cli.main import main\n"
        "main()\n"
    )
    arguments = ("--role=api", "--bigquery-endpoint=http://127.0.0.1:1", "--bigquery-project=p")
    program = await Program.start(*serve(policy, database_url, *arguments), code=code)
    await program.line('"serving"')
    program.process.send_signal(signal.SIGTERM)
    line = await program.line("LOADED")
    await program.process.communicate()
    return set(line.split()[1:])


async def test_role_api_never_loads_googles_client_for_vertex_and_bigquerys_only_where_tables_are_named(
    policy, database_url
):
    """It stays small: the client for Vertex alone takes as much memory as all the rest."""
    assert await loaded_by_role_api(policy, database_url) == {"storage"}
    policy.write_text(POLICY.replace('["gs://ranking-in/**"]', '["gs://ranking-in/**", "bq://corp-ml.in.*"]'))
    assert await loaded_by_role_api(policy, database_url) == {"storage", "bigquery"}


async def test_serve_without_settings_says_what_is_missing():
    code, _, errors = await (await Program.start("serve")).wait()
    assert code == 2
    for name in ("GATEWAY_NAME", "GATEWAY_POLICY", "GATEWAY_DATABASE_URL"):
        assert name in errors


async def test_serve_is_refused_without_insecure(policy, database_url):
    arguments = ("serve", "--name=test", f"--policy={policy}", f"--database-url={database_url}", *FREE)
    code, _, errors = await (await Program.start(*arguments)).wait()
    assert (code, "Traceback" in errors) == (2, False)
    assert [line.split()[1] for line in errors.splitlines()[1:]] == [
        "(--tls-certificate):",
        "(--tls-key):",
        "(--issuers):",
    ]
    assert "gateway dev" in errors


async def test_serve_says_in_one_sentence_that_the_policy_is_broken(policy, database_url):
    policy.write_text("pools: 7")
    code, _, errors = await (await Program.start(*serve(policy, database_url, "--role=api"))).wait()
    assert (code, "Traceback" in errors) == (2, False)
    assert str(policy) in errors


async def test_serve_says_in_one_sentence_that_the_database_is_away(policy):
    url = "postgresql://gateway@127.0.0.1:1/gateway"
    code, _, errors = await (await Program.start(*serve(policy, url, "--role=api"))).wait()
    assert (code, "Traceback" in errors) == (2, False)
    assert errors.startswith("gateway: the database")


async def test_migrate_brings_an_empty_database_up_and_may_run_again(postgres, database_url):
    empty = database_url.replace("/test_", "/empty_")
    name = empty.partition("?")[0].rpartition("/")[2]
    connection = ("--database-url", empty)
    from support.database import run_sql

    await run_sql(database_url, f"CREATE DATABASE {name}")
    try:
        for _ in range(2):
            code, output, errors = await (await Program.start("migrate", *connection)).wait()
            assert (code, errors) == (0, "")
            assert output == f"The schema is at {migrate.head()}.\n"
        code, output, _ = await (await Program.start("migrate", "--restored", *connection)).wait()
        assert code == 0
        assert "new incarnation" in output
    finally:
        await run_sql(database_url, f"DROP DATABASE {name} WITH (FORCE)")


async def test_migrate_says_in_one_sentence_that_the_database_is_away():
    url = "postgresql://gateway@127.0.0.1:1/gateway"
    code, _, errors = await (await Program.start("migrate", "--database-url", url)).wait()
    assert (code, "Traceback" in errors) == (2, False)
    assert errors.startswith("gateway: the database")


async def test_migrate_without_a_database_says_so():
    code, _, errors = await (await Program.start("migrate")).wait()
    assert (code, "Traceback" in errors) == (2, False)
    assert "GATEWAY_DATABASE_URL" in errors


def test_every_setting_is_an_option_of_serve():
    text = CliRunner().invoke(main, ["serve", "--help"]).output
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in text
        assert f"GATEWAY_{name.upper()}" in text


def test_the_commands_are_these():
    names = {"serve", "dev", "migrate", "policy", "rest-config", "simulate", "top"}
    context = click.Context(main)
    assert set(main.list_commands(context)) == names
    assert {name for name in names if main.get_command(context, name)} == names


def test_what_is_no_command_is_told_as_that():
    answer = CliRunner().invoke(main, ["nope"])
    assert (answer.exit_code, "No such command" in answer.output) == (2, True)


def test_serve_does_without_the_other_commands():
    """Theirs are two megabytes and a tenth of a second, which every replica would pay."""
    code = (
        "import sys; from gateway.cli.main import main\n"
        "main(['serve', '--help'], standalone_mode=False)\n"
        "sys.exit(any(name in sys.modules for name in ('gateway.cli.top', 'gateway.cli.dev', 'batchjobs.client')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60, capture_output=True).returncode == 0


async def test_dev_runs_everything_and_leaves_nothing_behind():
    program = await Program.start("dev", *DEV)
    state = Path((await program.line("Logs are in")).removeprefix("Logs are in ").strip(" .\n"))
    curl = await program.line("curl -s")
    text = await asyncio.to_thread(lambda: urllib.request.urlopen(curl.split()[2], timeout=10).read().decode())  # noqa: S310 - our own listener, in a thread
    assert "batchjobs_build_info" in text
    await program.line("For a `gateway serve` beside this one")
    lines = [await program.line("") for _ in range(14)]
    beside = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-euc", f"{''.join(lines)}\n{sys.executable} -m gateway migrate"],
        env=ENVIRONMENT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert "The schema is at" in beside.stdout, beside.stderr
    assert await program.end(signal.SIGINT) == 0
    assert program.errors.replace(b"\n", b"") == b""
    assert not await asyncio.to_thread(state.exists)


async def test_dev_with_tls_prints_lines_that_work_as_they_stand():
    """The lines are run by a shell: a token, a certificate, and the operator's token."""
    program = await Program.start("dev", "--tls", "--mtls-listen=127.0.0.1:0", *DEV)
    await program.line("Try, in another terminal")
    lines: list[str] = []
    while not lines or "Each team has" not in lines[-1]:
        lines.append(await program.line(""))
    script = "".join(line for line in lines[:-1] if "STORAGE_EMULATOR_HOST" not in line)
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        env={**ENVIRONMENT, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await shell.communicate()
    assert shell.returncode == 0, errors.decode()
    assert output.count(b"SUCCEEDED") >= 3
    assert await program.end(signal.SIGINT) == 0
    assert program.errors.replace(b"\n", b"") == b""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach, as which it runs where this user is root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def test_dev_with_a_state_keeps_the_batch_jobs(open_folder):
    state = open_folder / "state"
    for _ in range(2):
        program = await Program.start("dev", "--state", str(state), *FREE)
        await program.line("Ctrl-C ends")
        assert await program.end() == 0
    assert (state / "postgres" / "data").is_dir()
    assert (state / "buckets" / "ranking-out").is_dir()


async def test_dev_says_which_port_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        code, _, errors = await (await Program.start("dev", *DEV, f"--api-listen={taken}")).wait()
    assert (code, "Traceback" in errors) == (2, False)
    assert f"cannot listen on {taken}" in errors
