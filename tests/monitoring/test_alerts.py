"""The alerts: each fires when it should and is silent when not, by Prometheus's own test runner."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
RULES = MONITORING / "alerts.yaml"
TESTS = sorted((MONITORING / "tests").glob("*.yaml"))
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"] if "alert" in rule]


def run(promtool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)


def cases() -> list[dict[str, Any]]:
    return [
        each for file in TESTS for test in yaml.safe_load(file.read_text())["tests"] for each in test["alert_rule_test"]
    ]


def test_prometheus_takes_the_rules(promtool: str):
    checked = run(promtool, "check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alerts_fire_when_they_should_and_are_silent_when_not(promtool: str, file: Path):
    ran = run(promtool, "test", "rules", str(file))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_an_alert_that_never_fires_is_found_out(promtool: str, tmp_path: Path):
    (tmp_path / "tests").mkdir()
    rules = RULES.read_text()
    assert rules.count("batchjobs_duplicates_total") == 1
    (tmp_path / "alerts.yaml").write_text(rules.replace("batchjobs_duplicates_total", "batchjobs_duplicate_total"))
    file = tmp_path / "tests" / "vertex.yaml"
    file.write_text((MONITORING / "tests" / "vertex.yaml").read_text())
    assert run(promtool, "test", "rules", str(file)).returncode == 1


@pytest.mark.parametrize("alert", [alert["alert"] for alert in ALERTS])
def test_every_alert_is_seen_firing_and_seen_silent(alert: str):
    expected = [bool(each["exp_alerts"]) for each in cases() if each["alertname"] == alert]
    assert set(expected) == {True, False}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_says_how_urgent_it_is_and_where_its_page_stands(alert: dict[str, Any]):
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert "for" in alert
    assert alert["alert"].startswith("BatchJobs")
