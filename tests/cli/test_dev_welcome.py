"""What `gateway dev` prints fits the policy that it runs with."""

import re
from types import SimpleNamespace
from typing import Any

from gateway.cli.dev_welcome import first_team, strangers, submits, with_vertex
from gateway.cli.sample import sample_policy
from gateway.policy.load import load_policy, parse_policy

OWN = """
pools: [{project: corp-ml, region: us-central1}]
teams:
  fraud:
    members: {submitters: ["jwt:dev:fraud"]}
    pools: ["corp-ml/*"]
    models: ["gemini-*"]
    sources: ["gs://fraud-in/**"]
    destinations: ["gs://fraud-out/**"]
"""


def test_the_lines_are_for_a_team_that_the_policy_has() -> None:
    assert first_team(parse_policy(OWN)) == "fraud"
    assert submits(parse_policy(OWN)) == ""
    assert submits(load_policy(sample_policy())).count("batchjobs submit") == 2


def test_who_is_not_named_is_told_the_operator_too() -> None:
    told = strangers(parse_policy(OWN))
    assert "fraud: mtls:spiffe://dev.local/ns/fraud/sa/batch" in told
    assert "operators: jwt:dev:operator" in told
    assert "jwt:dev:fraud" not in told
    assert strangers(load_policy(sample_policy())) == ""


def test_what_clients_of_vertex_are_told_is_of_the_callers_and_no_setting_of_a_gateway() -> None:
    """`gateway serve` in the same shell refuses every variable of its prefix that is no setting."""
    running: Any = SimpleNamespace(
        identity=object(),
        rules=parse_policy(OWN),
        rest="https://127.0.0.1:8473",
        app=SimpleNamespace(api_target="127.0.0.1:8470"),
    )
    told = dict(each.split("=") for each in re.findall(r"\w+=\S*", with_vertex(running)))
    assert told == {
        "BATCHJOBS_ENDPOINT": "localhost:8470",
        "BATCHJOBS_REST_URL": "https://localhost:8473",
        "BATCHJOBS_PROJECT": "corp-ml",
        "BATCHJOBS_LOCATION": "us-central1",
    }
