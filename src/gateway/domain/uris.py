"""The URIs of sources and destinations: `gs://bucket/object`, `gs://bucket/prefix`, `bq://project.dataset.table`.

A URI is taken exactly as it stands. Nothing is percent-decoded, folded or normalised: what the policy matched is what
Vertex AI is given. Forms that two readers may understand differently are refused, above all those that lead elsewhere
for a reader who does decode or normalise.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final
from urllib.parse import unquote

MAX_URI_CHARACTERS: Final = 2000
MAX_OBJECT_BYTES: Final = 1024
GCS: Final = "gs://"
BIGQUERY: Final = "bq://"


@unique
class UriReason(StrEnum):
    """What is wrong with a URI; it stands as the reason of a field violation."""

    URI_MISSING = "URI_MISSING"
    URI_TOO_LONG = "URI_TOO_LONG"
    URI_SCHEME = "URI_SCHEME"
    URI_CHARACTER = "URI_CHARACTER"
    URI_WILDCARD = "URI_WILDCARD"
    URI_QUERY = "URI_QUERY"
    URI_SEGMENT = "URI_SEGMENT"
    BUCKET_MISSING = "BUCKET_MISSING"
    BUCKET_NAME = "BUCKET_NAME"
    OBJECT_MISSING = "OBJECT_MISSING"
    OBJECT_TOO_LONG = "OBJECT_TOO_LONG"
    OBJECT_IS_FOLDER = "OBJECT_IS_FOLDER"
    TABLE_FORM = "TABLE_FORM"
    TABLE_PROJECT = "TABLE_PROJECT"
    TABLE_DATASET = "TABLE_DATASET"
    TABLE_NAME = "TABLE_NAME"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a URI, as a reason and a sentence."""

    reason: UriReason
    sentence: str


@dataclass(frozen=True, slots=True)
class GcsUri:
    """`gs://bucket/name`; `name` is the object's, or a prefix that may be empty."""

    bucket: str
    name: str


@dataclass(frozen=True, slots=True)
class TableUri:
    """`bq://project.dataset.table`."""

    project: str
    dataset: str
    table: str


def object_faults(uri: str) -> tuple[Fault, ...]:
    """Everything that is wrong with a URI that must name one object."""
    faults = _gcs_faults(uri)
    if not uri.startswith(GCS):
        return tuple(faults)
    name = split_gcs(uri).name
    if not name:
        faults.append(Fault(UriReason.OBJECT_MISSING, "It names no object: write gs://bucket/object."))
    elif name.endswith("/"):
        faults.append(Fault(UriReason.OBJECT_IS_FOLDER, "It ends in /: name one object, not a folder."))
    return tuple(faults)


def prefix_faults(uri: str) -> tuple[Fault, ...]:
    """Everything that is wrong with a URI that must name a folder. A bucket alone is one, and may end in a slash."""
    return tuple(_gcs_faults(uri))


def table_faults(uri: str) -> tuple[Fault, ...]:
    """Everything that is wrong with a URI that must name one table."""
    faults = _text_faults(uri, BIGQUERY, "bq://project.dataset.table")
    if not faults:
        faults = _table_part_faults(uri)
    return tuple(faults)


def split_gcs(uri: str) -> GcsUri:
    """Bucket and name of a URI that has been judged; of any other, whatever stands between the slashes."""
    bucket, _, name = uri.removeprefix(GCS).partition("/")
    return GcsUri(bucket, name)


def split_table(uri: str) -> TableUri:
    """The parts of a table's URI that has been judged. A project may hold dots (`example.com:proj`).

    Raises:
        ValueError: there are fewer than three parts.

    """
    project, dataset, table = uri.removeprefix(BIGQUERY).rsplit(".", 2)
    return TableUri(project, dataset, table)


_BUCKET: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{1,220})[a-z0-9]")
_MAX_BUCKET_PART: Final = 63
# A domain before the project has a dot: with `corp:in.rows.x` older readers would mean a dataset of the project `corp`.
_PROJECT: Final = re.compile(r"(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_DATASET: Final = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE: Final = re.compile(r"[\w -]+")
_WILDCARDS: Final = frozenset("*[")
_QUERY: Final = frozenset("?#")
_UNWANTED: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


def is_plain(text: str) -> bool:
    """Whether a text is free of control characters, line breaks and halves of signs. ASCII is looked at as a whole."""
    if text.isascii():
        return text.isprintable()
    return not any(unicodedata.category(sign) in _UNWANTED for sign in text)


def _text_faults(uri: str, scheme: str, form: str) -> list[Fault]:
    """What any URI must be free of, before its parts are looked at."""
    if not uri:
        return [Fault(UriReason.URI_MISSING, f"It is empty: write {form}.")]
    if len(uri) > MAX_URI_CHARACTERS:
        # Nothing more is said of it: whoever sends megabytes does not get them read sign by sign.
        sentence = f"It has {len(uri)} characters; at most {MAX_URI_CHARACTERS} are allowed."
        return [Fault(UriReason.URI_TOO_LONG, sentence)]
    faults = []
    if not uri.startswith(scheme):
        faults.append(Fault(UriReason.URI_SCHEME, f"It does not begin with {scheme}: write {form}."))
    if "`" in uri or not is_plain(uri):
        sentence = "It holds a control character, a line break or a backtick: send the name alone."
        faults.append(Fault(UriReason.URI_CHARACTER, sentence))
    if _WILDCARDS & set(uri):
        faults.append(Fault(UriReason.URI_WILDCARD, "It holds * or [: name one thing, without wildcards."))
    if _QUERY & set(uri):
        sentence = "It holds ? or #: query strings, fragments and wildcards are not served."
        faults.append(Fault(UriReason.URI_QUERY, sentence))
    return faults


def _gcs_faults(uri: str) -> list[Fault]:
    faults = _text_faults(uri, GCS, "gs://bucket/name")
    if not uri.startswith(GCS) or len(uri) > MAX_URI_CHARACTERS:
        return faults
    parts = split_gcs(uri)
    if not parts.bucket:
        faults.append(Fault(UriReason.BUCKET_MISSING, "It names no bucket: write gs://bucket/name."))
    elif not _is_bucket(parts.bucket):
        sentence = (
            "The bucket's name is not one that Cloud Storage allows: 3 to 63 lowercase letters, digits, -, _ and . "
            "(up to 222 with dots), with a letter or digit at both ends."
        )
        faults.append(Fault(UriReason.BUCKET_NAME, sentence))
    if len(parts.name.encode("utf-8", "surrogatepass")) > MAX_OBJECT_BYTES:
        sentence = f"The part after the bucket has more than {MAX_OBJECT_BYTES} bytes in UTF-8."
        faults.append(Fault(UriReason.OBJECT_TOO_LONG, sentence))
    if parts.name and _has_odd_segment(parts.name):
        sentence = (
            "It holds an empty segment, . or .., or what is one when decoded: such names are not resolved, and are "
            "easily taken for another."
        )
        faults.append(Fault(UriReason.URI_SEGMENT, sentence))
    return faults


def _has_odd_segment(name: str) -> bool:
    """Escaped slashes may follow each other, as in a name that holds a whole URL."""
    if {"", ".", ".."} & set(name.removesuffix("/").split("/")):
        return True
    return not {".", ".."}.isdisjoint(_as_decoded(name).split("/"))


def _as_decoded(name: str) -> str:
    """What a reader would see who undoes every escape, folds look-alikes of ASCII and knows two kinds of slash."""
    while (
        not (name.isascii() and "%" not in name) and (simpler := unicodedata.normalize("NFKC", unquote(name))) != name
    ):
        name = simpler
    return name.replace("\\", "/")


def _is_bucket(name: str) -> bool:
    parts = name.split(".")
    if not _BUCKET.fullmatch(name) or not all(0 < len(p) <= _MAX_BUCKET_PART for p in parts):
        return False
    return len(parts) == 1 or not _is_ip(name)


def _is_ip(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def _table_part_faults(uri: str) -> list[Fault]:
    try:
        parts = split_table(uri)
    except ValueError:
        sentence = "It does not name project, dataset and table: write bq://project.dataset.table."
        return [Fault(UriReason.TABLE_FORM, sentence)]
    table_bytes = len(parts.table.encode("utf-8"))
    # Some signs stand for several: ⒈ is 1 and a dot for a reader who folds it.
    plain_table = unicodedata.normalize("NFKC", parts.table)
    checks = (
        (_PROJECT.fullmatch(parts.project), UriReason.TABLE_PROJECT, "The project is not a project id."),
        (_DATASET.fullmatch(parts.dataset), UriReason.TABLE_DATASET, "A dataset has letters, digits and _ only."),
        (
            _TABLE.fullmatch(parts.table) and _TABLE.fullmatch(plain_table) and table_bytes <= MAX_OBJECT_BYTES,
            UriReason.TABLE_NAME,
            "A table has letters, digits, _, - and spaces only, at most 1,024 bytes, without partition or snapshot.",
        ),
    )
    return [Fault(reason, sentence) for holds, reason, sentence in checks if not holds]
