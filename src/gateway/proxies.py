"""Which proxies a setting may name, as patterns of the principals that their certificates prove."""

import re
from typing import Final

_SPIFFE: Final = re.compile(r"spiffe://(?P<domain>[a-z0-9._-]{1,255})(?:/[A-Za-z0-9._*-]+)*")
_DNS: Final = re.compile(r"(?:[a-z0-9_*-]{1,63}\.)*[a-z0-9*-]{1,63}")
_WRITE: Final = "write `mtls:` and the proxy's SPIFFE id, or `mtls-dns:` and its name"
_EXAMPLES: Final = "such as mtls:spiffe://corp.example/ns/edge/sa/envoy or mtls-dns:envoy.corp.example"
_LEAST_LABELS: Final = 2


def check_proxies(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Whoever matches one calls in anybody's name, so each says whose certificate that is.

    Raises:
        ValueError: by entry, what none of them may be.

    """
    if problems := [f"{pattern}: {problem}" for pattern in patterns if (problem := _problem(pattern))]:
        raise ValueError("; ".join(problems) + f"; {_WRITE}, {_EXAMPLES}")
    return patterns


def _problem(pattern: str) -> str:
    """Why nobody or everybody would be trusted; empty where neither holds."""
    kind, _, name = pattern.partition(":")
    if "***" in pattern:
        return "three or more * in a row mean nothing"
    match kind:
        case "mtls":
            return _spiffe_problem(name)
        case "mtls-dns":
            return _dns_problem(name)
        case _:
            return "no proxy is known by that, only by its client certificate"


def _spiffe_problem(name: str) -> str:
    domain = name.removeprefix("spiffe://").partition("/")[0]
    if "*" in domain:
        return "the trust domain is spelt out, without a star"
    if not _SPIFFE.fullmatch(name) or {".", ".."} & set(name.split("/")):
        return "that is no SPIFFE id"
    return ""


def _dns_problem(name: str) -> str:
    if not _DNS.fullmatch(name):
        return "that is no DNS name in lower case"
    before, star, after = name.rpartition("*")
    domain = after.partition(".")[2]
    if star and len(domain.split(".")) < _LEAST_LABELS:
        return f"after the star of {before}{star} stands a domain of two parts or more"
    return ""
