"""The sample that `gateway dev` starts with: a policy of three teams, buckets and tables with something in them."""

import shutil
from pathlib import Path
from typing import Final

import yaml

from gateway.domain.uris import BIGQUERY
from gateway.policy.match import has_star, matches_any
from gateway.policy.model import Policy, TeamPolicy

EXAMPLES: Final = Path(__file__).parents[3] / "examples"
"""Where the source tree keeps its examples."""
LOCATIONS_FILE: Final = "buckets.yaml"


class NoSampleError(Exception):
    """There is no sample policy here; the message says what to give instead."""


def sample_policy() -> Path:
    """The sample policy of the source tree; raises NoSampleError where there is none."""
    path = EXAMPLES / "policy.yaml"
    if not path.is_file():
        raise NoSampleError("there is no sample policy in this installation: name one with --policy FILE")
    return path


def prepare_buckets(folder: Path, policy: Policy) -> None:
    """Make the emulator's buckets in `folder`: the sample's, and every bucket that the policy's destinations name.

    What is there already stays as it is. A team whose pools are all in one region has its buckets there.
    """
    _copy_samples("buckets", folder)
    for team in policy.teams.values():
        for name in destination_buckets(team):
            (folder / name).mkdir(exist_ok=True)
    if not (folder / LOCATIONS_FILE).exists():
        names = sorted(each.name for each in folder.iterdir() if each.is_dir())
        (folder / LOCATIONS_FILE).write_text(yaml.safe_dump({"buckets": locations(policy, names)}))


def prepare_tables(folder: Path, policy: Policy) -> None:
    """Make the emulator's tables in `folder`: the sample's, and every dataset that the policy's destinations spell out.

    What is there already stays as it is. A dataset lies where the sample says, or in the emulator's default region.
    """
    _copy_samples("tables", folder)
    for team in policy.teams.values():
        for project, dataset in destination_datasets(team):
            (folder / project / dataset).mkdir(parents=True, exist_ok=True)


def _copy_samples(kind: str, folder: Path) -> None:
    """Copy the sample folders and files of that kind which `folder` does not have."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = EXAMPLES / kind
    for sample in sorted(samples.iterdir()) if samples.is_dir() else ():
        if not (folder / sample.name).exists():
            (shutil.copytree if sample.is_dir() else shutil.copy)(sample, folder / sample.name)


def destination_datasets(team: TeamPolicy) -> list[tuple[str, str]]:
    """Project and dataset of each dataset that the team's destinations spell out."""
    tables = (uri.removeprefix(BIGQUERY).rsplit(".", 2) for uri in team.destinations if uri.startswith(BIGQUERY))
    return [(project, dataset) for project, dataset, _ in tables if not has_star(dataset)]


def destination_buckets(team: TeamPolicy) -> list[str]:
    """The buckets that the team's destinations name."""
    buckets = (uri.removeprefix("gs://").partition("/")[0] for uri in team.destinations if uri.startswith("gs://"))
    return [bucket for bucket in buckets if bucket and not has_star(bucket)]


def locations(policy: Policy, buckets: list[str]) -> dict[str, dict[str, str]]:
    """What the emulator is told of where each bucket lies; those left out lie in its default region."""
    told: dict[str, dict[str, str]] = {}
    for team in policy.teams.values():
        for bucket in buckets if len(team.regions) == 1 else ():
            if matches_any((*team.sources, *team.destinations), f"gs://{bucket}/any"):
                told[bucket] = {"location": team.regions[0].upper()}
    return told
