"""What needs Prometheus's own programs; without them these tests are skipped, and `make prometheus` says why."""

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def program(name: str) -> str:
    """The program beside this Python, or on PATH."""
    found = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name}: run `make prometheus`")
    return found


@pytest.fixture(scope="session")
def promtool() -> str:
    return program("promtool")


@pytest.fixture(scope="session")
def prometheus() -> str:
    return program("prometheus")
