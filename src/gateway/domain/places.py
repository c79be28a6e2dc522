"""Where a Cloud Storage bucket lies, and which of Vertex AI's regions it fits. A table and two questions to it.

Cloud Storage writes places in upper case, Vertex AI in lower case. Here they are lower case.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final, Self

GLOBAL: Final = "global"
"""The Vertex AI location that reads and writes Cloud Storage anywhere."""


@unique
class RegionMatch(StrEnum):
    """How a bucket must lie to a job's region: in exactly that place, in a place that holds it, or not looked at."""

    STRICT = "strict"
    CONTAINS = "contains"
    OFF = "off"


@unique
class PlaceKind(StrEnum):
    """Cloud Storage's `locationType`."""

    REGION = "region"
    DUAL_REGION = "dual-region"
    MULTI_REGION = "multi-region"


DUAL_REGIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "asia1": ("asia-northeast1", "asia-northeast2"),
        "eur4": ("europe-north1", "europe-west4"),
        "eur5": ("europe-west1", "europe-west2"),
        "eur7": ("europe-west2", "europe-west3"),
        "eur8": ("europe-west3", "europe-west6"),
        "nam4": ("us-central1", "us-east1"),
    },
)
"""The predefined dual-regions and their two regions. Configurable ones carry theirs as data locations."""

MULTI_REGIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "asia": (
            "asia-east1",
            "asia-east2",
            "asia-northeast1",
            "asia-northeast2",
            "asia-northeast3",
            "asia-south1",
            "asia-south2",
            "asia-southeast1",
            "asia-southeast2",
            "asia-southeast3",
        ),
        # The member states of the European Union: neither London (europe-west2) nor Zurich (europe-west6).
        "eu": (
            "europe-central2",
            "europe-north1",
            "europe-north2",
            "europe-southwest1",
            "europe-west1",
            "europe-west10",
            "europe-west12",
            "europe-west3",
            "europe-west4",
            "europe-west8",
            "europe-west9",
        ),
        # The United States alone: neither northamerica-* nor southamerica-*.
        "us": (
            "us-central1",
            "us-east1",
            "us-east4",
            "us-east5",
            "us-south1",
            "us-west1",
            "us-west2",
            "us-west3",
            "us-west4",
        ),
    },
)
"""The multi-regions and the regions that they are known to hold. What is not listed is not assumed."""


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """Where a bucket lies. `data_locations` are the regions of a configurable dual-region, else empty."""

    location: str
    kind: PlaceKind
    data_locations: tuple[str, ...] = ()

    @classmethod
    def of(cls, location: str, kind: str, data_locations: Iterable[str] = ()) -> Self:
        """The place from what Cloud Storage says, in whatever case.

        A kind that this version does not know, such as a zone, counts as a region: then only a job in the region of
        that name fits.
        """
        known = PlaceKind(kind.lower()) if kind.lower() in set(PlaceKind) else PlaceKind.REGION
        return cls(location.lower(), known, tuple(region.lower() for region in data_locations))

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that hold the bucket's data, as far as they are known."""
        match self.kind:
            case PlaceKind.REGION:
                return (self.location,)
            case PlaceKind.DUAL_REGION:
                return self.data_locations or DUAL_REGIONS.get(self.location, ())
            case PlaceKind.MULTI_REGION:
                return MULTI_REGIONS.get(self.location, ())

    def __str__(self) -> str:
        """As a person reads it: `us-central1`, `the multi-region EU`, `the dual-region EUR4 (europe-north1, …)`."""
        if self.kind is PlaceKind.REGION:
            return self.location
        held = f" ({', '.join(self.regions)})" if self.kind is PlaceKind.DUAL_REGION and self.regions else ""
        return f"the {self.kind} {self.location.upper()}{held}"


def fits(region: str, place: BucketPlace, match: RegionMatch) -> bool:
    """Whether a job in `region` may use a bucket that lies in `place`."""
    if match is RegionMatch.OFF or region == GLOBAL:
        return True
    if region == place.location and place.kind is not PlaceKind.DUAL_REGION:
        return True
    return match is RegionMatch.CONTAINS and region in place.regions


def mismatch(uri: str, region: str, place: BucketPlace, match: RegionMatch, choices: Iterable[str] = ()) -> str:
    """The sentences for a bucket that does not fit: both places, and the way out.

    Args:
        uri: the source or destination.
        region: where the job would run.
        place: where the bucket lies.
        match: the team's rule.
        choices: the regions that the team may use.

    """
    fitting = [choice for choice in choices if fits(choice, place, match)]
    kinds = "in that region" if match is RegionMatch.STRICT else "in that region, or in a place that holds it"
    move = f"use a bucket {kinds}"
    way_out = f"Set region to {_either(fitting)}, or {move}." if fitting else f"{move[0].upper()}{move[1:]}."
    return f"{uri} is in {place}, but the batch job would run in {region}. {way_out}"


def _either(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
