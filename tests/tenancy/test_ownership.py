"""A team reads and writes what the policy gives it, and no way of writing a name leads out of that.

The first half asks the rules alone, with names made up of everything that has ever fooled a reader; the second asks a
gateway, and sees that it looks nothing up.
"""

import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from batchjobs.v1 import batch_jobs_pb2 as pb
from gateway.domain.uris import object_faults, prefix_faults, table_faults
from gateway.policy.match import matches_any
from support.caller import Refusal, batch_job, refusal
from support.gateway import Gateway

FOLDERS = ("gs://ranking-in/**", "gs://shared/ranking/**", "gs://shared/daily-*")
OWN_FOLDERS = ("gs://ranking-in/", "gs://shared/ranking/", "gs://shared/daily-")
TABLES = ("bq://corp-ranking.in.*", "bq://corp-shared.ranking_*.rows", "bq://example.com:corp-old.in.*")

PIECES = [
    *["/", "//", "\\", ".", "..", "/..", "/%2e.", "\\..\\", "%2e", "%2E%2e", "%252e%252e", "%2f", "%2F..%2F", "%00"],
    *["\u2025", "\uff0e\uff0e", "\uff0f", "\u2100", "\u2024", "\u2488", "\u202e", "\u200b", "\u00ad", "\0", "\n", "`"],
    *["[", "]", "*", "**", "?", "#1", "$20240101", "@-3600", "@123", ":", ";", " ", "-private", "\uff58", "e\u0301"],
]
PLAIN = st.sampled_from(["/", "x", "X", "rows", "search", "secret", "in", "_", "\u00e9", "\ufb01"])


def names(*heads: str) -> st.SearchStrategy[str]:
    """Names that begin like the team's own or nearly so, and go on with anything, mostly with what is harmless."""
    pieces = st.lists(st.one_of(PLAIN, PLAIN, st.sampled_from(PIECES), st.characters()), min_size=1, max_size=5)
    return st.builds(lambda head, rest: head + "".join(rest), st.sampled_from(heads), pieces)


OBJECT_NAMES = names(
    "gs://ranking-in/", "gs://shared/ranking/", "gs://shared/daily-", "gs://shared/ranking", "gs://ranking"
)
TABLE_NAMES = names(
    "bq://corp-ranking.in.", "bq://corp-shared.ranking_", "bq://example.com:corp-old.in.", "bq://corp-ranking:"
)


def readings(name: str) -> Iterator[str]:
    """What readers make of a name that take more liberties than anybody should: decoded, folded, resolved, lowered."""
    for read in (name, _undone(name)):
        for resolved in (read, _resolved(read)):
            yield from (resolved, resolved.casefold())


def _undone(name: str) -> str:
    while (simpler := unicodedata.normalize("NFKC", unquote(name))) != name:
        name = simpler
    return name


def _resolved(name: str) -> str:
    """Dot segments followed and slashes joined, below the bucket and beyond."""
    scheme, _, path = name.partition("://")
    kept: list[str] = []
    for segment in path.replace("\\", "/").split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    return f"{scheme}://{'/'.join(kept)}"


@settings(max_examples=300)
@given(OBJECT_NAMES)
def test_whoever_reads_an_allowed_object_reads_one_of_the_teams(name: str) -> None:
    for reading in readings(name) if not object_faults(name) and matches_any(FOLDERS, name) else ():
        assert f"{reading}/".startswith(OWN_FOLDERS), reading


@settings(max_examples=300)
@given(OBJECT_NAMES)
def test_whoever_reads_an_allowed_folder_writes_below_one_of_the_teams(name: str) -> None:
    for reading in readings(name) if not prefix_faults(name) and matches_any(FOLDERS, name) else ():
        assert f"{reading}/".startswith(OWN_FOLDERS), reading


@settings(max_examples=300)
@given(TABLE_NAMES)
def test_whoever_reads_an_allowed_table_reads_one_of_the_teams(name: str) -> None:
    undone = _undone(name)
    allowed = not table_faults(name) and matches_any(TABLES, name)
    for reading in (name, name.casefold(), undone, undone.casefold()) if allowed else ():
        assert matches_any(TABLES, reading), reading
        assert reading.removeprefix("bq://").removeprefix("example.com:").count(".") == 2, reading


# Over the API. The team has gs://ranking-in/** and bq://corp-ml.ranking_*.* to read, gs://ranking-out/** and the same
# tables to write; everything else belongs to others, and some of it is there.

OBJECTS = [
    ("gs://search-in/rows.jsonl", "URI_NOT_ALLOWED"),
    ("gs://search-in/nothing.jsonl", "URI_NOT_ALLOWED"),
    ("gs://ranking-in-private/rows.jsonl", "URI_NOT_ALLOWED"),
    ("gs://ranking-i/rows.jsonl", "URI_NOT_ALLOWED"),
    ("gs://ranking/rows.jsonl", "URI_NOT_ALLOWED"),
    ("gs://ranking-in.example.com/rows.jsonl", "URI_NOT_ALLOWED"),
    ("gs://xranking-in/rows.jsonl", "URI_NOT_ALLOWED"),
    ("gs://RANKING-IN/rows.jsonl", "BUCKET_NAME"),
    ("gs://ranking-in./rows.jsonl", "BUCKET_NAME"),
    ("gs://ranking-in%2f/rows.jsonl", "BUCKET_NAME"),
    ("gs://rank\uff49ng-in/rows.jsonl", "BUCKET_NAME"),
    ("gs://r\u0430nking-in/rows.jsonl", "BUCKET_NAME"),
    ("gs://ranking-in\u200b/rows.jsonl", "BUCKET_NAME"),
    ("gs://ranking-in@search-in/rows.jsonl", "BUCKET_NAME"),
    ("gs://ranking-in:443/rows.jsonl", "BUCKET_NAME"),
    ("GS://ranking-in/rows.jsonl", "URI_SCHEME"),
    ("gs:///ranking-in/rows.jsonl", "BUCKET_MISSING"),
    ("gs://ranking-in//rows.jsonl", "URI_SEGMENT"),
    ("gs://ranking-in/../search-in/rows.jsonl", "URI_SEGMENT"),
    ("gs://ranking-in/./rows.jsonl", "URI_SEGMENT"),
    ("gs://ranking-in/%2e%2e/search-in/rows.jsonl", "URI_SEGMENT"),
    ("gs://ranking-in/x%2F..%2F..%2Fsearch-in/rows.jsonl", "URI_SEGMENT"),
    ("gs://ranking-in/\u2025/search-in/rows.jsonl", "URI_SEGMENT"),
    ("gs://ranking-in/..\\..\\search-in/rows.jsonl", "URI_SEGMENT"),
    ("gs://ranking-in/rows.jsonl\n", "URI_CHARACTER"),
    ("gs://ranking-in/rows.jsonl,\0gs://search-in/rows.jsonl", "URI_CHARACTER"),
    ("gs://ranking-in/rows`.jsonl", "URI_CHARACTER"),
    ("gs://ranking-in/*", "URI_WILDCARD"),
    ("gs://ranking-in/row[s].jsonl", "URI_WILDCARD"),
    ("gs://ranking-in/rows.jsonl?userProject=search", "URI_QUERY"),
    ("gs://ranking-in/rows.jsonl#1712345678", "URI_QUERY"),
]
BIGQUERY = [
    ("bq://corp-ml.search_in.rows", "URI_NOT_ALLOWED"),
    ("bq://corp-ml.ranking.rows", "URI_NOT_ALLOWED"),
    ("bq://corp-ml.RANKING_in.rows", "URI_NOT_ALLOWED"),
    ("bq://corp-ml-private.ranking_in.rows", "URI_NOT_ALLOWED"),
    ("bq://corp-m1.ranking_in.rows", "URI_NOT_ALLOWED"),
    ("bq://example.com:corp-ml.ranking_in.rows", "URI_NOT_ALLOWED"),
    ("bq://corp-ml.INFORMATION_SCHEMA.TABLES", "URI_NOT_ALLOWED"),
    ("BQ://corp-ml.ranking_in.rows", "URI_SCHEME"),
    ("bq://CORP-ML.ranking_in.rows", "TABLE_PROJECT"),
    ("bq://123456789012.ranking_in.rows", "TABLE_PROJECT"),
    ("bq://projects/corp-ml.ranking_in.rows", "TABLE_PROJECT"),
    ("bq://corp-ml..ranking_in.rows", "TABLE_PROJECT"),
    ("bq://corp-ml:ranking_in.rows", "TABLE_FORM"),
    ("bq://corp-ml:ranking_in.rows.x", "TABLE_PROJECT"),
    ("bq://corp-ml.ranking_in", "TABLE_FORM"),
    ("bq://corp-ml.ranking_in.rows.x", "TABLE_PROJECT"),
    ("bq://corp-ml.rank%69ng_in.rows", "TABLE_DATASET"),
    ("bq://corp-ml.ranking\uff3fin.rows", "TABLE_DATASET"),
    ("bq://corp-ml.ranking_in.", "TABLE_NAME"),
    ("bq://corp-ml.ranking_in.rows/../x", "TABLE_DATASET"),
    ("bq://corp-ml.ranking_in.rows$20240101", "TABLE_NAME"),
    ("bq://corp-ml.ranking_in.rows@1712345678000", "TABLE_NAME"),
    ("bq://corp-ml.ranking_in.rows@-3600000-", "TABLE_NAME"),
    ("bq://corp-ml.ranking_in.rows x\u2488", "TABLE_NAME"),
    ("bq://corp-ml.ranking_in.ro*", "URI_WILDCARD"),
    ("bq://corp-ml.ranking_*.rows", "URI_WILDCARD"),
    ("bq://[corp-ml:ranking_in.rows]", "URI_WILDCARD"),
    ("bq://`corp-ml.search_in.rows`", "URI_CHARACTER"),
    ("bq://corp-ml.ranking_in.rows`;--", "URI_CHARACTER"),
    ("bq://corp-ml.ranking_in.rows\0", "URI_CHARACTER"),
]


async def _refused(gateway: Gateway, **fields: object) -> Refusal:
    """The refusal of a create; with tables as sources, whatever the destination, and the other way round."""
    before = gateway.metrics()
    refused = await refusal(gateway.caller("ranking").create(batch_job(**fields)))
    looked_up = [line for line in gateway.metrics().splitlines() if line.startswith("batchjobs_location_lookups_total")]
    assert looked_up == [line for line in before.splitlines() if line.startswith("batchjobs_location_lookups_total")]
    return refused


def _for_writing(uri: str) -> str:
    """The same trick with the bucket that the team may write to."""
    return uri.replace("ranking-i", "ranking-ou").replace("-oun", "-out").replace("RANKING-IN", "RANKING-OUT")


async def test_no_way_of_writing_a_name_reads_what_is_not_the_teams(gateway: Gateway) -> None:
    for uri, reason in OBJECTS:
        refused = await _refused(gateway, gcs_source=pb.GcsSource(uri=uri))
        assert reason in refused.fields["batch_job.gcs_source.uri"], uri
    for table, reason in BIGQUERY:
        refused = await _refused(gateway, gcs_source=None, bigquery_source=pb.BigQuerySource(table=table))
        assert reason in refused.fields["batch_job.bigquery_source.table"], table


async def test_no_way_of_writing_a_name_writes_what_is_not_the_teams(gateway: Gateway) -> None:
    for uri, reason in OBJECTS:
        where = pb.GcsDestination(output_uri_prefix=_for_writing(uri))
        refused = await _refused(gateway, gcs_destination=where)
        assert reason in refused.fields["batch_job.gcs_destination.output_uri_prefix"], where
    for table, reason in BIGQUERY:
        where_to = pb.BigQueryDestination(table=table)
        refused = await _refused(gateway, gcs_destination=None, bigquery_destination=where_to)
        assert reason in refused.fields["batch_job.bigquery_destination.table"], table
