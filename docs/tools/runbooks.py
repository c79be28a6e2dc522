"""Writes docs/runbooks/README.md, the list of all alerts, from the rules that fire them."""

from pathlib import Path
from typing import Any

import pages
import yaml

RULES = pages.DOCS.parent / "deploy" / "monitoring" / "alerts.yaml"

INTRODUCTION = """\
# Runbooks

One page for every alert: what it means, what to look at, what to do, whom to wake. The rules stand in
[`deploy/monitoring/alerts.yaml`](../../deploy/monitoring/alerts.yaml), each with tests of when it fires and when not in
`deploy/monitoring/tests/`. `critical` wakes somebody, `warning` waits for the morning.

Three things hold whatever has happened: an accepted batch job is not lost, no create is sent a second time while the
first may have succeeded, and every replica may be restarted at any time, unless the page says that it would not start.

The commands on these pages use

```sh
export NAMESPACE=batchjobs DEPLOYMENT=batch-jobs-gateway
export SELECTOR=app.kubernetes.io/name=batch-jobs-gateway,app.kubernetes.io/component=gateway
export BATCHJOBS_ENDPOINT=gateway.example:443 BATCHJOBS_TOKEN_FILE=token    # as an operator of the policy
export POOL=corp-ml/us-central1; export PROJECT=${POOL%/*} REGION=${POOL#*/}    # by the alert's label `pool`
```

Other names in capitals stand in the lines that the command before has shown. Links in alerts lead here by
`monitoring.rules.runbookBase` of the chart.

The last part of every page says whom to wake. "The gateway's owners" are those who keep this repository at your
company, "the database's people" whoever is on call for PostgreSQL, "the platform's" for the cluster, its network and
certificates. Fill in their names and numbers where your copy is kept.

SQL is for a user who may read the gateway's tables; PromQL for Prometheus or Grafana. `gateway top --once` prints a
page for the ticket.
"""


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def row(alert: dict[str, Any]) -> str:
    page = Path(alert["annotations"]["runbook_url"]).name
    severity, summary = alert["labels"]["severity"], alert["annotations"]["summary"]
    return f"| [`{alert['alert']}`]({page}) | {severity} | {alert['for']} | {summary} |"


def render() -> str:
    table = ["| alert | severity | after | what is the matter |", "| --- | --- | --- | --- |", *map(row, alerts())]
    return INTRODUCTION + "\n" + "\n".join(table)


if __name__ == "__main__":
    pages.run("runbooks/README.md", render, tool="runbooks.py", source="deploy/monitoring/alerts.yaml")
