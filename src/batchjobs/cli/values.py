"""Values of the command line that are more than text: durations, labels, JSON, places."""

import json
import re
from collections.abc import Mapping
from typing import Final, NoReturn

import click
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.struct_pb2 import Struct

from batchjobs.client import BatchJob

SECONDS: Final[Mapping[str, int]] = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
LONGEST: Final = 315_576_000_000
"""Seconds: the most that a protobuf Duration can hold."""


class DurationType(click.ParamType[Duration]):
    """`90s`, `30m`, `1h30m`, `7d`."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Duration:
        if isinstance(value, Duration):
            return value
        match = _DURATION.fullmatch(str(value))
        if not match or not value:
            self.fail(f"{value!r} is not a duration such as 90s, 30m, 1h30m or 7d.", param, ctx)
        seconds = sum(int(number or 0) * unit for number, unit in zip(match.groups(), SECONDS.values(), strict=True))
        if seconds > LONGEST:
            self.fail(f"{value!r} is longer than {LONGEST // SECONDS['d']} days.", param, ctx)
        return Duration(seconds=seconds)


class LabelType(click.ParamType[tuple[str, str]]):
    """`key=value`; the value may be empty and may hold more equals signs."""

    name = "key=value"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        key, equals, text = str(value).partition("=")
        if not key or not equals:
            self.fail(f"{value!r} is not KEY=VALUE.", param, ctx)
        return key, text


class ParametersType(click.ParamType[Struct]):
    """A JSON object."""

    name = "json"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Struct:
        if isinstance(value, Struct):
            return value
        try:
            parsed = json.loads(str(value), parse_constant=_refuse)
            if not isinstance(parsed, dict):
                self.fail("it must be a JSON object, such as '{\"temperature\": 0.2}'.", param, ctx)
            return ParseDict(parsed, Struct())
        except (ValueError, ParseError, RecursionError) as error:
            self.fail(f"it cannot be read as JSON: {error}", param, ctx)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def labels(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The labels as a map; a key that is given twice is refused."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = ", ".join(sorted({key for key in keys if keys.count(key) > 1}))
        raise click.UsageError(f"--label is given more than once for {twice}.")
    return found


def once(_context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> str:
    """For options that would be ambiguous if the last one won."""
    if len(given) != 1:
        raise click.BadParameter(f"give it once, not {len(given)} times.", param=parameter)
    return given[0]


def is_local(source: str) -> bool:
    """Whether a source is a file on this machine."""
    return "://" not in source


def set_source(batch_job: BatchJob, uri: str) -> None:
    """Set the kind of source that the URI names."""
    if uri.startswith("gs://"):
        batch_job.gcs_source.uri = uri
    elif uri.startswith("bq://"):
        batch_job.bigquery_source.table = uri
    else:
        raise click.UsageError(
            f"--source {uri!r} is neither gs://BUCKET/OBJECT nor bq://PROJECT.DATASET.TABLE nor a local file."
        )


def set_destination(batch_job: BatchJob, uri: str) -> None:
    """Set the kind of destination that the URI names."""
    if uri.startswith("gs://"):
        batch_job.gcs_destination.output_uri_prefix = uri
    elif uri.startswith("bq://"):
        batch_job.bigquery_destination.table = uri
    else:
        raise click.UsageError(f"--destination {uri!r} is neither gs://BUCKET/PREFIX nor bq://PROJECT.DATASET.TABLE.")
