"""The dashboards: every query of every panel, asked of a Prometheus that scraped a real run, shows what happened."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitoring.expected import EXPECTED
from monitoring.prometheus_server import JOB, Answer
from monitoring.scripted_run import POOL, TEAM, Run, observed_run

FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring" / "dashboards"
Target = tuple[str, str, str]
"""A dashboard, a panel's title, a query's letter."""


def targets() -> dict[Target, str]:
    found: dict[Target, str] = {}
    for file in sorted(FOLDER.glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            found |= {(file.stem, panel["title"], each["refId"]): each["expr"] for each in panel["targets"]}
    return found


TARGETS = targets()


@dataclass(frozen=True)
class Shown:
    """What the run made, and what each query answered at its end."""

    run: Run
    answers: Mapping[Target, Answer]


def filled_in(expression: str, window: int) -> str:
    """As Grafana would send it, with the window of the run in place of its own."""
    values = {"__rate_interval": f"{window}s", "__range": f"{window}s", "job": JOB, "team": TEAM, "pool": POOL}
    for name, value in values.items():
        expression = expression.replace(f"${name}", value)
    return expression


@pytest.fixture(scope="module")
def shown(prometheus: str, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    async def collect() -> Shown:
        async with observed_run(prometheus, tmp_path_factory.mktemp("prometheus")) as run:
            ask = run.prometheus.ask
            queries = {target: filled_in(expression, run.window) for target, expression in TARGETS.items()}
            answers = {target: await asyncio.to_thread(ask, query, run.at) for target, query in queries.items()}
            return Shown(run, answers)

    return asyncio.run(collect())


def name_of(target: Target) -> str:
    """As it stands in the table of what is expected: a panel's first query has the panel's own name."""
    _, title, letter = target
    return title if letter == "A" else f"{title} {letter}"


@pytest.mark.timeout(300)  # The fixture plays the demo.
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target[0]}: {name_of(target)}")
def test_a_panel_shows_what_happened(target: Target, shown: Shown):
    answer, expected = shown.answers[target], EXPECTED[target[0]][name_of(target)](shown.run)
    query = filled_in(TARGETS[target], shown.run.window)
    assert answer, f"no data for {query}"
    wrong = {key: (answer.get(key), bounds) for key, bounds in expected.items() if not _lies(answer.get(key), bounds)}
    assert wrong == {}, query
    if target[1] != "Store":  # More operations than anybody wants to list.
        assert {key: value for key, value in answer.items() if key not in expected and value} == {}, query


def _lies(value: float | None, bounds: tuple[float, float]) -> bool:
    return value is not None and bounds[0] - 1e-9 <= value <= bounds[1] + 1e-9


def test_every_query_is_expected_and_every_expectation_is_of_a_query():
    wanted = {(dashboard, name) for dashboard, named in EXPECTED.items() for name in named}
    assert wanted == {(target[0], name_of(target)) for target in TARGETS}


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
def test_panels_lie_side_by_side_on_a_page_of_24_columns(file: Path):
    panels = json.loads(file.read_text())["panels"]
    assert [each["id"] for each in panels] == list(range(1, len(panels) + 1))
    taken = [
        (place["x"] + column, place["y"] + row)
        for place in (each["gridPos"] for each in panels)
        for column in range(place["w"])
        for row in range(place["h"])
    ]
    assert len(taken) == len(set(taken)), "two panels lie on one another"
    assert max(column for column, _ in taken) < 24


def test_dashboards_can_be_told_apart_and_follow_their_variables():
    dashboards = [json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))]
    assert len({each["uid"] for each in dashboards}) == len(dashboards) == 5
    for each in dashboards:
        variables = {variable["name"] for variable in each["templating"]["list"]}
        text = json.dumps(each["panels"])
        assert variables == {"datasource", "job"} | {name for name in ("team", "pool") if f"${name}" in text}
        assert all(panel["description"] for panel in each["panels"])
