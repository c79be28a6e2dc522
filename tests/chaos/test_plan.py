"""The schedule of faults follows from the seed, and has every kind of its regime."""

import pytest

from chaos.faults import _CARRIERS
from chaos.plan import BEYOND, Kind, plan
from chaos.sizes import CREATE_DEADLINE, FULL, LIST_LAG, SHORT, TCP_USER_TIMEOUT, Regime


@pytest.mark.parametrize("regime", Regime)
def test_a_seed_repeats_its_schedule(regime: Regime) -> None:
    assert plan(7, regime, SHORT) == plan(7, regime, SHORT)
    assert plan(7, regime, SHORT) != plan(8, regime, SHORT)


@pytest.mark.parametrize("regime", Regime)
def test_a_full_run_has_every_kind_of_its_regime_many_times(regime: Regime) -> None:
    kinds = [planned.kind for planned in plan(1, regime, FULL)]
    assert len(kinds) >= 300
    wanted = set(Kind) - (BEYOND if regime is Regime.WITHIN else set())
    assert set(kinds) == wanted
    assert min(kinds.count(kind) for kind in wanted) >= 8


def test_within_t_no_create_is_on_its_way_and_no_list_lags_for_longer_than_t_allows() -> None:
    for planned in plan(3, Regime.WITHIN, FULL):
        if planned.kind is Kind.CREATE_IN_FLIGHT:
            assert planned.seconds < CREATE_DEADLINE + TCP_USER_TIMEOUT
        if planned.kind is Kind.LIST_LAGS:
            assert planned.seconds < LIST_LAG


def test_every_kind_can_be_carried_out() -> None:
    assert set(_CARRIERS) == set(Kind)
