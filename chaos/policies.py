"""The policy of a run, and the ways in which it changes while the run goes on."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from chaos.sizes import CAPACITY, PROJECT, REGIONS
from gateway.policy.load import load_policy


class PolicyFile:
    """What the policy says now. Changes overlap: each is taken back alone."""

    def __init__(self, path: Path, teams: int) -> None:
        self.path = path
        self.teams = [f"team-{number:02}" for number in range(teams)]
        self._without: list[str] = []
        self._shrunk = 0
        self.versions: dict[str, dict[str, dict[str, int]]] = {}
        """Every policy that was ever in force, by the hash that dispatches record: capacities and limits."""
        self.write()

    @contextmanager
    def shrunk(self) -> Iterator[None]:
        """A third of the capacity, and one active batch job a team."""
        self._shrunk += 1
        self.write()
        try:
            yield
        finally:
            self._shrunk -= 1
            self.write()

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Without a team, or without the pool of a region."""
        self._without.append(name)
        self.write()
        try:
            yield
        finally:
            self._without.remove(name)
            self.write()

    def write(self) -> None:
        """Replaced in one move, as a ConfigMap is."""
        fresh = self.path.with_suffix(".new")
        document = self.document()
        fresh.write_text(yaml.safe_dump(document), encoding="utf-8")
        self.versions[load_policy(fresh).hash] = {
            "capacities": {f"{each['project']}/{each['region']}": each["capacity"] for each in document["pools"]},
            "limits": dict.fromkeys(document["teams"], document["defaults"]["quotas"]["active_jobs"]),
        }
        fresh.rename(self.path)

    def document(self) -> dict[str, Any]:
        capacity = CAPACITY // 3 if self._shrunk else CAPACITY
        limit = 1 if self._shrunk else 6
        regions = [region for region in REGIONS if region not in self._without]
        return {
            "pools": [{"project": PROJECT, "region": region, "capacity": capacity} for region in regions],
            "operators": ["dev:operator"],
            "defaults": {
                "pools": [f"{PROJECT}/*"],
                "models": ["gemini-*"],
                "gcs_region_match": "off",
                "quotas": {"active_jobs": limit, "queued_jobs": 10_000, "creates_per_minute": 100_000},
            },
            "teams": {
                team: {
                    "members": {"submitters": [f"dev:{team}"]},
                    "weight": 1 + number % 3,
                    "sources": [f"gs://{team}-in/**"],
                    "destinations": [f"gs://{team}-out/**"],
                }
                for number, team in enumerate(self.teams)
                if team not in self._without
            },
        }

    async def change(self, how: Any, seconds: float) -> None:
        """Enter a change for a while."""
        with how:
            await asyncio.sleep(seconds)
