"""The client needs what every caller installs, and nothing else."""

import subprocess
import sys
from importlib.metadata import requires

from packaging.requirements import Requirement

BASE = {"grpcio", "protobuf", "googleapis-common-protos"}

LOOK = """
import sys, importlib.abc

class Refusing(importlib.abc.MetaPathFinder):
    '''Nothing is installed but Python, grpcio, protobuf and googleapis-common-protos.'''

    allowed = {"batchjobs", "grpc", "google", "typing_extensions"} | set(sys.stdlib_module_names)
    google = {"protobuf", "api", "rpc", "type", "longrunning", "logging", "cloud", "gapic", "_upb"}

    def find_spec(self, name, path=None, target=None):
        top, _, rest = name.partition(".")
        below = rest.partition(".")[0]
        if top not in self.allowed or top == "google" and below not in self.google | {""}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name.startswith("google.cloud.") and not name.startswith("google.cloud.location"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refusing())
before = set(sys.modules)
"""

USE = """
import asyncio
from batchjobs.client import BatchJob, Client, Unavailable

async def main():
    async with Client("127.0.0.1:1", team="ranking", insecure=True, timeout=0.05) as client:
        try:
            await client.create(BatchJob(model="flash"))
        except Unavailable as error:
            print(error.outcome_unknown, error.request_id != "")

asyncio.run(main())
"""

SEEN = """
kept_out = ("click", "rich", "aiohttp", "yaml", "gateway", "vertex_emulator", "batchjobs.cli", "google.cloud")
print(sorted(name for name in set(sys.modules) - before if f"{name}.".startswith(tuple(f"{k}." for k in kept_out))))
"""


def ran(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_client_works_where_only_the_base_is_installed() -> None:
    assert ran(LOOK + USE) == ["True True"]


def test_what_is_not_of_the_base_is_out_of_reach_there() -> None:
    for module in ("click", "rich", "pydantic", "google.cloud.storage", "google.auth", "gateway"):
        code = f"{LOOK}\ntry:\n    import {module}\nexcept ModuleNotFoundError:\n    print('none')\n"
        assert ran(code) == ["none"], module


def test_the_client_imports_nothing_of_the_command_or_the_server() -> None:
    assert ran("import sys\nbefore = set(sys.modules)\n" + USE + SEEN)[-1] == "[]"


def test_the_base_is_three_libraries() -> None:
    needed = [Requirement(line) for line in requires("batch-jobs-gateway") or []]
    assert {each.name for each in needed if not each.marker} == BASE
