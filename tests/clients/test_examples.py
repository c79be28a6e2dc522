"""The examples go by what docs/calling.md says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from clients.examples import EXAMPLES
from clients.toolchains import TOOLCHAINS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def documented() -> dict[str, Any]:
    page = (ROOT / "docs/calling.md").read_text()
    found = re.search(r"```json\n(.*?)```", page.partition("## Other languages")[2], re.DOTALL)
    assert found
    config: dict[str, Any] = json.loads(found.group(1))
    return config


@pytest.mark.parametrize("path", ["go/service-config.json", "typescript/service-config.json"])
def test_the_service_config_of_an_example_is_the_documented_one(documented: dict[str, Any], path: str) -> None:
    assert json.loads((ROOT / "examples" / path).read_text()) == documented


def test_java_leaves_creates_to_the_program(documented: dict[str, Any]) -> None:
    """There gRPC would wait for a quota until midnight."""
    methods = documented["methodConfig"][0]["name"]
    methods.remove({"service": "batchjobs.v1.BatchJobs", "method": "CreateBatchJob"})
    assert json.loads((ROOT / "examples/java/src/main/resources/service-config.json").read_text()) == documented


def test_every_example_has_its_toolchain() -> None:
    assert {each.language for each in EXAMPLES} <= {each.language for each in TOOLCHAINS}
