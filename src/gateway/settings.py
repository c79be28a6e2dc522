"""How one process runs: every setting, in one typed place. Flags, environment, checks and docs are made from it.

What teams may do is not here: that is the policy.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum, unique
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.conflicts import Conflict, conflicts
from gateway.exposure import exposure
from gateway.setting_types import (
    Address,
    DatabaseUrl,
    Delay,
    Networks,
    OptionalAddress,
    OptionalPath,
    Proxies,
    Seconds,
)

PREFIX: Final = "GATEWAY_"
LEAST_LIST_LAG: Final = timedelta(seconds=10)
"""What has to be assumed of Vertex's lists at the least."""
_NAME: Final = r"^[a-z][a-z0-9_-]{0,62}$"

# Kubernetes puts these into every container of a namespace that has a Service called "gateway".
_FROM_KUBERNETES: Final = re.compile(r"GATEWAY_(SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d+_(TCP|UDP)\w*)")

_FITTING: Final = {
    "name": "unnamed",
    "policy": Path(),
    "database_url": "postgresql://",
    "mtls_listen": "127.0.0.1:0",
}
"""What stands in, so that the others can be judged, for a setting that has no default, or that is wanted in any case
where somebody has tried to set it.
"""


class SettingsError(Exception):
    """Settings that this process must not run with; the message has a line for each problem."""


@unique
class Role(StrEnum):
    """What a replica does: everything, or serving callers alone."""

    ALL = "all"
    API = "api"


class DatabaseSettings(BaseModel):
    """Where the database is: all that a migration needs to know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    database_url: DatabaseUrl
    """The PostgreSQL that keeps everything, `postgresql://user@host/database`, reached directly or through a session
    pooler."""
    database_password_file: Path | None = None
    """A file with the database's password, where the URL has none."""

    @classmethod
    def read(cls, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Self:
        """Settings from `GATEWAY_*` variables, with `flags` (by field name, None is not given) before them.

        Raises:
            SettingsError: an unknown variable, or a value that must not be; every problem is named.

        """
        sent = {key: value for key, value in environment.items() if key.startswith(PREFIX)}
        known = {PREFIX + field.upper(): field for field in Settings.model_fields}
        unknown = [key for key in sent if key not in known and not _FROM_KUBERNETES.fullmatch(key)]
        values: dict[str, Any] = {known[key]: value for key, value in sent.items() if key in known}
        values = {field: value for field, value in values.items() if field in cls.model_fields}
        values |= {key: value for key, value in (flags or {}).items() if value is not None}
        problems = [f"{key}: there is no such setting" for key in sorted(unknown)]
        settings, wrong = cls._sound(values)
        problems += [_problem(field, text) for field, text in wrong.items()]
        problems += [_problem(each.setting, each.says) for each in settings.conflicts() if _is_known(each, wrong)]
        if problems:
            raise SettingsError("\n".join(problems))
        return settings

    @classmethod
    def _sound(cls, values: Mapping[str, Any]) -> tuple[Self, Mapping[str, str]]:
        """Settings of the values that can be read, with a default or something that fits in place of the others; and by
        name what is wrong with those.
        """
        try:
            return cls.model_validate(values), {}
        except ValidationError as error:
            found = error.errors(include_input=False)
        wrong = {str(each["loc"][0]): "is needed" if each["type"] == "missing" else each["msg"] for each in found}
        read = {field: value for field, value in values.items() if field not in wrong}
        return cls.model_validate({field: _FITTING[field] for field in _FITTING.keys() & wrong} | read), wrong

    def conflicts(self) -> Iterable[Conflict]:
        """What is wrong between settings that are each in order; empty where nothing is."""
        return ()

    def insist(self) -> None:
        """Settings that were not read, but made from others, are held to the same rules; raises SettingsError."""
        if problems := [_problem(each.setting, each.says) for each in self.conflicts()]:
            raise SettingsError("\n".join(problems))

    def database_address(self) -> str:
        """The database's URL with its password in it. Reads the password's file: blocks.

        Raises:
            SettingsError: the file cannot be read.

        """
        url = self.database_url.get_secret_value()
        if self.database_password_file is None:
            return url
        try:
            password = self.database_password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(_problem("database_password_file", str(error))) from error
        parts = urlsplit(url)
        user, _, host = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:{quote(password, safe='')}@{host}"))


class Settings(DatabaseSettings):
    """The settings of one process. The environment variable of a field is `GATEWAY_` and its name in upper case."""

    name: str = Field(pattern=_NAME)
    """The installation's name, the label `batchjobs_gateway` on every Vertex job. Two installations that share a Google
    Cloud project must differ in it, and it must survive a restore of the database."""
    policy: Path
    """The policy file: pools, teams and limits. It is reloaded while the process runs."""

    role: Role = Role.ALL
    """`all` serves callers and may lead; `api` serves callers only and never loads Google's client for Vertex."""
    insecure: bool = False
    """Plaintext and development identity, for this machine alone: every listener must be on loopback."""
    evaluation: bool = False
    """Whether this installation is for trying things out: only then may an emulator stand in for Google's services
    though others can reach this process."""
    api_listen: OptionalAddress = "127.0.0.1:8470"
    """Where the API listens for callers with tokens; with `insecure` for everybody. Empty: nowhere."""
    mtls_listen: OptionalAddress = None
    """Where the API listens for callers with client certificates, which it demands. Empty: nowhere."""
    health_listen: Address = "127.0.0.1:8471"
    """Where the plaintext health service for probes listens."""
    metrics_listen: Address = "127.0.0.1:9470"
    """Where Prometheus finds the metrics, over HTTP."""
    vertex_api: bool = False
    """Whether `google.cloud.aiplatform.v1.JobService` is served too, for clients of Vertex AI. It takes a second at the
    start, and some 70 MB."""
    compatible_end_states: bool = True
    """Whether that service shows EXPIRED as FAILED and PARTIALLY_SUCCEEDED as SUCCEEDED: wait loops of Google's own
    clients go on for ever where they meet these two."""
    tls_certificate: OptionalPath = None
    """The server's certificate and its chain, PEM; this file and the next two are read again when they change."""
    tls_key: OptionalPath = None
    """The certificate's private key, PEM."""
    tls_client_ca: OptionalPath = None
    """Who vouches for the client certificates at `mtls_listen`, PEM."""
    mtls_dns_names: bool = False
    """Whether a client certificate without any URI may name its holder by its one DNS name, as `mtls-dns:NAME`."""
    trusted_proxies: Proxies = ()
    """Proxies that forward callers to `mtls_listen`: their principals or patterns of them, such as
    `mtls:spiffe://corp.example/ns/edge/sa/envoy`, separated by commas; the trust domain is spelt out. Of these alone
    `x-forwarded-client-cert` is read."""
    issuers: OptionalPath = None
    """The issuers file, which says whose tokens count at `api_listen`, and beside a certificate at `mtls_listen`."""
    refused_identities_per_minute: int = Field(default=600, ge=1)
    """How many tokens of one peer address may be refused in a minute before it is put off."""
    rest_proxies: Networks = ()
    """Where Envoys that serve REST call from, beside loopback: addresses or networks, such as `10.8.0.0/24`, separated
    by commas. They alone are not put off for what their callers send."""
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """The least important log lines that are written: DEBUG, INFO, WARNING or ERROR. Audit lines always are."""
    traces_endpoint: str = Field(default="", pattern="^(https?://.+)?$")
    """URL of an OpenTelemetry collector that takes OTLP over gRPC, such as `http://collector:4317`; it needs the extra
    `traces`. Empty: no traces."""
    traces_share: float = Field(default=1.0, ge=0, le=1)
    """How many of all traces are kept, from 0 to 1, where the caller has not decided already."""

    vertex_emulator: Address | None = None
    """`host:port` of a Vertex emulator that stands in for every region. Only with `insecure` or `evaluation`."""
    storage_endpoint: str = Field(default="", pattern="^(https?://.+)?$")
    """URL of a Cloud Storage that is asked without credentials, such as the emulator's. Only with `insecure` or
    `evaluation`."""
    storage_project: str = ""
    """The Google Cloud project that look-ups in Cloud Storage are made from; empty takes the credentials' own."""
    bigquery_endpoint: str = Field(default="", pattern="^(https?://.+)?$")
    """URL of a BigQuery that is asked without credentials, such as the emulator's. Only with `insecure` or
    `evaluation`."""
    bigquery_project: str = ""
    """The Google Cloud project that look-ups in BigQuery are made from; empty takes the credentials' own."""

    lease: Seconds = timedelta(seconds=10)
    """How long a leader leads without a renewal."""
    lease_margin: Seconds = timedelta(seconds=3)
    """How long before the end of its lease a leader stops submitting; shorter than the lease."""
    create_deadline: Seconds = timedelta(seconds=20)
    """How long one create on Vertex may take, the commit before it included."""
    tcp_user_timeout: Seconds = timedelta(seconds=20)
    """How long the bytes of a dead connection to Vertex may linger."""
    list_lag: Seconds = Field(default=timedelta(seconds=60), ge=LEAST_LIST_LAG)
    """How long a Vertex job may be missing from Vertex's lists after it was made."""
    settle: Seconds | None = None
    """T: after it an unanswered create is settled. Empty takes the least that is safe, the sum of `create_deadline`,
    `tcp_user_timeout` and `list_lag`; less than that is refused."""
    submits_in_flight: int = Field(default=4, ge=1, le=100)
    """How many creates may be under way in one pool at once."""
    dispatch_interval: Seconds = timedelta(seconds=2)
    """How often the leader looks for free slots where nothing wakes it sooner."""
    poll_interval: Seconds = timedelta(seconds=10)
    """How often the leader lists the running Vertex jobs of a pool."""
    sweep_interval: Seconds = timedelta(minutes=10)
    """How often the leader lists everything in a pool, for strays and late duplicates."""
    probe_longest: Seconds = timedelta(minutes=5)
    """The longest that a pool which refuses for want of capacity is left alone between two probes."""
    delete_retry: Seconds = timedelta(seconds=60)
    """How long a Vertex job is left alone that Vertex would not delete yet."""
    gauges_interval: Seconds = timedelta(seconds=10)
    """How often the leader counts batch jobs for the gauges."""

    location_deadline: Seconds = timedelta(seconds=8)
    """How long one look-up of a bucket, object, dataset or table may take."""
    location_lifetime: Seconds = timedelta(minutes=5)
    """How long the place of a bucket or dataset is believed."""
    watch_heartbeat: Seconds = timedelta(seconds=30)
    """How long a watch may be silent."""
    watch_age: Seconds = timedelta(minutes=30)
    """How long a watch may last before its caller is asked to call again; shorter than `connection_age`."""
    connection_age: Seconds = timedelta(hours=1)
    """After how long a connection is asked to go, so that callers spread over new replicas."""
    connection_idle: Seconds = timedelta(minutes=15)
    """After how long a connection without any call is asked to go."""
    ping_interval: Seconds = timedelta(seconds=10)
    """How often a caller's gRPC may ping to see whether the gateway is there; more often, and it is cut off."""
    streams_per_connection: int = Field(default=1000, ge=1, le=1_000_000)
    """How many calls and watches one connection may have open at a time; further ones wait at the caller."""
    watches: int = Field(default=10_000, ge=1)
    """How many watches one replica serves at once."""
    watches_per_principal: int = Field(default=2000, ge=1)
    """How many of them may be one principal's; more are refused as OVERLOADED. One team's may be half of all."""
    calls_in_flight: int = Field(default=1000, ge=1)
    """How many unary calls one replica works on at once; more are refused as OVERLOADED."""
    calls_waiting: int = Field(default=1000, ge=1)
    """How many calls and watches may wait for their team's turn on one replica. Where more come, the longest line gives
    way: who came last there is refused as OVERLOADED."""
    team_calls_at_once: int = Field(default=1, ge=1)
    """How many calls of one team, creates and watches apart, one replica works on at once while other teams call too,
    that is, have called within a minute. Further ones wait. With 2 a team that calls much gets more of them answered
    beside others, and others wait longer for theirs.
    Principals of several teams share the turns of those who are in the same ones, and operators have theirs."""
    team_calls_alone: int = Field(default=64, ge=1)
    """How many calls, creates and watches each, of a team that calls alone one replica works on at once."""
    team_creates_at_once: int = Field(default=4, ge=1)
    """How many creates of one team one replica works on at once while other teams call too. Further ones wait."""
    team_watches_per_second: int = Field(default=50, ge=1)
    """How many watches of one team one replica begins in a second while other teams call too. Further ones wait."""
    message_bytes: int = Field(default=256 * 1024, ge=64 * 1024, le=64 * 1024 * 1024)
    """The largest request that is read."""
    metadata_bytes: int = Field(default=16 * 1024, ge=8 * 1024, le=256 * 1024)
    """The most metadata that a call may carry, its token included."""
    waiting_creates: int = Field(default=1000, ge=1)
    """How many creates of one team may wait on one replica before more are refused as OVERLOADED."""
    drain_delay: Delay = timedelta(seconds=5)
    """How long calls are still taken after SIGTERM, unready already, until nobody is sent here any more."""
    drain_grace: Seconds = timedelta(seconds=20)
    """How long calls may go on after that. The process ends within both together and a few seconds."""
    api_connections: int = Field(default=8, ge=1, le=200)
    """Database connections for calls."""
    controller_connections: int = Field(default=4, ge=1, le=100)
    """Database connections for the leader's loops."""

    def conflicts(self) -> Iterable[Conflict]:
        """What is wrong between settings that are each in order; empty where nothing is."""
        yield from conflicts(self)
        yield from exposure(self)

    @property
    def listeners(self) -> tuple[str, ...]:
        """Every address that this process listens on."""
        every = (self.api_listen, self.mtls_listen, self.health_listen, self.metrics_listen)
        return tuple(each for each in every if each)


def _problem(setting: str, text: str) -> str:
    return f"{PREFIX}{setting.upper()} (--{setting.replace('_', '-')}): {text.removeprefix('Value error, ')}"


def _is_known(conflict: Conflict, wrong: Mapping[str, str]) -> bool:
    """Whether it stands whatever is put in place of what is wrong."""
    return not wrong.keys() & {conflict.setting, *conflict.others}
