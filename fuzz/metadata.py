"""Metadata of a call: mostly who calls, sometimes what a caller should never send."""

import random
from collections.abc import Sequence
from typing import Final

from fuzz.values import FOREIGN, TEAM

Metadata = Sequence[tuple[str, str | bytes]]

PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F)))
KEYS: Final = (
    "authorization",
    "x-batchjobs-team",
    "x-batchjobs-request-id",
    "x-request-id",
    "x-goog-user-project",
    "x-goog-request-params",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "traceparent",
    "tracestate",
    "grpc-trace-bin",
    "grpc-tags-bin",
    "grpc-previous-rpc-attempts",
    "content-length",
    "host",
    "cookie",
    "_",
    "a.b-c_d",
)
TEXTS: Final = (
    "",
    " ",
    TEAM,
    "Bearer ",
    "Bearer a.b.c",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "Basic Og==",
    "ya29.opaque",
    "00-" + "0" * 32 + "-" + "0" * 16 + "-01",
    "../..",
    "x" * 4000,
    "18446744073709551616",
)


def metadata(rng: random.Random) -> Metadata:
    """Three in four name the caller and nothing else."""
    draw = rng.random()
    caller = ("x-batchjobs-team", TEAM if draw < 0.9 else FOREIGN)
    if draw < 0.75:
        return (caller,)
    hostile = [_hostile(rng) for _ in range(rng.choice((1, 2, 5, 40)))]
    return hostile if draw > 0.97 else [caller, *hostile]


def _hostile(rng: random.Random) -> tuple[str, str | bytes]:
    key = rng.choice(KEYS)
    if key.endswith("-bin"):
        return key, rng.randbytes(rng.choice((0, 1, 29, 500)))
    if rng.random() < 0.3:
        return key, "".join(rng.choices(PRINTABLE, k=rng.choice((1, 20, 600))))
    return key, rng.choice(TEXTS)
