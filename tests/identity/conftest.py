"""A house for every test of identity."""

from pathlib import Path

import pytest

from identity.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)
