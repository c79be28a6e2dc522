"""Writes the tables of docs/calling.md that are made from code; the text around them is written by hand.

A table stands between `<!-- made: NAME -->` and `<!-- end -->`.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pages

import api
from batchjobs.cli.exits import MEANING
from batchjobs.client._errors import CLASSES
from batchjobs.client._failure import Failure
from batchjobs.client._retry import pause
from batchjobs.v1 import errors_pb2
from gateway.api.errors import CODES, RETRIED_BY_GRPC
from gateway.errors import Reason

PAGE = "calling.md"
IN_FIELDS, ON_JOBS = 100, 200
"""Where the second and the third group of `ErrorReason` begin."""

_MADE = re.compile(r"(<!-- made: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def reasons() -> Iterator[tuple[str, int, str]]:
    """Name, number and comment of every reason of the contract."""
    (file,) = (one for one in api.contract().file if one.name == "batchjobs/v1/errors.proto")
    reference = api.Reference(file)
    for index, value in enumerate(file.enum_type[0].value):
        yield value.name, value.number, reference.comment((api.ENUMS, 0, api.VALUES, index))


def refusals() -> str:
    """The reasons of refusals, with the code that the gateway sends and what the Python client makes of them."""
    rows = []
    for name, number, comment in reasons():
        if 0 < number < IN_FIELDS:
            code = CODES[Reason(name)]
            meaning = comment.removeprefix(f"{code.name}. ")
            rows.append((f"`{name}`", f"`{code.name}`", f"`{CLASSES[name].__name__}`", repeats(name), meaning))
    return api.table(("reason", "code", "Python", "waiting helps", "meaning"), rows)


def repeats(reason: str) -> str:
    """Whether the client repeats a call that was refused so, by the client's own rule."""
    code = CODES[Reason(reason)]
    wait = timedelta(seconds=1) if code in RETRIED_BY_GRPC else None
    return "yes" if pause(Failure(code, "", reason, retry_after=wait), 0, 0.0) is not None else ""


def other_reasons() -> str:
    """The reasons that stand elsewhere than in a refusal's ErrorInfo."""
    rows = []
    for name, number, comment in reasons():
        if number >= IN_FIELDS:
            place, meaning = comment.split(": ", 1)
            where = "`BatchJob.error`" if number >= ON_JOBS else "a field violation"
            assert place in {"In a field violation", "On `BatchJob.error`"}, comment  # noqa: S101 - the contract's form
            rows.append((f"`{name}`", where, meaning[0].upper() + meaning[1:]))
    return api.table(("reason", "where", "meaning"), rows)


def exit_codes() -> str:
    return api.table(("exit code", "meaning"), [(str(code), meaning) for code, meaning in MEANING.items()])


TABLES: Mapping[str, Callable[[], str]] = {
    "refusals": refusals,
    "other-reasons": other_reasons,
    "exit-codes": exit_codes,
}


def made(text: str) -> str:
    """The page with every table made anew; each must have its place."""
    places = {match["name"] for match in _MADE.finditer(text)}
    if places != set(TABLES):
        sys.exit(f"docs/{PAGE} has places for {sorted(places)}, and {sorted(TABLES)} are made")
    return _MADE.sub(lambda match: f"{match[1]}\n{TABLES[match['name']]()}\n\n{match[3]}", text)


if __name__ == "__main__":
    assert set(CLASSES) == {name for name, number in errors_pb2.ErrorReason.items() if 0 < number < IN_FIELDS}  # noqa: S101 - or a row would be missing
    pages.refresh(PAGE, made, what="table")
