"""Every malformed URI is named for what is wrong with it, and nothing is read into a URI that does not stand there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.uris import (
    GcsUri,
    TableUri,
    UriReason,
    object_faults,
    prefix_faults,
    split_gcs,
    split_table,
    table_faults,
)


def reasons(faults):
    return {fault.reason.value for fault in faults}


GOOD_OBJECTS = [
    "gs://ranking-in/rows.jsonl",
    "gs://b-2/a/b/c.jsonl",
    "gs://a.b.example.com/x",
    "gs://abc/with space and ünïcode 数据",
    "gs://abc/100%25/%20x",  # kept as it is: nothing is decoded
    "gs://abc/https%3A%2F%2Fexample.com%2Frows.jsonl",  # a URL as an object's name
    "gs://abc/ｆｕｌｌ/…/a․b",  # looks like ASCII, and leads nowhere else
    "gs://abc/.hidden/...x",
    "gs://abc/" + "x" * 1024,
    "gs://abc/a@b:c;d=e&f,g+h",
]


@pytest.mark.parametrize("uri", GOOD_OBJECTS)
def test_well_formed_objects_pass_as_source_and_as_prefix(uri):
    assert object_faults(uri) == prefix_faults(uri) == ()


@pytest.mark.parametrize("uri", ["gs://ranking-out", "gs://ranking-out/", "gs://ranking-out/a/b/"])
def test_a_destination_may_be_a_bucket_and_may_end_in_a_slash(uri):
    assert prefix_faults(uri) == ()


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", "URI_MISSING"),
        ("s3://bucket/x", "URI_SCHEME"),
        ("http://storage.googleapis.com/b/x", "URI_SCHEME"),
        ("GS://bucket/x", "URI_SCHEME"),
        (" gs://bucket/x", "URI_SCHEME"),
        ("bucket/x", "URI_SCHEME"),
        ("gs:/bucket/x", "URI_SCHEME"),
        ("bq://p.d.t", "URI_SCHEME"),
        ("gs://", "BUCKET_MISSING"),
        ("gs:///x", "BUCKET_MISSING"),
        ("gs://ab/x", "BUCKET_NAME"),
        ("gs://" + "a" * 64 + "/x", "BUCKET_NAME"),
        ("gs://Bucket/x", "BUCKET_NAME"),
        ("gs://bücket/x", "BUCKET_NAME"),
        ("gs://-bucket/x", "BUCKET_NAME"),
        ("gs://bucket-/x", "BUCKET_NAME"),
        ("gs://buc ket/x", "BUCKET_NAME"),
        ("gs://buc:ket/x", "BUCKET_NAME"),
        ("gs://user@bucket/x", "BUCKET_NAME"),
        ("gs://a..b/x", "BUCKET_NAME"),
        ("gs://192.168.5.4/x", "BUCKET_NAME"),
        ("gs://" + ".".join(["a" * 60] * 4) + "/x", "BUCKET_NAME"),
        ("gs://bucket%2Fother/x", "BUCKET_NAME"),
        ("gs://../x", "BUCKET_NAME"),
        ("gs://bucket/*.jsonl", "URI_WILDCARD"),
        ("gs://bucket/**", "URI_WILDCARD"),
        ("gs://bucket/[ab]", "URI_WILDCARD"),
        ("gs://bucket/x?alt=media", "URI_QUERY"),
        ("gs://bucket/x?", "URI_QUERY"),
        ("gs://bucket/x#1712345", "URI_QUERY"),
        ("gs://bucket/a/../b", "URI_SEGMENT"),
        ("gs://bucket/..", "URI_SEGMENT"),
        ("gs://bucket/./b", "URI_SEGMENT"),
        ("gs://bucket//b", "URI_SEGMENT"),
        ("gs://bucket/a//b", "URI_SEGMENT"),
        ("gs://bucket/a//", "URI_SEGMENT"),
        ("gs://bucket/a/%2e%2e/b", "URI_SEGMENT"),
        ("gs://bucket/a%2F..%2fb", "URI_SEGMENT"),
        ("gs://bucket/a/%252E%252e/b", "URI_SEGMENT"),
        ("gs://bucket/a/.%2e", "URI_SEGMENT"),
        ("gs://bucket/a/‥/b", "URI_SEGMENT"),  # TWO DOT LEADER
        ("gs://bucket/a/．．/b", "URI_SEGMENT"),  # fullwidth
        ("gs://bucket/a／..／b", "URI_SEGMENT"),
        ("gs://bucket/a\\..\\b", "URI_SEGMENT"),
        ("gs://bucket/a%5C..%5cb", "URI_SEGMENT"),
        ("gs://bucket/a/%E2%80%A5/b", "URI_SEGMENT"),
        ("gs://bucket/a\nb", "URI_CHARACTER"),
        ("gs://bucket/a\r\n", "URI_CHARACTER"),
        ("gs://bucket/a\0b", "URI_CHARACTER"),
        ("gs://bucket/a\tb", "URI_CHARACTER"),
        ("gs://bucket/a\x7fb", "URI_CHARACTER"),
        ("gs://bucket/a\u2028b", "URI_CHARACTER"),
        ("gs://bucket/a`b", "URI_CHARACTER"),
        ("gs://bucket/" + "x" * 1025, "OBJECT_TOO_LONG"),
        ("gs://bucket/" + "ü" * 513, "OBJECT_TOO_LONG"),
        ("gs://bucket/" + "x" * 3000, "URI_TOO_LONG"),
        ("x" * 4_000_000, "URI_TOO_LONG"),
    ],
)
def test_each_malformed_form_is_named_for_what_it_is(uri, reason):
    assert reason in reasons(object_faults(uri))
    assert reason in reasons(prefix_faults(uri))


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("gs://bucket", "OBJECT_MISSING"),
        ("gs://bucket/", "OBJECT_MISSING"),
        ("gs://bucket/folder/", "OBJECT_IS_FOLDER"),
    ],
)
def test_a_source_must_name_one_object(uri, reason):
    assert reasons(object_faults(uri)) == {reason}


def test_several_faults_of_one_uri_are_all_told():
    assert reasons(object_faults("gs://B/../*?\n")) == {
        *["BUCKET_NAME", "URI_SEGMENT", "URI_WILDCARD", "URI_QUERY", "URI_CHARACTER"],
    }


def test_a_uri_of_exactly_two_thousand_characters_is_not_too_long_as_such():
    assert reasons(object_faults("gs://bucket/" + "x" * 1988)) == {"OBJECT_TOO_LONG"}


def test_nothing_is_decoded():
    assert split_gcs("gs://bucket/a%2Fb%00/..%2f") == GcsUri("bucket", "a%2Fb%00/..%2f")


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("bq://corp-ranking.predictions.daily", TableUri("corp-ranking", "predictions", "daily")),
        ("bq://example.com:old-proj.d_1.t-1", TableUri("example.com:old-proj", "d_1", "t-1")),
        ("bq://corp-ranking.d.täble 2", TableUri("corp-ranking", "d", "täble 2")),
    ],
)
def test_well_formed_tables_pass_and_split(uri, parts):
    assert table_faults(uri) == ()
    assert split_table(uri) == parts


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", "URI_MISSING"),
        ("gs://bucket/x", "URI_SCHEME"),
        ("corp-ranking.d.t", "URI_SCHEME"),
        ("bq://", "TABLE_FORM"),
        ("bq://corp-ranking", "TABLE_FORM"),
        ("bq://corp-ranking.d", "TABLE_FORM"),
        ("bq://corp-ranking:d.t", "TABLE_FORM"),
        ("bq://corp-ranking.d.t.x", "TABLE_PROJECT"),
        ("bq://corp-ranking:dataset.table.x", "TABLE_PROJECT"),
        ("bq://.com:corp-ranking.d.t", "TABLE_PROJECT"),
        ("bq://example.com:a.b:corp-ranking.d.t", "TABLE_PROJECT"),
        ("bq://123456789012.d.t", "TABLE_PROJECT"),
        ("bq://corp-rankｉng.d.t", "TABLE_PROJECT"),
        ("bq://corp-ranking.ｄ.t", "TABLE_DATASET"),
        ("bq://corp-ranking.d.x⒈t", "TABLE_NAME"),
        ("bq://.d.t", "TABLE_PROJECT"),
        ("bq://Corp.d.t", "TABLE_PROJECT"),
        ("bq://corp-ranking..t", "TABLE_DATASET"),
        ("bq://corp-ranking.da-ta.t", "TABLE_DATASET"),
        ("bq://corp-ranking.d.", "TABLE_NAME"),
        ("bq://corp-ranking.d.t$20250601", "TABLE_NAME"),
        ("bq://corp-ranking.d.t@-3600000", "TABLE_NAME"),
        ("bq://corp-ranking.d.a/b", "TABLE_NAME"),
        ("bq://corp-ranking.d." + "ü" * 513, "TABLE_NAME"),
        ("bq://corp-ranking.d.t_*", "URI_WILDCARD"),
        ("bq://`corp-ranking.d.t`", "URI_CHARACTER"),
        ("bq://corp-ranking.d.t\n", "URI_CHARACTER"),
        ("bq://corp-ranking.d.t\0", "URI_CHARACTER"),
        ("bq://corp-ranking.d.t?x", "URI_QUERY"),
        ("bq://corp-ranking.d." + "t" * 3000, "URI_TOO_LONG"),
    ],
)
def test_each_malformed_table_is_named_for_what_it_is(uri, reason):
    assert reason in reasons(table_faults(uri))


@given(st.one_of(st.text(), st.text().map("gs://".__add__), st.text().map("bq://".__add__)))
def test_any_text_at_all_gets_a_judgement_and_every_fault_a_sentence(text):
    for judge in (object_faults, prefix_faults, table_faults):
        for fault in judge(text):
            assert fault.reason in UriReason
            assert fault.sentence.endswith(".")


@given(st.text().map("gs://".__add__))
def test_what_passes_is_put_together_from_its_parts_again(uri):
    if not object_faults(uri):
        parts = split_gcs(uri)
        assert f"gs://{parts.bucket}/{parts.name}" == uri
