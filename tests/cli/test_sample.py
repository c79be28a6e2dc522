"""The tables that `gateway dev` starts with."""

from pathlib import Path

import pytest

from gateway.cli.sample import EXAMPLES, prepare_tables, sample_policy
from gateway.policy.load import load_policy
from gateway.policy.model import Policy


@pytest.fixture
def policy() -> Policy:
    return load_policy(sample_policy())


def test_the_samples_are_copied_and_the_datasets_of_destinations_made(tmp_path: Path, policy: Policy) -> None:
    prepare_tables(tmp_path / "tables", policy)
    copied = tmp_path / "tables" / "corp-ml" / "ranking_in" / "tickets.jsonl"
    assert copied.read_bytes() == (EXAMPLES / "tables" / "corp-ml" / "ranking_in" / "tickets.jsonl").read_bytes()
    assert (tmp_path / "tables" / "corp-ml" / "ranking_out").is_dir()
    assert (tmp_path / "tables" / "tables.yaml").is_file()


def test_what_is_there_already_stays_as_it_is(tmp_path: Path, policy: Policy) -> None:
    (tmp_path / "tables.yaml").write_text("datasets: {}")
    (tmp_path / "corp-ml").mkdir()
    prepare_tables(tmp_path, policy)
    assert (tmp_path / "tables.yaml").read_text() == "datasets: {}"
    assert not (tmp_path / "corp-ml" / "ranking_in").exists()


def test_a_destination_that_leaves_its_dataset_open_names_none(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        """
        pools: [{project: corp-ml, region: us-central1}]
        teams:
          ranking:
            members: {submitters: ["dev:ranking"]}
            pools: ["corp-ml/*"]
            models: ["gemini-*"]
            sources: ["bq://corp-ml.*.*"]
            destinations: ["bq://corp-ml.out_*.*", "bq://example.com:old.made.*"]
        """
    )
    prepare_tables(tmp_path / "tables", load_policy(path))
    assert (tmp_path / "tables" / "example.com:old" / "made").is_dir()
    assert not list((tmp_path / "tables").rglob("out_*"))
