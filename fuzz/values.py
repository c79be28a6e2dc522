"""What stands in fields: values that the gateway would take, by the field's name, and values that hurt."""

import math
import random
from collections import deque
from typing import Final

TEAM: Final = "fuzzed"
FOREIGN: Final = "steady"
"""Another team, which the fuzzing caller does not belong to."""
LEARNED: Final = 200
"""How many values of a kind are kept from answers."""

PLAUSIBLE: Final[dict[str, tuple[str, ...]]] = {
    "parent": (
        f"teams/{TEAM}",
        f"teams/{TEAM}",
        "teams/-",
        f"teams/{FOREIGN}",
        "projects/corp-ml/locations/us-central1",
        "projects/123456789012/locations/us-central1",
    ),
    "name": (
        f"teams/{TEAM}/batchJobs/1",
        f"teams/{FOREIGN}/batchJobs/4611686018427387904",
        f"teams/{TEAM}/usage",
        f"teams/{TEAM}/usage",
        "projects/corp-ml/locations/us-central1/batchPredictionJobs/1",
    ),
    "display_name": ("nightly", "x" * 128, "tickets of Tuesday"),
    "model": ("gemini-2.5-flash", "publishers/google/models/gemini-2.5-flash", "flash"),
    "region": ("us-central1",),
    "uri": (f"gs://{TEAM}-in/rows.jsonl", f"gs://{TEAM}-in/rows.jsonl", f"gs://{TEAM}-in/absent.jsonl"),
    "uris": (f"gs://{TEAM}-in/rows.jsonl",),
    "output_uri_prefix": (f"gs://{TEAM}-out/results", f"gs://{TEAM}-out/", f"gs://{TEAM}-out/results"),
    "table": (f"bq://corp-ml.{TEAM}.rows", "bq://corp-ml.other.rows"),
    "input_uri": (f"bq://corp-ml.{TEAM}.rows",),
    "output_uri": (f"bq://corp-ml.{TEAM}.results",),
    "instances_format": ("jsonl", "bigquery"),
    "predictions_format": ("jsonl", "bigquery"),
    "request_id": ("night-1", "night-2", "x" * 64, "x" * 65),
    "filter": (
        "",
        'state = "QUEUED"',
        'labels.cost = "a" AND model = "gemini-2.5-flash"',
        'create_time > "2026-01-01T00:00:00Z"',
        'region = "us-central1"',
        "labels.cost:*",
        "NOT state=QUEUED",
        "(((",
        'display_name="*"',
        'state="JOB_STATE_SUCCEEDED"',
    ),
    "page_token": ("", "AAAA"),
    "resume_token": ("", "AAAA"),
    "service": ("batchjobs.v1.BatchJobs", "", "nobody"),
    "key": ("cost", "temperature"),
    "value": ("a", "b", "x" * 63),
    "string_value": ("a", "x" * 300),
}
"""By field name, whatever the message: a field that is not here is left out of a message that is to pass."""

STRINGS: Final = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\n",
    '\r\n{"event": "forged"}',
    "\x1b[31m",
    "\u202e",
    "..",
    "../../etc/passwd",
    "%2e%2e%2f",
    "gs://",
    f"gs://{TEAM}-in//rows.jsonl",
    f"gs://{TEAM}-in/../steady-in/rows.jsonl",
    f"gs://{TEAM}-in/rows\u2024jsonl",
    "bq://`corp-ml`.a.b",
    "bq://corp-ml.a.b$20260101",
    "bq://a.b.c.d",
    "teams/",
    "teams//batchJobs/",
    f"teams/{TEAM}/batchJobs/9223372036854775808",
    f"teams/{TEAM}/batchJobs/-1",
    f"teams/{TEAM}/batchJobs/\u0661",
    "teams/-/batchJobs/-",
    "' OR 1=1 --",
    "$1",
    "{}",
    "%s%n",
    "\ud7ff\ue000\U0010ffff",
    "e\u0301" * 30,
    "\ufeff",
    "x" * 2001,
    "x" * 70_000,
    "*" * 40,
    '"' * 40,
    "(" * 300,
    'state = "QUEUED" AND ' * 60,
    "NaN",
    "-0",
    "1e999",
)
INTEGERS: Final = (0, 1, -1, 50, 100, 101, 2**31 - 1, -(2**31), 2**32, 2**53, 2**63 - 1, -(2**63), 2**64 - 1)
FLOATS: Final = (0.0, -0.0, 1.0, -1.0, 1e308, -1e308, 5e-324, math.nan, math.inf, -math.inf)
INVALID_UTF8: Final = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"ok\xf5", b"\xe2\x82")


class Values:
    """Draws values; takes in names and tokens from answers, so that later calls reach further."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._learned: dict[str, deque[str]] = {}

    def learn(self, name: str, value: str) -> None:
        """Remember a value that the gateway itself has given for a field of this name."""
        self._learned.setdefault(name, deque(maxlen=LEARNED)).append(value)

    def has(self, name: str) -> bool:
        """Whether a plausible value is known for the field."""
        return name in PLAUSIBLE or name in self._learned

    def plausible(self, name: str) -> str:
        """One that may pass; the field is one that `has` knows."""
        learned = self._learned.get(name)
        if learned and (name not in PLAUSIBLE or self._rng.random() < 0.7):
            return self._rng.choice(learned)
        return self._rng.choice(PLAUSIBLE[name])

    def hostile(self) -> bytes:
        """Text that hurts, or no text at all."""
        draw = self._rng.random()
        if draw < 0.1:
            return self._rng.choice(INVALID_UTF8)
        if draw < 0.2:
            return self._rng.randbytes(self._rng.choice((1, 8, 300)))
        return self._rng.choice(STRINGS).encode("utf-8", "surrogatepass")
