"""The table of clients of Vertex AI in the docs holds what was run, and the names of a run are its own."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from clients import page
from clients.results import Outcome, Result
from clients.toolchains import TOOLCHAINS
from clients.vertex.registry import VERTEX_CLIENTS
from clients.vertex.scenarios import FEATURES, SCENARIOS, known_as
from gateway.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
FIRST, SECOND = (each.program for each in VERTEX_CLIENTS[:2])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "page.md"
    file.write_text("Before.\n\n<!-- run: clients -->\n\n| client |\n| --- |\n\n<!-- end -->\n\nAfter.\n")
    return file


def results(program: str, outcome: Outcome) -> list[Result]:
    return [Result(program, each, outcome) for each in FEATURES]


def test_every_client_has_its_toolchain_and_a_name_of_its_own() -> None:
    assert {each.language for each in VERTEX_CLIENTS} <= {each.language for each in TOOLCHAINS}
    for names in ({each.program for each in VERTEX_CLIENTS}, {each.slug for each in VERTEX_CLIENTS}):
        assert len(names) == len(VERTEX_CLIENTS)


def test_destinations_of_two_runs_are_two() -> None:
    assert all("{}" in each.destination for each in SCENARIOS)


@pytest.mark.parametrize(
    ("shown", "known"),
    [("NOT_FOUND", True), ("NotFound", True), ("404", True), ("5", True), ("500", False), ("NOT_FOUND_HERE", False)],
)
def test_a_code_is_known_by_its_names_and_its_numbers_and_by_no_other(shown: str, known: bool) -> None:
    assert bool(re.match(known_as("NOT_FOUND", 404, 5), shown)) is known


def test_a_run_that_differs_from_the_page_is_told_and_writing_ends_that(file: Path) -> None:
    ran = results(FIRST, Outcome.PASSED)
    assert "make test-clients WRITE=1" in page.keep(ran, write=False, file=file)
    assert FIRST not in file.read_text()
    assert page.keep(ran, write=True, file=file) == ""
    assert page.keep(ran, write=False, file=file) == ""
    text = file.read_text()
    assert text.startswith("Before.\n\n<!-- run: clients -->\n\n| client | ")
    assert text.endswith(" yes |\n\n<!-- end -->\n\nAfter.\n")
    assert page.keep([*ran[1:], Result(FIRST, FEATURES[0], Outcome.FAILED)], write=False, file=file)


def first_cells(file: Path) -> list[list[str]]:
    return [each.split(" | ")[0:2] for each in file.read_text().splitlines() if each.startswith("| Python")]


def test_rows_of_what_was_not_asked_for_stay(file: Path) -> None:
    page.keep(results(SECOND, Outcome.PASSED), write=True, file=file)
    page.keep(results(FIRST, Outcome.NOT_OFFERED), write=True, file=file)
    assert first_cells(file) == [[f"| {FIRST}", "–"], [f"| {SECOND}", "yes"]]


def test_a_run_that_writes_leaves_no_yes_for_what_it_skipped(file: Path) -> None:
    page.keep(results(FIRST, Outcome.PASSED), write=True, file=file)
    skipped = results(FIRST, Outcome.SKIPPED)
    assert page.keep(skipped, write=False, file=file) == ""
    page.keep(skipped, write=True, file=file)
    assert first_cells(file) == [[f"| {FIRST}", "skipped"]]


def test_a_client_that_is_no_more_leaves_the_page(file: Path) -> None:
    file.write_text(file.read_text().replace("| --- |\n", "| --- |\n| Cobol: batch, sync | yes |\n"))
    assert page.keep([], write=False, file=file)
    page.keep([], write=True, file=file)
    assert "Cobol" not in file.read_text()


def test_a_page_without_a_place_for_the_table_is_no_page(file: Path) -> None:
    file.write_text("Nothing.\n")
    with pytest.raises(AssertionError, match="no place"):
        page.keep([], write=False, file=file)


def test_clients_of_a_language_stand_together() -> None:
    languages = [each.language for each in VERTEX_CLIENTS]
    assert sum(one != other for one, other in pairwise(languages)) == len(set(languages)) - 1


def test_variables_that_begin_as_settings_do_are_settings() -> None:
    """Whoever exported another one to try a client could not start a gateway in the same shell."""
    files = [
        ROOT / "docs/vertex-clients.md",
        *(each for each in (ROOT / "clients/vertex").rglob("*") if each.is_file()),
    ]
    named = {name for file in files for name in re.findall(rf"\b{PREFIX}[A-Z_]+\b", file.read_text(errors="ignore"))}
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(Settings.model_fields)
