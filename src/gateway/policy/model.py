"""The policy in force: frozen values, resolved and free of the file's shape. `load.py` makes them from YAML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum, unique
from functools import cached_property
from types import MappingProxyType
from typing import Final

from gateway.domain.batch_job import PoolId
from gateway.domain.places import RegionMatch
from gateway.domain.uris import BIGQUERY
from gateway.policy.membership import MemberIndex, Membership, Right, Role

DEFAULT_CAPACITY: Final = 8
DEFAULT_RETENTION: Final = timedelta(days=30)


@unique
class Counts(StrEnum):
    """Whose Vertex jobs take room in a pool: the gateway's alone, or everybody's in that project and region."""

    OURS = "ours"
    ALL = "all"


@unique
class Mode(StrEnum):
    """Whether a quota refuses, or only counts and shows what it would have refused."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


@unique
class GlobalBigQuery(StrEnum):
    """Whether a job in location `global` may read and write BigQuery."""

    REFUSE = "refuse"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Pool:
    """A Google Cloud project and region, and how many Vertex jobs may be active in it at once. Capacity 0 drains."""

    id: PoolId
    capacity: int = DEFAULT_CAPACITY
    counts: Counts = Counts.OURS
    project_number: str = ""
    """Decimal digits; "" where the file does not give it."""
    endpoint: str = ""
    """`host` or `host:port`; "" is Vertex's own for the region."""


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit, in the quota's own unit."""

    limit: int
    mode: Mode = Mode.ENFORCE


@dataclass(frozen=True, slots=True)
class Quotas:
    """A team's quotas; None is no limit. Days are UTC."""

    active_jobs: Quota | None = None
    queued_jobs: Quota | None = None
    creates_per_minute: Quota | None = None
    jobs_per_day: Quota | None = None
    input_bytes_per_day: Quota | None = None

    def items(self) -> Iterator[tuple[str, Quota | None]]:
        """Each quota's name with its limit, in the order of the class."""
        return ((f.name, getattr(self, f.name)) for f in fields(self))


@dataclass(frozen=True, slots=True)
class TeamPolicy:
    """What one team may do, with `defaults` merged in."""

    name: str
    submitters: tuple[str, ...] = ()
    viewers: tuple[str, ...] = ()
    weight: float = 1.0
    pools: tuple[PoolId, ...] = ()
    """The pools that the team's patterns name, in the order of the patterns, then of the file; each once."""
    models: tuple[str, ...] = ()
    """Patterns. An entry that is an alias stands here as the alias's model."""
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    quotas: Quotas = Quotas()
    paused: bool = False
    gcs_region_match: RegionMatch = RegionMatch.CONTAINS
    global_bigquery: GlobalBigQuery = GlobalBigQuery.REFUSE
    retention: timedelta = DEFAULT_RETENTION
    """How long an ended batch job is kept, counted from its end."""
    max_queue_duration: timedelta | None = None
    """How long a batch job may stay queued where its caller sets no bound of their own; None: for ever."""

    def pool_for(self, region: str, project: str = "") -> PoolId | None:
        """The team's first pool for the region, and for the project where one is named; None: it has none."""
        fitting = (p for p in self.pools if p.region == region and project in {"", p.project})
        return next(fitting, None)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions of the team's pools, each once, in order."""
        return tuple(dict.fromkeys(pool.region for pool in self.pools))


@dataclass(frozen=True)
class Policy:
    """The whole policy. Equal content has an equal hash, whatever the file's comments, order of keys and anchors."""

    hash: str
    """The first 16 hexadecimal digits of the SHA-256 of the content."""
    pools: Mapping[PoolId, Pool] = field(default_factory=lambda: MappingProxyType({}))
    """In the order of the file."""
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Alias to model name, as written."""
    operators: tuple[str, ...] = ()
    teams: Mapping[str, TeamPolicy] = field(default_factory=lambda: MappingProxyType({}))

    def membership(self, principal: str) -> Membership:
        """What the principal may do: its role in each team, and whether it is an operator. Asked at every call."""
        return self.members.of(principal)

    @cached_property
    def members(self) -> MemberIndex:
        """The index over all principals, built once."""
        return MemberIndex(self._rights())

    @property
    def names_bigquery(self) -> bool:
        """Whether any team may use any table at all."""
        uris = (uri for team in self.teams.values() for uri in (*team.sources, *team.destinations))
        return any(uri.startswith(BIGQUERY) for uri in uris)

    def _rights(self) -> Iterator[tuple[str, Right]]:
        for team in self.teams.values():
            yield from ((pattern, Right(team.name, Role.SUBMITTER)) for pattern in team.submitters)
            yield from ((pattern, Right(team.name, Role.VIEWER)) for pattern in team.viewers)
        yield from ((pattern, Right("", None)) for pattern in self.operators)
