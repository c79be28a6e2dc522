"""From the typed file, found free of contradictions, to the policy in force: defaults merged in, patterns resolved."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from gateway.domain.batch_job import PoolId
from gateway.domain.places import RegionMatch
from gateway.policy.document import PolicyFile, QuotaSection, QuotasSection, TeamSection
from gateway.policy.match import matches
from gateway.policy.merge import merged
from gateway.policy.model import Counts, GlobalBigQuery, Mode, Policy, Pool, Quota, Quotas, TeamPolicy

HASH_DIGITS: Final = 16


def resolve(file: PolicyFile) -> Policy:
    """The policy that the file means."""
    pools = {pool.id: pool for pool in _pools(file)}
    teams = {
        name: _team(name, merged(file.defaults, section), file.aliases, pools) for name, section in file.teams.items()
    }
    content = {
        "pools": [asdict(pool) for pool in pools.values()],
        "aliases": file.aliases,
        "operators": file.operators,
        "teams": {name: asdict(team) for name, team in teams.items()},
    }
    return Policy(
        hash=_hash(content),
        pools=MappingProxyType(pools),
        aliases=MappingProxyType(dict(file.aliases)),
        operators=tuple(file.operators),
        teams=MappingProxyType(teams),
    )


def _pools(file: PolicyFile) -> Iterator[Pool]:
    numbers = {pool.project: pool.project_number for pool in file.pools if pool.project_number}
    for pool in file.pools:
        yield Pool(
            id=PoolId(pool.project, pool.region),
            capacity=pool.capacity,
            counts=Counts(pool.counts),
            project_number=numbers.get(pool.project) or "",
            endpoint=pool.endpoint,
        )


def _team(name: str, section: TeamSection, aliases: Mapping[str, str], pools: Iterable[PoolId]) -> TeamPolicy:
    return TeamPolicy(
        name=name,
        submitters=tuple(section.members.submitters),
        viewers=tuple(section.members.viewers),
        weight=section.weight,
        pools=_matching(section.pools, tuple(pools)),
        models=tuple(aliases.get(pattern, pattern) for pattern in section.models),
        sources=tuple(section.sources),
        destinations=tuple(section.destinations),
        quotas=_quotas(section.quotas),
        paused=section.paused,
        gcs_region_match=RegionMatch(section.gcs_region_match),
        global_bigquery=GlobalBigQuery(section.global_bigquery),
        retention=section.retention,
        max_queue_duration=section.max_queue_duration,
    )


def _matching(patterns: Iterable[str], pools: tuple[PoolId, ...]) -> tuple[PoolId, ...]:
    """In the order of the patterns, then of the file; each pool once."""
    found = (pool for pattern in patterns for pool in pools if matches(pattern, str(pool)))
    return tuple(dict.fromkeys(found))


def _quotas(section: QuotasSection) -> Quotas:
    given: dict[str, QuotaSection | None] = {name: getattr(section, name) for name in QuotasSection.model_fields}
    return Quotas(**{name: _quota(quota) for name, quota in given.items()})


def _quota(section: QuotaSection | None) -> Quota | None:
    if section is None or section.limit is None:
        return None
    return Quota(section.limit, Mode(section.mode))


def _hash(content: Mapping[str, object]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=_seconds)
    return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_DIGITS]


def _seconds(value: object) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"no canonical form of {type(value).__name__}")
