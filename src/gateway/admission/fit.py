"""Whether a place of either kind fits a region by a team's rules, and what to say where it does not."""

from collections.abc import Iterable, Sequence

from gateway.domain import datasets, places
from gateway.domain.datasets import DatasetPlace
from gateway.domain.places import BucketPlace
from gateway.policy.model import GlobalBigQuery, TeamPolicy

Place = BucketPlace | DatasetPlace
KnownPlaces = Sequence[tuple[str, Place]]
"""Places that are known, each with the URI of the source or destination that is there."""


def fits(region: str, place: Place, team: TeamPolicy) -> bool:
    """Whether a batch job of the team in `region` may use what lies there."""
    if isinstance(place, DatasetPlace):
        return datasets.dataset_fits(region, place, global_allowed=_global_allowed(team))
    return places.fits(region, place, team.gcs_region_match)


def fitting(regions: Iterable[str], known: KnownPlaces, team: TeamPolicy) -> tuple[str, ...]:
    """The regions that all the places fit."""
    return tuple(region for region in regions if all(fits(region, place, team) for _, place in known))


def mismatch(uri: str, region: str, place: Place, team: TeamPolicy, choices: Iterable[str]) -> str:
    """The sentences for a place that does not fit `region`; `choices` are the regions that would fit every place."""
    if isinstance(place, DatasetPlace):
        allowed = _global_allowed(team)
        return datasets.dataset_mismatch(uri, region, place, global_allowed=allowed, choices=choices)
    return places.mismatch(uri, region, place, team.gcs_region_match, choices)


def never(place: Place) -> str:
    """Why no region at all fits the place, as a sentence with a blank after it; "" where that is not so."""
    return datasets.NO_MULTI_REGION if isinstance(place, DatasetPlace) and place.multi_region else ""


def _global_allowed(team: TeamPolicy) -> bool:
    return team.global_bigquery is GlobalBigQuery.ALLOW
