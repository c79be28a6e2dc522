"""The pure parts of the measurements. No test looks at a time that was measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.page import page
from bench.rows import Row, median, percentile, table

VALUES = st.lists(st.floats(0, 1e6), min_size=1)


@given(VALUES)
def test_half_the_values_lie_on_either_side_of_the_median(values: list[float]) -> None:
    middle = median(values)
    assert sum(value <= middle for value in values) * 2 >= len(values)
    assert sum(value >= middle for value in values) * 2 >= len(values)


def test_the_median_of_two_is_their_mean() -> None:
    assert median([4, 1]) == 2.5


@given(VALUES, st.floats(0.01, 1))
def test_a_percentile_is_the_smallest_value_that_covers_its_share(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < max(share * len(values), 1)


@pytest.mark.parametrize(("value", "verdict"), [(1.5, "ok"), (1.51, "MISSED")])
def test_a_limit_is_met_up_to_and_with_itself(value: float, verdict: str) -> None:
    row = Row.at_most("start", value, 1.5, "s", digits=2)
    assert (row.measured, row.target, row.verdict) == (f"{value:.2f} s", "≤ 1.5 s", verdict)


@pytest.mark.parametrize(("value", "verdict"), [(0.55, "ok"), (0.54, "MISSED")])
def test_a_ratio_must_reach_its_target(value: float, verdict: str) -> None:
    row = Row.at_least("gets", value, 0.55)
    assert (row.target, row.verdict) == ("≥ 0.55", verdict)


def test_a_figure_without_a_target_is_stated() -> None:
    assert Row("beside it", "12").verdict == "stated"


def test_every_line_of_the_table_is_as_wide_as_the_head() -> None:
    lines = table([Row.at_most("memory", 98, 110, "MB"), Row("beside it: much more text", "1")]).splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split("|")[1:5] == [" memory                    ", " 98 MB    ", " ≤ 110 MB ", " ok     "]


def test_the_page_says_what_was_missed_and_by_how_much() -> None:
    text = page("One machine.", [Row("  gets", "0.51", "≥ 0.65", met=False), Row("creates", "0.2", "≥ 0.15", met=True)])
    assert "- gets: 0.51, where ≥ 0.65 was meant\n" in text
    assert "creates:" not in text
    assert text.index("## Missed") < text.index("## What the profile shows")


def test_the_page_names_the_machine_and_keeps_the_table() -> None:
    text = page("One machine.", [Row("calls", "0.75", "≤ 1", met=True)])
    assert "One machine." in text
    assert "| calls  | 0.75     | ≤ 1    | ok |" in text
