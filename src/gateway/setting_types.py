"""The kinds of values that settings have, and how each is written as text."""

import re
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, SecretStr

from gateway.proxies import check_proxies

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}
_HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):(\d{1,5})")
_HIGHEST_PORT: Final = 65535


def _duration(value: Any) -> Any:
    """`20`, `20s`, `500ms`, `5m`, `1h`, `30d`; a bare number is seconds."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("is a number with a unit, such as 500ms, 20s, 5m, 1h or 30d; a bare number is seconds")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be above zero")
    return value


def _not_negative(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise ValueError("must not be below zero")
    return value


def _address(value: str) -> str:
    match = _HOST_PORT.fullmatch(value)
    if match is None or int(match[2]) > _HIGHEST_PORT:
        raise ValueError("is host:port, such as 127.0.0.1:8470 or [::1]:8470; port 0 takes a free one")
    return value


def _or_none(value: Any) -> Any:
    """Empty text is nothing, as in a variable that is set to nothing."""
    return None if value == "" else value


def _listed(value: Any) -> Any:
    """Text with commas is a list."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and networks, none of which is everywhere."""
    problems = [f"{value}: {problem}" for value in values if (problem := _network_problem(value))]
    if problems:
        raise ValueError("; ".join(problems) + "; write an address or a network, such as 10.8.0.7 or 10.8.0.0/24")
    return values


def _network_problem(value: str) -> str:
    try:
        network = ip_network(value)
    except ValueError as error:
        return str(error)
    return "" if network.prefixlen else "takes in everybody"


def is_loopback(address: str) -> bool:
    """Whether `host:port` (or `[host]:port`) can be reached from this machine alone. Of names only `localhost`."""
    host = address.rsplit(":", 1)[0].removeprefix("[").removesuffix("]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _postgresql(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("is a URL such as postgresql://user@host/database")
    return value


Seconds = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_positive)]
Delay = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_not_negative)]
Address = Annotated[str, AfterValidator(_address)]
OptionalAddress = Annotated[Address | None, BeforeValidator(_or_none)]
OptionalPath = Annotated[Path | None, BeforeValidator(_or_none)]
Proxies = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(check_proxies)]
Networks = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_networks)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_postgresql)]
