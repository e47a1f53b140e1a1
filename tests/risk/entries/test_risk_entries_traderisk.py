"""What a trade may lose at its stop bounds its stake."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from freqpilot.risk.entries.limits import fit, reason, reported
from freqpilot.risk.entries.traderisk import risk_caps
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Book, OrderRequest, Position

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
SETTINGS = RiskSettings()
BOOK = Book(stamp=NOW, equity=1000, peak=1000, start=1000, day_start=1000, week_start=1000)
ORDER = OrderRequest(
    time=NOW, pair="BTC/USDT", side="long", purpose="add", stake=200, rate=1.0, stop_distance=0.5
)


def test_a_stake_is_cut_so_that_its_stop_costs_the_budget() -> None:
    verdict = fit(ORDER, BOOK, SETTINGS)
    assert verdict.stake * 0.5 == pytest.approx(0.05 * 1000)
    assert [cut.rule for cut in verdict.cuts] == ["trade_risk"]
    assert "its stop 50.0% away may cost 5.0% of equity" in reason(
        "trade_risk", ORDER, BOOK, SETTINGS
    )


def test_what_the_trade_holds_counts() -> None:
    book = replace(BOOK, positions=(Position("BTC/USDT", "long", 60, 60),))
    assert fit(ORDER, book, SETTINGS).stake == pytest.approx(40)


@pytest.mark.parametrize(("leverage", "room"), [(1.0, 500.0), (3.0, 500 / 3), (20.0, 50.0)])
def test_leverage_brings_the_loss_nearer_and_a_position_loses_no_more_than_its_stake(
    leverage: float, room: float
) -> None:
    order = replace(ORDER, stop_distance=0.1, leverage=leverage)
    (cap,) = risk_caps(order, BOOK, SETTINGS)
    assert cap.room(1000) == pytest.approx(room)


def test_a_strategy_that_is_sized_by_its_own_stop_has_no_such_cap() -> None:
    assert risk_caps(replace(ORDER, stop_distance=None), BOOK, SETTINGS) == ()


def test_it_may_be_reported_alone() -> None:
    settings = RiskSettings(report_only=("trade_risk",))
    order = replace(ORDER, stake=140)
    assert fit(order, BOOK, settings).stake == 140
    (cut,) = reported(order, BOOK, settings)
    assert (cut.rule, cut.stake) == ("trade_risk", pytest.approx(100))
