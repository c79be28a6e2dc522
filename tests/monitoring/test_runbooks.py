"""The runbooks: a page for every alert, and nothing on them that would not work at night."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from gateway.telemetry.logs import render
from gateway.telemetry.metrics import Metrics
from support.database import run_sql

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy" / "monitoring" / "alerts.yaml").read_text())
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
PAGES = sorted(page for page in (ROOT / "docs" / "runbooks").glob("*.md") if page.name != "README.md")
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!http)([^)#]+)")
LOGGED = re.compile(r"""grep (?:-E )?'"\(?([a-z_| ]+)\)?"'""")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text()) if found == language]


def shown_names() -> set[str]:
    """Every name that a query may use, without what histograms and counters add."""
    names = set[str]()

    class Recording(CollectorRegistry):
        def register(self, collector) -> None:
            super().register(collector)
            assert isinstance(collector, MetricWrapperBase)
            names.add(collector._name)

    Metrics(Recording())
    return names


def test_every_alert_has_a_page_that_names_it_and_every_page_an_alert():
    urls = {name: ROOT / alert["annotations"]["runbook_url"] for name, alert in ALERTS.items()}
    assert set(urls.values()) == set(PAGES)
    assert [name for name, page in urls.items() if f"`{name}`" not in page.read_text()] == []


@each_page
def test_a_page_says_what_it_means_what_to_look_at_what_to_do_and_whom_to_wake(page: Path):
    parts = ["What it means", "Look at", "Do", "Whom to wake"]
    assert re.findall("^## (.+)$", page.read_text(), re.MULTILINE) == parts
    assert blocks(page, "promql") or blocks(page, "sh")


@each_page
def test_links_lead_somewhere(page: Path):
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


@each_page
def test_queries_name_metrics_that_exist(page: Path):
    used = set(re.findall(r"\b(?:batchjobs|grpc_server)_[a-z_]+", "\n".join(blocks(page, "promql"))))
    ends = ("", "_total", "_bucket", "_sum", "_count")
    assert used <= {name + end for name in shown_names() for end in ends}


@each_page
def test_prometheus_takes_every_query(page: Path, promtool: str, tmp_path: Path):
    queries = [line for block in blocks(page, "promql") for line in block.splitlines() if line.strip()]
    rules = [{"record": f"page:query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "page", "rules": rules}]}))
    checked = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@each_page
async def test_postgresql_takes_every_statement(page: Path, database_url: str):
    for block in blocks(page, "sql"):
        for statement in filter(str.strip, block.split(";")):
            await run_sql(database_url, statement)


@each_page
def test_what_is_looked_for_in_the_log_is_written_there(page: Path):
    source = "\n".join(file.read_text() for file in (ROOT / "src" / "gateway").rglob("*.py"))
    events = {event for pattern in LOGGED.findall(page.read_text()) for event in pattern.split("|")}
    fields = {"reason", "poll"}
    assert {event for event in events - fields if f'"{event}"' not in source and f'"{event}' not in source} == set()


@each_page
def test_a_value_that_is_looked_for_stands_as_it_is_written(page: Path):
    """Whether a space follows the colon is the renderer's choice."""
    written = render(None, "info", {"code": "OK"})
    assert set(re.findall(r'"code": ?"OK"', page.read_text())) <= {written.strip("{}")}
