"""Bucket locations, as the Cloud Storage API tells them, and which regions each of them contains."""

from __future__ import annotations

from dataclasses import dataclass

_DUAL_REGIONS = {
    "NAM4": {"us-central1", "us-east1"},
    "EUR4": {"europe-north1", "europe-west4"},
    "EUR5": {"europe-west1", "europe-west2"},
    "EUR7": {"europe-west2", "europe-west3"},
    "EUR8": {"europe-west3", "europe-west6"},
    "ASIA1": {"asia-northeast1", "asia-northeast2"},
}
_MULTI_REGIONS = {"US": "us-", "EU": "europe-", "ASIA": "asia-"}
# London and Zurich are European regions outside the European Union's multi-region.
_NOT_IN_EU = {"europe-west2", "europe-west6"}


@dataclass(frozen=True)
class Location:
    """Where a bucket lies. `name` is upper case, as in the API; `members` only for a configurable dual-region."""

    name: str
    members: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """`region`, `dual-region` or `multi-region`: the API's `locationType`."""
        if self.members or self.name in _DUAL_REGIONS:
            return "dual-region"
        return "multi-region" if self.name in _MULTI_REGIONS else "region"

    def is_exactly(self, region: str) -> bool:
        return self.kind == "region" and self.name.lower() == region

    def contains(self, region: str) -> bool:
        """Whether data in this location lies in, or is kept in, that region."""
        if self.members:
            return region in {member.lower() for member in self.members}
        if self.name in _DUAL_REGIONS:
            return region in _DUAL_REGIONS[self.name]
        if self.name in _MULTI_REGIONS:
            return region.startswith(_MULTI_REGIONS[self.name]) and not (self.name == "EU" and region in _NOT_IN_EU)
        return self.is_exactly(region)
