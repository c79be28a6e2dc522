"""The examples go by what docs/calling.md says, and a language that is not here is never counted as passed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from clients.__main__ import prepared, results_of
from clients.examples import EXAMPLES, FEATURES, SCENARIOS, judge
from clients.results import Outcome, Result, closing, table
from clients.standing import Standing
from clients.toolchains import TOOLCHAINS, Toolchain

ROOT = Path(__file__).parents[2]
NOWHERE = Standing("", "", "", "")


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


def test_every_language_has_its_example_and_its_toolchain() -> None:
    assert [each.language for each in EXAMPLES] == [each.language for each in TOOLCHAINS]


def test_a_language_whose_toolchain_is_missing_is_skipped_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    trouble = prepared(Toolchain("Cobol", ("no-such-compiler",)))
    results = list(results_of(EXAMPLES[1], trouble, NOWHERE))
    assert "Cobol: skipped, there is no no-such-compiler here" in capsys.readouterr().out
    assert {each.outcome for each in results} == {Outcome.SKIPPED}
    assert closing(results) == f"0 passed, 0 failed, {len(FEATURES)} skipped"


def test_a_build_that_fails_fails_every_feature() -> None:
    assert {each.outcome for each in results_of(EXAMPLES[1], "no such file", NOWHERE)} == {Outcome.FAILED}


def test_a_feature_that_told_nothing_has_failed() -> None:
    assert table("program", ["a", "b"], [Result("x", "a", Outcome.PASSED)])[-1] == "| x | yes | **no** |"


def test_a_run_is_judged_by_its_end_and_by_what_it_printed() -> None:
    scenario = next(each for each in SCENARIOS if each.feature == "ErrorInfo")
    assert judge(scenario, 3, "refused\n  reason: NOT_AUTHENTICATED\n") == ""
    assert "it ended with 0, not 3" in judge(scenario, 0, "reason: NOT_AUTHENTICATED")
    assert "it did not print" in judge(scenario, 3, "refused")
