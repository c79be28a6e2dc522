"""Policy: whether the team may use the model, the region, the source and the destination.

This stands before anything is looked up, because the gateway's own Google credentials can read more than any one team
may. So the answer is the same whether or not the thing exists.
"""

from collections.abc import Iterator, Sequence

from gateway.admission.fields import MODEL, REGION, destination_field, refuse, source_field
from gateway.domain.batch_job import GcsDestination, PoolId, Spec
from gateway.errors import FieldViolation, Reason
from gateway.policy.match import matches_any
from gateway.policy.model import Policy, TeamPolicy
from gateway.policy.models import ModelName, allows_model, parse_model_name


def check_policy(policy: Policy, team: TeamPolicy, spec: Spec) -> str:
    """The model that Vertex AI is to be asked for, aliases resolved.

    Raises:
        GatewayError: POLICY_VIOLATION, with MODEL_NOT_ALLOWED, REGION_NOT_ALLOWED and URI_NOT_ALLOWED for each field.

    """
    model = named_model(policy, spec)
    violations = [
        *_model_violations(team, spec, model),
        *_region_violations(policy, team, spec, model),
        *_uri_violations(team, spec),
    ]
    if violations:
        raise refuse(Reason.POLICY_VIOLATION, violations)
    return model.full


def named_model(policy: Policy, spec: Spec) -> ModelName:
    """The model that the spec names, through an alias if it is one."""
    return parse_model_name(policy.aliases.get(spec.model, spec.model))


def pools_for(policy: Policy, team: TeamPolicy, spec: Spec, model: ModelName) -> tuple[PoolId, ...]:
    """The team's pools that region, project and model leave open, in its order. A number may name a project, too."""
    return tuple(
        pool
        for pool in team.pools
        if spec.region in {"", pool.region}
        and model.location in {"", pool.region}
        and {spec.project, model.project} <= {"", pool.project, _project_number(policy, pool)}
    )


def _is_of(policy: Policy, pool: PoolId, spec: Spec) -> bool:
    return pool.region == spec.region and spec.project in {pool.project, _project_number(policy, pool)}


def _project_number(policy: Policy, pool: PoolId) -> str:
    return policy.pools[pool].project_number if pool in policy.pools else ""


def _model_violations(team: TeamPolicy, spec: Spec, model: ModelName) -> Iterator[FieldViolation]:
    if not allows_model(team, model.full):
        sentence = f"Team {team.name} may not use the model {spec.model}. It may use {_listed(team.models)}."
        yield FieldViolation(MODEL, "MODEL_NOT_ALLOWED", sentence)


def _region_violations(policy: Policy, team: TeamPolicy, spec: Spec, model: ModelName) -> Iterator[FieldViolation]:
    if pools_for(policy, team, spec, model):
        return
    if spec.region and spec.region not in team.regions:
        sentence = f"Team {team.name} has no pool in {spec.region}. It may use {_listed(team.regions)}."
        yield FieldViolation(REGION, "REGION_NOT_ALLOWED", sentence)
    elif spec.project and not any(_is_of(policy, pool, spec) for pool in team.pools):
        sentence = (
            f"Team {team.name} has no pool in project {spec.project}, location {spec.region}. "
            f"Its pools are {_listed([str(pool) for pool in team.pools])}."
        )
        yield FieldViolation(REGION, "REGION_NOT_ALLOWED", sentence)
    elif not team.pools:
        yield FieldViolation(REGION, "REGION_NOT_ALLOWED", f"Team {team.name} has no pool at all.")
    elif spec.region and model.location not in {"", spec.region}:
        sentence = (
            f"The model lies in {model.location}, not in {spec.region}: leave region out, or name the same place."
        )
        yield FieldViolation(REGION, "REGION_NOT_ALLOWED", sentence)
    else:
        sentence = (
            f"The model lies in {model.project}/{model.location}, where team {team.name} has no pool. "
            f"Its pools are {_listed([str(pool) for pool in team.pools])}."
        )
        yield FieldViolation(MODEL, "REGION_NOT_ALLOWED", sentence)


def _uri_violations(team: TeamPolicy, spec: Spec) -> Iterator[FieldViolation]:
    if not matches_any(team.sources, spec.source_uri):
        sentence = f"Team {team.name} may not read {spec.source_uri}. It may read {_listed(team.sources)}."
        yield FieldViolation(source_field(spec.source), "URI_NOT_ALLOWED", sentence)
    if not any(matches_any(team.destinations, name) for name in _destination_names(spec)):
        uri = spec.destination_uri
        sentence = f"Team {team.name} may not write to {uri}. It may write to {_listed(team.destinations)}."
        yield FieldViolation(destination_field(spec.destination), "URI_NOT_ALLOWED", sentence)


def _destination_names(spec: Spec) -> tuple[str, ...]:
    """A folder with and without its final slash: Vertex AI writes below it in either case."""
    uri = spec.destination_uri
    return (uri.rstrip("/"), uri.rstrip("/") + "/") if isinstance(spec.destination, GcsDestination) else (uri,)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"
