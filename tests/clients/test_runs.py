"""What `make test-clients` makes of what programs do: a language that is not here never counts as passed."""

import sys

import pytest

from clients.__main__ import clients_of, examples_of, prepared, well
from clients.examples import FEATURES
from clients.programs import Ending, judge, put_through
from clients.results import Outcome, Result, closing, table
from clients.standing import Standing
from clients.toolchains import Toolchain
from clients.vertex import scenarios
from clients.vertex.listing import lists_two
from clients.vertex.registry import VERTEX_CLIENTS
from clients.vertex.running import run_clients

NOWHERE = Standing("", "", "", "", "")
WANTED = Ending(3, ("reason: NOT_AUTHENTICATED",))


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


def test_a_language_whose_toolchain_is_missing_is_skipped_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert prepared(Toolchain("Cobol", ("no-such-compiler",))) is None
    assert "Cobol: skipped, there is no no-such-compiler here" in capsys.readouterr().out
    results = list(examples_of("Python", {}, NOWHERE))
    assert {each.outcome for each in results} == {Outcome.SKIPPED}
    assert closing(results) == f"0 passed, 0 failed, {len(FEATURES)} skipped"


def test_a_build_that_fails_fails_every_feature() -> None:
    results = [*examples_of("Python", {"Python": "no file"}, NOWHERE), *clients_of("Python", {"Python": "no"}, NOWHERE)]
    assert {each.outcome for each in results} == {Outcome.FAILED}
    clients = [each for each in VERTEX_CLIENTS if each.language == "Python"]
    assert len(results) == len(FEATURES) + len(clients) * len(scenarios.FEATURES)


def test_a_way_over_rest_is_skipped_where_no_envoy_is() -> None:
    results = list(run_clients([each for each in VERTEX_CLIENTS if each.rest], NOWHERE))
    assert {each.outcome for each in results} == {Outcome.SKIPPED}


def test_a_feature_that_told_nothing_has_failed() -> None:
    assert table("program", ["a", "b"], [Result("x", "a", Outcome.PASSED)])[-1] == "| x | yes | **no** |"


def test_a_run_is_judged_by_its_end_and_by_what_it_printed() -> None:
    assert judge(WANTED, 3, "refused\n  reason: NOT_AUTHENTICATED\n") == ""
    assert "it ended with 0, not 3" in judge(WANTED, 0, "reason: NOT_AUTHENTICATED")
    assert "it did not print" in judge(WANTED, 3, "refused")


def test_a_list_with_one_too_many_or_one_twice_or_of_another_name_has_failed() -> None:
    wanted = lists_two(Ending(0, ()), "1", "2")
    own, same, other = (f"found projects/p/locations/l/batchPredictionJobs/{each}\n" for each in (12, 1, 2))
    assert judge(wanted, 0, own + same) == ""
    assert all(judge(wanted, 0, said) for said in (own, same, own + own, same + same, own + other, own + same + other))


def test_where_all_is_asked_for_a_skip_is_no_better_than_a_failure() -> None:
    skipped = [Result("x", "a", Outcome.PASSED), Result("x", "b", Outcome.SKIPPED)]
    assert well(skipped, skips=True)
    assert not well(skipped, skips=False)
    assert well([Result("x", "a", Outcome.NOT_OFFERED)], skips=False)
    assert not well([Result("x", "a", Outcome.FAILED)], skips=True)


def test_a_client_that_lacks_a_call_says_so_and_what_it_says_besides_is_a_failure() -> None:
    assert put_through(python("print('not offered'); exit(4)"), {}, WANTED) == (Outcome.NOT_OFFERED, "")
    outcome, saw = put_through(python("print('created'); print('not offered'); exit(4)"), {}, WANTED)
    assert (outcome, "it ended with 4, not 3" in saw) == (Outcome.FAILED, True)
