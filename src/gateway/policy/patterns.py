"""What patterns, names and addresses in the policy file look like. A check gives the text back or raises the reason."""

import re
from datetime import timedelta
from typing import Final

from gateway.policy.match import compile_glob, has_star
from gateway.policy.models import PUBLISHER, parse_model_name

MAX_LENGTH: Final = 2000
ALL_TABLES: Final = "bq://**"
MAX_DURATION: Final = timedelta(days=3650)

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"([0-9]{1,10})([smhd])")
_BUCKET: Final = re.compile(r"[a-z0-9._*-]+")
_TEAM: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_ALIAS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_MODEL: Final = re.compile(r"[A-Za-z0-9._@*-]+")
_REGION: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_PROJECT: Final = re.compile(r"(?:[a-z0-9][a-z0-9.-]*:)?[a-z][a-z0-9-]{0,62}")
_ENDPOINT: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")
_ISSUER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_URI_HEAD: Final = re.compile(r"[a-z][a-z0-9+.-]*:(?://[^*/]+(?:/.*)?|[^*/].*)", re.DOTALL)


def check_team_name(text: str) -> str:
    return _fit(_TEAM, text, "a team's name is a lower-case letter, then at most 62 of a-z, 0-9 and -")


def check_alias_name(text: str) -> str:
    return _fit(_ALIAS, text, "an alias is 1 to 63 letters, digits, dots, - or _, and no path")


def check_project(text: str) -> str:
    return _fit(_PROJECT, text, "must be a Google Cloud project id, such as corp-ml")


def check_project_number(value: object) -> object:
    """Numbers come from YAML as numbers or, quoted, as text; the policy keeps digits."""
    digits = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(digits, str) or not re.fullmatch(r"[1-9][0-9]{0,18}", digits):
        raise ValueError("must be a Google Cloud project's number: digits alone")
    return digits


def check_region(text: str) -> str:
    return _fit(_REGION, text, "must be a Vertex AI location, such as us-central1 or global")


def check_endpoint(text: str) -> str:
    return _fit(_ENDPOINT, text, "must be a host or host:port, without a scheme or a path")


def parse_duration(value: object) -> timedelta:
    """A whole number and a unit: `30d`, `24h`, `90m`, `15s`; above zero."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("must be a whole number and a unit: 30d, 24h, 90m or 15s")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if not 0 < seconds <= MAX_DURATION.total_seconds():
        raise ValueError(f"must be above zero and at most {MAX_DURATION.days}d")
    return timedelta(seconds=seconds)


def check_pool_pattern(text: str) -> str:
    """`project/region`; stars may stand in both."""
    _check_glob(text)
    project, slash, region = text.partition("/")
    if "**" not in text and not (slash and project and region and "/" not in region):
        raise ValueError("pools are named project/region, with stars where wanted: corp-ml/*")
    return text


def check_model(text: str) -> str:
    """One model, spelt out: what an alias stands for."""
    parse_model_name(text)
    return text


def check_model_pattern(text: str) -> str:
    """A publisher's model by its short name, or a full name; a short pattern never matches a tuned model."""
    _check_glob(text)
    if "/" not in text:
        return _fit(_MODEL, text, "a model's name is letters, digits, dots, -, _ and @, with stars where wanted")
    if text.startswith(PUBLISHER):
        _fit(_MODEL, text.removeprefix(PUBLISHER), f"after {PUBLISHER} stands a model's name")
    elif not text.startswith("projects/") or "/publishers/" in text:
        raise ValueError(
            f"a full pattern begins with {PUBLISHER}, or is about tuned models: projects/P/locations/L/models/*",
        )
    elif not has_star(text):
        parse_model_name(text)
    return text


def check_principal_pattern(text: str) -> str:
    """`mtls:URI`, `mtls-dns:NAME`, `jwt:ISSUER:SUBJECT` or `dev:NAME`; who vouches is always spelt out."""
    _check_glob(text)
    kind, _, name = text.partition(":")
    match kind:
        case "mtls":
            _fit(_URI_HEAD, name, "mtls: takes a URI whose scheme and host hold no star: mtls:spiffe://corp.example/*")
        case "jwt":
            issuer, _, subject = name.partition(":")
            if not _ISSUER.fullmatch(issuer) or not subject:
                raise ValueError("jwt: takes an issuer's name without a star, then the subject: jwt:corp:alice")
        case "mtls-dns" | "dev" if name:
            pass
        case _:
            raise ValueError("a principal is mtls:URI, mtls-dns:NAME, jwt:ISSUER:SUBJECT or dev:NAME")
    return text


def check_source_pattern(text: str) -> str:
    """Objects `gs://bucket/object` or tables `bq://project.dataset.table`; stars may stand everywhere."""
    container, inside = _split_uri(text)
    if not inside and "**" not in container:
        raise ValueError("names a bucket and nothing in it: end it with /** for all of its objects")
    if text != ALL_TABLES:
        _check_three_parts(text)
    return text


def check_destination_pattern(text: str) -> str:
    """As a source, but the bucket or project is spelt out: what the gateway may write to is never left open."""
    container, _ = _split_uri(text)
    if has_star(container):
        raise ValueError("a destination's bucket or project is spelt out, without a star")
    if text.startswith("gs://") and "/" not in text.removeprefix("gs://"):
        raise ValueError("names a bucket and nothing in it: end it with /** for all of it")
    _check_three_parts(text)
    return text


def _check_three_parts(text: str) -> None:
    """`bq://corp.**` would take in `bq://corp.example:other.d.t`, a table of another project."""
    if text.startswith("bq://") and "**" in text:
        raise ValueError("a table has three parts: write * for each, bq://corp-out.*.*")


def _split_uri(text: str) -> tuple[str, str]:
    """The bucket or project, and what follows."""
    _check_glob(text)
    if unknown := next((char for char in "?#[" if char in text), None):
        raise ValueError(f"{unknown} has no meaning here and stands in no URI that is taken: use * and **")
    if text.startswith("gs://"):
        bucket, _, inside = text.removeprefix("gs://").partition("/")
        return _fit(_BUCKET, bucket, "a bucket's name is lower-case letters, digits, dots, - and _"), inside
    if text.startswith("bq://"):
        return _split_table(text.removeprefix("bq://"))
    raise ValueError("must begin with gs:// or bq://")


def _split_table(name: str) -> tuple[str, str]:
    domain, colon, rest = name.rpartition(":")
    project, _, table = rest.partition(".")
    parts = rest.split(".")
    complete = len(parts) == 3 or "**" in rest  # noqa: PLR2004 - project, dataset, table
    if "/" in name or not complete or not all(parts):
        raise ValueError("tables are named bq://project.dataset.table, with stars where wanted")
    return domain + colon + project, table


def _check_glob(text: str) -> None:
    if not text:
        raise ValueError("is empty")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH} characters")
    if not text.isprintable() or text != text.strip():
        raise ValueError("begins or ends with a space, or holds a character that cannot be seen")
    compile_glob(text)


def _fit(rule: re.Pattern[str], text: str, reason: str) -> str:
    if not rule.fullmatch(text):
        raise ValueError(reason)
    return text
