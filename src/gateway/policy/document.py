"""The shape of the policy file: the one place that declares its keys, their types, defaults and meaning.

The checks, the reference page and the report are made from these models; `resolve.py` turns them into the policy in
force. A description is a piece of the reference page.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from gateway.policy import patterns
from gateway.policy.model import DEFAULT_CAPACITY, DEFAULT_RETENTION

MAX_COUNT = 10**15
"""Above any number that a quota can mean, and well inside a 64-bit column."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the reference page calls a type."""

    text: str


Project = Annotated[str, AfterValidator(patterns.check_project), Shown("project id")]
ProjectNumber = Annotated[str, BeforeValidator(patterns.check_project_number), Shown("number")]
Location = Annotated[str, AfterValidator(patterns.check_region), Shown("location")]
Endpoint = Annotated[str, AfterValidator(patterns.check_endpoint), Shown("host or host:port")]
Duration = Annotated[timedelta, BeforeValidator(patterns.parse_duration), Shown("duration")]
Alias = Annotated[str, AfterValidator(patterns.check_alias_name), Shown("alias")]
Model = Annotated[str, AfterValidator(patterns.check_model), Shown("model name")]
TeamName = Annotated[str, AfterValidator(patterns.check_team_name), Shown("team")]
Principals = list[Annotated[str, AfterValidator(patterns.check_principal_pattern), Shown("principal pattern")]]
PoolPatterns = list[Annotated[str, AfterValidator(patterns.check_pool_pattern), Shown("pool pattern")]]
ModelPatterns = list[Annotated[str, AfterValidator(patterns.check_model_pattern), Shown("model pattern")]]
Sources = list[Annotated[str, AfterValidator(patterns.check_source_pattern), Shown("URI pattern")]]
Destinations = list[Annotated[str, AfterValidator(patterns.check_destination_pattern), Shown("URI pattern")]]


def _short_quota(value: object) -> object:
    """A bare number is short for an enforced limit."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"limit": value, "mode": "enforce"}
    if not isinstance(value, dict):
        raise ValueError("must be a whole number, or a map of limit and mode")  # noqa: TRY004 - pydantic's contract
    return value


class Section(BaseModel):
    """A map of the file. Unknown keys are refused, and nothing is turned from one type into another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PoolSection(Section):
    """A pool is one Google Cloud project in one Vertex AI location. The same pair may stand here once."""

    project: Project = Field(description="The Google Cloud project that jobs run in and are paid by.")
    region: Location = Field(description="The Vertex AI location, or `global`.")
    capacity: int = Field(
        DEFAULT_CAPACITY,
        ge=0,
        le=100_000,
        description="How many Vertex jobs may be active in the pool at once. 0 drains it: what runs is followed to its "
        "end, nothing new starts, and what is queued for it waits.",
    )
    counts: Literal["ours", "all"] = Field(
        "ours",
        description="Whose Vertex jobs take room. `ours`: the gateway's alone. `all`: those made outside it too.",
    )
    project_number: ProjectNumber | None = Field(
        None,
        description="The project's number. It is enough to give it for one of the project's pools.",
    )
    endpoint: Endpoint = Field(
        "",
        description="Where Vertex AI is reached, instead of the location's own address.",
    )


class QuotaSection(Section):
    """A quota is a number, or this map. A number alone means `mode: enforce`."""

    limit: int | None = Field(
        None, ge=0, le=MAX_COUNT, description="The limit in the quota's unit. It must be given here or in `defaults`."
    )
    mode: Literal["enforce", "shadow"] = Field(
        "enforce",
        description="`enforce` refuses what is above the limit. `shadow` lets it pass, counts it and shows it.",
    )


Quota = Annotated[QuotaSection, BeforeValidator(_short_quota), Shown("number, or `{limit, mode}`")]


class QuotasSection(Section):
    """A quota that is given nowhere does not limit. Days begin at midnight UTC."""

    active_jobs: Quota | None = Field(
        None,
        description="Batch jobs that hold a slot at once, in all pools together. Counted when a job is dispatched.",
    )
    queued_jobs: Quota | None = Field(None, description="Batch jobs that wait in the gateway at once.")
    creates_per_minute: Quota | None = Field(
        None, description="Accepted creates: a bucket of this many tokens, refilled evenly over a minute."
    )
    jobs_per_day: Quota | None = Field(None, description="Batch jobs accepted in one day.")
    input_bytes_per_day: Quota | None = Field(
        None, description="Bytes of input accepted in one day, by the size of the object or table at create."
    )


class MembersSection(Section):
    """Who belongs to the team. A principal may belong to several teams."""

    submitters: Principals = Field(
        [],
        description="Who may create, cancel and delete, and all that viewers may.",
    )
    viewers: Principals = Field(
        [],
        description="Who may read and watch.",
    )


class TeamSection(Section):
    """Everything here may stand in `defaults` as well. Maps merge over `defaults` key by key; lists and single values
    replace what `defaults` says.
    """

    members: MembersSection = Field(MembersSection(), description="Who belongs to the team.")
    weight: float = Field(
        1.0, gt=0, le=1000, allow_inf_nan=False, description="The team's share of a contended pool, beside the others'."
    )
    pools: PoolPatterns = Field(
        [],
        description="Which pools the team may use, as `project/region`. For a region the first that fits is taken: in "
        "the order of this list, then of the file. A name without a star must be a pool of the file.",
    )
    models: ModelPatterns = Field(
        [],
        description="Which models the team may use. A pattern without a slash is about publisher models; tuned models "
        "need a full name. An alias stands for its model.",
    )
    sources: Sources = Field([], description="What its batch jobs may read.")
    destinations: Destinations = Field(
        [], description="Where its batch jobs may write. No star may stand in the bucket or project."
    )
    quotas: QuotasSection = Field(
        QuotasSection(), description="The team's limits. They hold from the next decision on."
    )
    paused: bool = Field(default=False, description="While true, creates are taken and wait; nothing is dispatched.")
    gcs_region_match: Literal["strict", "contains", "off"] = Field(
        "contains",
        description="How a bucket must lie to the job's region. `strict`: in exactly that region. `contains`: also a "
        "dual- or multi-region that holds it. `off`: anywhere.",
    )
    global_bigquery: Literal["refuse", "allow"] = Field(
        "refuse",
        description="Whether a batch job in location `global` may use BigQuery. Its datasets may lie anywhere then; in "
        "every other region they must lie in exactly that region, never in a multi-region.",
    )
    retention: Duration = Field(
        DEFAULT_RETENTION,
        description="How long an ended batch job is kept, counted from its end; its Vertex job goes with it.",
    )
    max_queue_duration: Duration | None = Field(
        None, description="How long a batch job may stay queued where its caller sets no bound. Without it: for ever."
    )


class PolicyFile(Section):
    """The whole file: one YAML document of at most 1 MiB."""

    pools: list[PoolSection] = Field(description="The places where jobs run.")
    aliases: dict[Alias, Model] = Field(
        {},
        description="Names of your own for models, moved in one place when a model retires. An alias names a model, "
        "never another alias.",
    )
    operators: Principals = Field(
        [],
        description="Who may read every team, and cancel there; such a cancel is logged as theirs.",
    )
    defaults: TeamSection = Field(TeamSection(), description="What every team starts from.")
    teams: dict[TeamName, TeamSection] = Field(
        description="The teams by name: a lower-case letter, then at most 62 of a-z, 0-9 and `-`."
    )
