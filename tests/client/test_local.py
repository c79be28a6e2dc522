"""A local file is read in full before anything is sent, and what is wrong is said by line number."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchjobs.cli import local
from batchjobs.cli.local import BadFileError, check_file, fault_of

GOOD = b'{"request": {"contents": [{"role": "user", "parts": [{"text": "How tall is it?"}]}]}}\n'


def file(folder: Path, content: bytes) -> Path:
    path = folder / "rows.jsonl"
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(BadFileError) as caught:
        check_file(path)
    return str(caught.value)


def test_a_good_file_is_counted_and_named_by_its_content(tmp_path: Path) -> None:
    content = GOOD * 2 + GOOD.rstrip() + b"\r\n" + GOOD.rstrip()
    found = check_file(file(tmp_path, content))
    assert (found.rows, found.size, found.sha256) == (4, len(content), hashlib.sha256(content).hexdigest())


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert refusal(file(tmp_path, b"")).endswith("rows.jsonl is empty.")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"not json", "not JSON"),
        (b'{"request": {}', "not JSON"),
        (b'{"request": {}} {}', "not JSON (Extra data, column 17)"),
        (b"", "empty"),
        (b" \t", "empty"),
        (b"[]", "not an object"),
        (b'"request"', "not an object"),
        (b"{}", 'no "request"'),
        (b'{"Request": {}}', 'no "request"'),
        (b'{"request": "x"}', "not an object"),
        (b'{"request": null}', "not an object"),
        (b'{"request": {"temperature": NaN}}', "NaN is not JSON"),
        (b'{"request": {"x": -Infinity}}', "-Infinity is not JSON"),
        (b'{"request": {"x": "\xff"}}', "not UTF-8 (byte 20)"),
        ('{"request": {}}'.encode("utf-16-le"), "not JSON"),
        (b"\xef\xbb\xbf" + b'{"request": {}}', "BOM"),
        (b'{"request": ' * 100_000, "nested too deeply"),
        (b'{"request": {"x": ' + b"9" * 5000 + b"}}", "not JSON"),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, bytes) else "",
)
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, line: bytes, fault: str) -> None:
    said = refusal(file(tmp_path, GOOD * 2 + line + b"\n" + GOOD))
    assert "\n  line 3: " in said
    assert fault in said
    assert "Nothing was submitted" in said


def test_many_bad_lines_are_counted_and_the_first_ones_named(tmp_path: Path) -> None:
    said = refusal(file(tmp_path, GOOD + b"x\n" * 1000))
    assert "1,000 lines are" in said
    assert [line.split(":")[0].strip() for line in said.splitlines()[1:]] == [
        *(f"line {n}" for n in range(2, 7)),
        "and 995 more",
    ]


def test_a_file_that_is_too_large_is_refused_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as huge:
        huge.truncate(local.MAX_BYTES + 1)
    monkeypatch.setattr(local, "_read", None)
    assert "1,000,000,001 bytes; Vertex AI takes at most 1,000,000,000" in refusal(path)


def test_the_largest_file_is_not_refused_for_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MAX_BYTES", len(GOOD))
    assert check_file(file(tmp_path, GOOD)).rows == 1


def test_too_many_lines_are_refused(tmp_path: Path) -> None:
    path = file(tmp_path, b'{"request":{}}\n' * local.MAX_ROWS)
    assert check_file(path).rows == local.MAX_ROWS
    with path.open("ab") as more:
        more.write(GOOD)
    assert "200,001 lines; Vertex AI takes at most 200,000" in refusal(path)


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    assert "There is no file" in refusal(tmp_path / "nowhere.jsonl")
    assert "is not a file" in refusal(tmp_path)


def test_it_tells_how_far_it_is(tmp_path: Path) -> None:
    told = list[tuple[int, int]]()
    check_file(file(tmp_path, GOOD * 2500), lambda done, size: told.append((done, size)))
    assert told == [(len(GOOD) * 1000, len(GOOD) * 2500), (len(GOOD) * 2000, len(GOOD) * 2500)]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_object_with_an_object_as_request_is_a_row(value: object) -> None:
    assert fault_of(json.dumps({"request": {"contents": value}, "more": value}).encode()) == ""
    assert fault_of(json.dumps({"request": value}).encode()) != ""
    assert fault_of(json.dumps(value).encode()) != ""


@given(st.binary(max_size=200))
def test_no_line_breaks_the_check(line: bytes) -> None:
    assert isinstance(fault_of(line), str)
