"""How rounds of gets by gRPC and by REST are compared. No test looks at a time that was measured."""

import pytest

from bench.rest import Round, compared


@pytest.mark.parametrize(("rest", "verdict"), [(5.0, "ok"), (5.1, "MISSED")])
def test_a_get_by_rest_may_take_three_milliseconds_more(rest: float, verdict: str) -> None:
    row, beside = compared("BatchJobs", [Round(grpc=2.0, rest=rest)])
    assert (row.measured, row.target, row.verdict) == (f"{rest - 2:.2f} ms", "≤ 3 ms", verdict)
    assert beside.measured == f"2.00 and {rest:.2f} ms"


def test_each_round_is_compared_with_itself() -> None:
    """A machine that is slow for one round is slow for both of its halves."""
    row, _ = compared("BatchJobs", [Round(2.0, 3.0), Round(12.0, 13.0), Round(1.0, 5.0)])
    assert row.measured == "1.00 ms"
