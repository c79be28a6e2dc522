"""Rows: which are answered, which are refused and why, and that nothing a file can hold breaks the run."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import JobState
from hypothesis import given
from hypothesis import strategies as st

from emulator.helpers import PARENT, job, output_rows, row, write_rows
from vertex_emulator import Emulator
from vertex_emulator.rows.process import RowSettings, process_row
from vertex_emulator.rows.source import open_source

THERE = "gs://team-in/photo.png"
SETTINGS = RowSettings(model="gemini-2.5-flash", has_object=lambda uri: uri == THERE)
TIME = "2026-01-01T00:00:00+00:00"


def answer_to(request: Any, settings: RowSettings = SETTINGS) -> dict[str, Any]:
    line = json.dumps({"request": request}).encode()
    return json.loads(process_row(line, 1, settings, TIME).line)


def contents(*parts: Any, role: str = "user") -> dict[str, Any]:
    return {"contents": [{"role": role, "parts": list(parts)}]}


def text_of(output: dict[str, Any]) -> str:
    return output["response"]["candidates"][0]["content"]["parts"][0]["text"]


def test_an_answer_has_the_documented_shape() -> None:
    request = contents({"text": "Which river runs through Vienna and Budapest?"})
    output = answer_to(request)
    assert output["status"] == ""
    assert output["processed_time"] == TIME
    assert output["request"] == request
    response = output["response"]
    assert response["candidates"][0]["content"]["role"] == "model"
    assert response["candidates"][0]["finishReason"] == "STOP"
    assert "Vienna" in text_of(output)
    usage = response["usageMetadata"]
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]
    assert response["modelVersion"] == "gemini-2.5-flash"


def test_the_same_row_gets_the_same_answer() -> None:
    assert answer_to(contents({"text": "Hello there"})) == answer_to(contents({"text": "Hello there"}))


def test_max_output_tokens_cuts_the_answer_off() -> None:
    output = answer_to({**contents({"text": "word " * 50}), "generationConfig": {"maxOutputTokens": 5}})
    assert output["response"]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert output["response"]["usageMetadata"]["candidatesTokenCount"] == 5


def test_the_jobs_parameters_hold_where_the_row_has_none() -> None:
    settings = RowSettings("gemini-2.5-flash", lambda _: True, job_parameters={"maxOutputTokens": 3.0})
    short = answer_to(contents({"text": "word " * 50}), settings)
    assert short["response"]["usageMetadata"]["candidatesTokenCount"] == 3
    own = answer_to({**contents({"text": "word " * 50}), "generationConfig": {"maxOutputTokens": 7}}, settings)
    assert own["response"]["usageMetadata"]["candidatesTokenCount"] == 7


def test_generation_settings_shape_the_answer() -> None:
    asked = contents({"text": "Describe the mountain Matterhorn"})
    as_json = answer_to({**asked, "generationConfig": {"responseMimeType": "application/json"}})
    assert json.loads(text_of(as_json))["summary"] == "Describe the mountain Matterhorn"
    stopped = answer_to({**asked, "generationConfig": {"stopSequences": [" the"]}})
    assert text_of(stopped) == "You asked: Describe"
    several = answer_to({**asked, "generationConfig": {"candidateCount": 3}})
    assert [candidate.get("index", 0) for candidate in several["response"]["candidates"]] == [0, 1, 2]


def test_turns_instructions_and_files_show_in_the_answer() -> None:
    request = {
        "systemInstruction": {"parts": [{"text": "Answer as a pirate"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}]},
            {"role": "model", "parts": [{"text": "Ahoy"}]},
            {
                "role": "user",
                "parts": [{"text": "What is this?"}, {"fileData": {"fileUri": THERE, "mimeType": "image/png"}}],
            },
        ],
    }
    text = text_of(answer_to(request))
    assert "Answer as a pirate" in text
    assert "turn 3" in text
    assert "photo.png" in text


def test_snake_case_names_are_understood() -> None:
    part = {"file_data": {"file_uri": THERE, "mime_type": "image/png"}}
    request = {**contents(part), "generation_config": {"max_output_tokens": 2}}
    assert answer_to(request)["response"]["usageMetadata"]["candidatesTokenCount"] == 2


FILE = {"fileUri": THERE, "mimeType": "image/png"}


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({}, "at least one contents"),
        ({"contents": []}, "at least one contents"),
        ({"contents": "hello"}, "a list is expected"),
        ({"contents": ["hello"]}, "an object is expected"),
        (contents({"text": "x"}, role="wizard"), "valid role"),
        ({"contents": [{"role": "user"}]}, "at least one parts"),
        (contents({"text": 5}), "a string is expected"),
        (contents({}), "one initialized field"),
        (contents({"text": "a", "fileData": FILE}), "one initialized field"),
        (contents({"sound": "a"}), "Cannot find field"),
        (contents({"fileData": {"fileUri": THERE}}), "mimeType"),
        (contents({"fileData": {**FILE, "mimeType": "application/x-tar"}}), "not supported"),
        (contents({"fileData": {**FILE, "fileUri": "gs://team-in/absent.png"}}), "does not exist"),
        (contents({"fileData": {**FILE, "fileUri": "ftp://x/y"}}), "must be a gs://"),
        (contents({"inlineData": {"mimeType": "image/png", "data": "@@@"}}), "Base64"),
        ({**contents({"text": "x"}), "colour": "blue"}, "Cannot find field"),
        ({**contents({"text": "x"}), "generationConfig": {"temperature": 3}}, "temperature"),
        ({**contents({"text": "x"}), "generationConfig": {"topP": -1}}, "top_p"),
        ({**contents({"text": "x"}), "generationConfig": {"maxOutputTokens": 0}}, "max_output_tokens"),
        ({**contents({"text": "x"}), "generationConfig": {"maxOutputTokens": 1.5}}, "whole number"),
        ({**contents({"text": "x"}), "generationConfig": {"maxOutputTokens": True}}, "a number is expected"),
        ({**contents({"text": "x"}), "generationConfig": {"candidateCount": 9}}, "candidate_count"),
        ({**contents({"text": "x"}), "generationConfig": {"responseMimeType": "image/png"}}, "response_mime_type"),
        ({**contents({"text": "x"}), "generationConfig": {"warmth": 1}}, "Cannot find field"),
        ({**contents({"text": "x"}), "generationConfig": ["x"]}, "an object is expected"),
        ({**contents({"text": "x"}), "systemInstruction": {"parts": [{"fileData": FILE}]}}, "text only"),
        (None, "an object is expected"),
        ([], "an object is expected"),
    ],
)
def test_a_bad_request_is_refused_with_the_reason_in_its_status(request_: Any, why: str) -> None:
    output = answer_to(request_)
    assert output["status"].startswith('Bad Request: {"error": {')
    assert why in json.loads(output["status"].removeprefix("Bad Request: "))["error"]["message"]
    assert output["response"] == {}
    assert output["request"] == request_


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b'{"contents": []}',
        b"[1, 2]",
        b'{"request": NaN}',
        b'{"request": {"contents": [{"parts": [{"text": "x"}]}], "labels": {"x": Infinity}}}',
        b'{"request": 1e999}',
        b'{"request": ' + b"[" * 100_000,
        b'{"request": ' + b"9" * 5000 + b"}",
        b"\xff\xfe\x00",
        b"\x00",
        b'"text"',
    ],
)
def test_a_line_that_is_no_row_is_refused_and_its_output_is_json_all_the_same(line: bytes) -> None:
    result = process_row(line, 1, SETTINGS, TIME)
    assert result.refusal
    assert b"\n" not in result.line
    assert json.loads(result.line, parse_constant=pytest.fail)["response"] == {}


def test_half_a_surrogate_pair_comes_back_as_it_came() -> None:
    line = b'{"request": {"contents": [{"role": "user", "parts": [{"text": "\\ud800"}]}]}}'
    output = json.loads(process_row(line, 1, SETTINGS, TIME).line)
    assert output["request"]["contents"][0]["parts"][0]["text"] == "\ud800"


def test_inline_data_is_accepted() -> None:
    data = base64.b64encode(b"picture").decode()
    output = answer_to(contents({"text": "What?"}, {"inlineData": {"mimeType": "image/png", "data": data}}))
    assert output["status"] == ""
    assert output["response"]["usageMetadata"]["promptTokenCount"] > 258


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["contents", "role", "parts", "text", "fileData", "generationConfig", "x"]), inner
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_every_json_value_is_answered_or_refused(value: Any) -> None:
    output = answer_to(value)
    assert (output["response"] == {}) == (output["status"] != "")


@given(st.binary(max_size=200))
def test_every_line_is_answered_or_refused(line: bytes) -> None:
    result = process_row(line, 1, SETTINGS, TIME)
    assert json.loads(result.line)["status"] != ""


async def run(emulator: Emulator, client: Any, name: str) -> Any:
    source = {"instances_format": "jsonl", "gcs_source": {"uris": [f"gs://team-in/{name}"]}}
    made = await client.create_batch_prediction_job(parent=PARENT, batch_prediction_job=job(input_config=source))
    await emulator.driven_clock.advance(3600)
    return await client.get_batch_prediction_job(name=made.name)


async def test_every_row_comes_out_once_in_another_order_and_the_same_one_each_time(
    emulator: Emulator, client: Any, folder: Path
) -> None:
    write_rows(folder / "team-in" / "many.jsonl", [row(f"row {n}") for n in range(137)])
    orders = []
    for _ in range(2):
        outputs = output_rows(folder, await run(emulator, client, "many.jsonl"))
        orders.append([int(each["request"]["contents"][0]["parts"][0]["text"].split()[1]) for each in outputs])
    assert sorted(orders[0]) == list(range(137))
    assert orders[0] != sorted(orders[0])
    assert orders[0] == orders[1]


async def test_one_row_in_n_can_be_made_to_fail(start: Any, connect: Any, folder: Path) -> None:
    emulator = await start(fail_row_every=5)
    done = await run(emulator, connect(emulator), "input.jsonl")
    assert done.state == JobState.JOB_STATE_PARTIALLY_SUCCEEDED
    failed = [each for each in output_rows(folder, done) if each["status"]]
    assert len(failed) == 2
    assert all("FAILED_PRECONDITION" in each["status"] for each in failed)


async def test_a_file_in_a_bucket_is_found_by_a_row_and_a_missing_one_refused(
    emulator: Emulator, client: Any, folder: Path
) -> None:
    (folder / "team-in" / "photo.png").write_bytes(b"picture")
    parts = [
        {"fileData": {"fileUri": f"gs://team-in/{name}", "mimeType": "image/png"}} for name in ("photo.png", "no.png")
    ]
    write_rows(folder / "team-in" / "files.jsonl", [{"request": contents(part)} for part in parts])
    done = await run(emulator, client, "files.jsonl")
    assert sorted(each["status"] == "" for each in output_rows(folder, done)) == [False, True]


def test_lines_without_content_are_no_rows_and_the_last_line_needs_no_end(tmp_path: Path) -> None:
    path = tmp_path / "input.jsonl"
    path.write_bytes(b'{"a": 1}\n\n  \r\n{"b": 2}')
    source = open_source(path, max_rows=10, max_bytes=1000)
    assert sorted(line.strip() for _, line in source.read(0, 10)) == [b'{"a": 1}', b'{"b": 2}']
