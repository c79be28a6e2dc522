"""Settings that would break a promise are refused, by name."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.controller.config import ControllerConfig

SECOND = timedelta(seconds=1)


def test_t_is_the_deadline_the_tcp_timeout_and_the_list_lag() -> None:
    assert ControllerConfig(gateway="g").settle_after == 100 * SECOND
    assert ControllerConfig(gateway="g", list_lag=90 * SECOND).settle_after == 130 * SECOND
    assert ControllerConfig(gateway="g", settle=500 * SECOND).settle_after == 500 * SECOND


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"settle": 99 * SECOND}, "settle"),
        ({"list_lag": SECOND}, "list_lag"),
        ({"gateway": ""}, "gateway"),
        ({"lease_margin": 10 * SECOND}, "lease_margin"),
        ({"poll_interval": -SECOND}, "poll_interval"),
        ({"max_ambiguous": 0}, "max_ambiguous"),
        ({"submits_in_flight": 0}, "submits_in_flight"),
    ],
)
def test_less_is_refused(changes: dict[str, Any], setting: str) -> None:
    with pytest.raises(ValueError, match=f"^{setting}:"):
        ControllerConfig(**{"gateway": "g", **changes})
