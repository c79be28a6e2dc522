"""Tables for the emulator's tests, and Google's BigQuery client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from emulator.helpers import row
from vertex_emulator import Emulator

SETTINGS = """
datasets:
  corp-ml.europe: {location: EUROPE-WEST4}
  corp-ml.history: {location: us}
  corp-ml.closed: {forbidden: true}
tables:
  corp-ml.team_in.recent: {type: VIEW}
  corp-ml.team_in.sheet: {type: EXTERNAL}
  corp-ml.team_in.empty: {type: TABLE}
"""


def make_tables(root: Path) -> Path:
    """Datasets of every kind; `corp-ml.team_in.rivers` has ten rows with two columns beside the request."""
    for dataset in ("team_in", "team_out", "europe", "history", "closed"):
        (root / "corp-ml" / dataset).mkdir(parents=True)
    rows = [{"id": n, "river": f"river {n}", **row(f"Tell me about river {n}")} for n in range(10)]
    for dataset in ("team_in", "europe", "history", "closed"):
        write_table(root, f"corp-ml.{dataset}.rivers", rows)
    (root / "tables.yaml").write_text(SETTINGS)
    return root


def write_table(root: Path, name: str, rows: list[Any]) -> Path:
    path = root.joinpath(*name.split(".")).with_suffix(".jsonl")
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return path


def bigquery_client(emulator: Emulator, project: str = "corp-ml") -> bigquery.Client:
    """Google's client. It blocks, so tests call it through `asyncio.to_thread`."""
    return bigquery.Client(
        project=project,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": emulator.bigquery_url},
    )
