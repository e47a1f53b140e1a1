"""The arithmetic of a report, against figures worked out by hand (see conftest) and by property."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.journal.backtest import load_run
from freqpilot.journal.candles import is_synthetic, prices
from freqpilot.journal.contributions import analysts, contributions, winners_and_losers
from freqpilot.journal.measures import (
    buy_and_hold,
    costs,
    daily,
    drawdown,
    fills,
    monthly,
    performance,
    profits,
    scorecard,
    turnover,
)
from freqpilot.research import stats


def curve(values, start="2026-01-01", step="h") -> pd.Series:
    index = pd.date_range(start, periods=len(values), freq=step, tz="UTC")
    return pd.Series(values, index=index, dtype=float)


@pytest.fixture
def run(export):
    return load_run(export.write())


def test_fees_and_profit_before_them(run):
    paid = costs(run)
    assert paid.traded == pytest.approx(824)
    assert paid.fees == pytest.approx(0.824)
    assert paid.net == pytest.approx(3.176)
    assert paid.before == pytest.approx(4.0)
    assert paid.share == pytest.approx(0.206)


def test_share_of_a_loss_is_undefined(export):
    export.trades = (export.trades[1],)
    paid = costs(load_run(export.write()))
    assert paid.before == pytest.approx(-16)
    assert math.isnan(paid.share)


def test_each_order_is_a_fill_and_its_cost_is_without_fee(run):
    done = fills(run.trades)
    assert list(done["trade"]) == [0, 0, 1, 1, 2, 2, 2]
    assert list(done["value"]) == pytest.approx([100, 110, 200, 184, 60, 50, 120])
    assert list(done["entry"]) == [True, False, True, False, True, True, False]


def test_fills_without_orders(run):
    trades = run.trades.assign(orders=None)
    assert fills(trades)["value"].sum() == pytest.approx(824)
    assert profits(trades).tolist() == pytest.approx(run.trades["profit_abs"].tolist())


@pytest.mark.parametrize("orders", [True, False])
def test_entries_pay_the_entry_fee_and_exits_the_exit_fee(run, orders):
    trades = run.trades.assign(fee_open=0.001, fee_close=0.004)
    if not orders:
        trades = trades.assign(orders=None)
    done = fills(trades)
    entry = done["entry"]
    assert done["fee"][entry].sum() == pytest.approx(0.001 * (100 + 200 + 60 + 50))
    assert done["fee"][~entry].sum() == pytest.approx(0.004 * (110 + 184 + 120))
    assert (done["fee"] / done["value"])[entry].tolist() == pytest.approx([0.001] * entry.sum())


def test_an_order_that_was_never_filled_is_no_fill(run):
    orders = [*run.trades["orders"][0]]
    orders.insert(1, orders[0] | {"order_filled_timestamp": None})
    trades = run.trades.iloc[:1].assign(orders=[orders])
    assert list(fills(trades)["value"]) == pytest.approx([100, 110])


def test_profits_follow_from_fills(run, profits):
    from freqpilot.journal.measures import profits as computed

    assert computed(run.trades).tolist() == pytest.approx(profits)


def test_profit_of_a_short_and_of_funding(run):
    trades = run.trades.assign(is_short=True, funding_fees=-0.5)
    assert profits(trades).tolist() == pytest.approx(
        [-10 - 0.21 - 0.5, 16 - 0.384 - 0.5, -10 - 0.23 - 0.5]
    )


def test_funding_is_a_cost(export):
    run = load_run(export.write())
    run.trades["funding_fees"] = -0.5
    paid = costs(run)
    assert paid.funding == pytest.approx(1.5)
    assert paid.before == pytest.approx(3.176 + 0.824 + 1.5)


def test_turnover_is_traded_value_over_mean_equity_a_year(run):
    assert turnover(run) == pytest.approx(824 / run.equity.mean() * 365 / 3)


def test_daily_closes_at_midnight(run, moment):
    days = daily(run.equity)
    assert days.tolist() == pytest.approx([1000, 1009.79, 997.79, 1003.176])
    assert days.index[1] == pd.Timestamp(moment(0))


def test_daily_fills_days_without_a_value():
    equity = curve([100, 110, 120], step="60h")
    assert daily(equity).tolist() == [100, 100, 100, 110, 110, 120]


def test_monthly_returns(run):
    months = monthly(run.equity)
    assert [f"{time:%Y-%m}" for time in months.index] == ["2026-01", "2026-02"]
    assert months.tolist() == pytest.approx([997.79 / 1000 - 1, 1003.176 / 997.79 - 1])


def test_drawdown_is_from_the_highest_so_far(run):
    assert drawdown(run.equity).min() == pytest.approx(983.406 / 1010 - 1)
    assert performance(run.equity).max_drawdown == pytest.approx(1 - 983.406 / 1010)


@given(st.lists(st.floats(50, 150), min_size=30, max_size=200))
def test_months_compound_to_the_total(values):
    equity = curve(values, step="13h")
    total = performance(equity).total
    assert np.prod(1 + monthly(equity)) - 1 == pytest.approx(total)
    fall = drawdown(equity)
    assert ((fall <= 0) & (fall > -1)).all()


@given(st.lists(st.floats(50, 150), min_size=30, max_size=200))
def test_ratios_agree_with_research_stats(values):
    equity = curve(values, step="13h")
    days = daily(equity).to_numpy()
    returns = np.diff(days) / days[:-1]
    ours = performance(equity)
    for mine, theirs in (
        (ours.sharpe, stats.sharpe(returns, 365)),
        (ours.sortino, stats.sortino(returns, 365)),
    ):
        if math.isfinite(mine) and math.isfinite(theirs):
            assert mine == pytest.approx(theirs)


def test_flat_equity_has_no_ratios():
    ours = performance(curve([100.0] * 100))
    assert ours.total == 0
    assert ours.max_drawdown == 0
    assert math.isnan(ours.sharpe)
    assert math.isnan(ours.sortino)


def test_month_is_compounded():
    ours = performance(curve([100.0] + [110.0] * (365 * 24 // 12 * 12), step="h"))
    days = 365
    assert ours.month == pytest.approx(1.1 ** (365 / 12 / days) - 1)


def test_prices_are_known_at_the_end_of_their_candle(datadir, run, moment):
    found = prices(datadir, run.pairs, "1h", run.timerange)
    line = found["A/USDT"]
    assert line.index[0] == pd.Timestamp(moment(0))
    assert line.index[-1] == pd.Timestamp(moment(72))
    assert line[pd.Timestamp(moment(20))] == 11.0
    assert line[pd.Timestamp(moment(19))] == 10.0


def test_missing_or_broken_candles_are_left_out(datadir, run):
    (datadir / "A_USDT-1h.feather").unlink()
    (datadir / "B_USDT-1h.feather").write_bytes(b"broken")
    assert prices(datadir, run.pairs, "1h", run.timerange) == {}


def test_synthetic_marker(datadir):
    assert not is_synthetic(datadir)
    (datadir / "SYNTHETIC.md").write_text("# SYNTHETIC")
    assert is_synthetic(datadir)


def test_buy_and_hold_pays_one_fee(datadir, run):
    found = prices(datadir, run.pairs, "1h", run.timerange)
    held = buy_and_hold(found, 1000, 0.001)
    assert held.iloc[0] == 1000
    assert held.iloc[-1] == pytest.approx(1000 * 0.999 * (12 / 10 + 47 / 50) / 2)


def test_buy_and_hold_waits_in_cash_for_a_late_listing():
    early, late = curve([10, 20, 20, 20]), curve([5, 10]).shift(2, freq="h")
    held = buy_and_hold({"A": early, "B": late}, 100, 0)
    assert held.tolist() == [100, 150, 150, 200]
    assert buy_and_hold({}, 100, 0).empty


def test_scorecard(run):
    scores = {score.name: score for score in scorecard(run)}
    assert scores["Win rate"].measured == pytest.approx(2 / 3)
    assert scores["Win rate"].verdict == "target met"
    assert scores["Reward to risk"].measured == pytest.approx((9.79 + 9.77) / 2 / 16.384)
    assert scores["Reward to risk"].verdict == "below minimum"
    assert scores["Profit factor"].measured == pytest.approx((9.79 + 9.77) / 16.384)
    assert scores["Max drawdown"].verdict == "target met"
    assert math.isnan(scores["Sharpe ratio, a year"].baseline)


def test_scorecard_measures_the_baseline(run):
    scores = {score.name: score for score in scorecard(run, curve([100.0, 80, 90], step="D"))}
    assert scores["Max drawdown"].baseline == pytest.approx(0.2)
    assert math.isnan(scores["Win rate"].baseline)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [(0.1, "target met"), (0.2, "minimum met"), (0.3, "below minimum"), (math.nan, "not measured")],
)
def test_lower_drawdown_is_better(run, measured, verdict):
    line = next(score for score in scorecard(run) if score.name == "Max drawdown")
    assert replace(line, measured=measured).verdict == verdict


def test_nothing_is_measured_without_trades(export):
    export.trades = ()
    run = load_run(export.write())
    assert {score.verdict for score in scorecard(run)} == {"not measured"}
    assert costs(run).fees == 0
    assert turnover(run) == 0


def test_trades_are_joined_to_the_candle_before_their_entry(run, moment):
    joined = contributions(run)
    assert list(joined["pair"]) == ["A/USDT", "B/USDT", "A/USDT"]
    expected = [pd.Timestamp(moment(hour)) for hour in (4, 29, 54)]
    assert list(joined["signal_date"]) == expected
    assert list(joined["contrib_technical_trend"]) == [0.20, 0.30, -0.05]
    assert joined["composite"].tolist() == pytest.approx([0.55, 0.55, 0.55])


def test_entry_within_a_candle_takes_the_last_closed_one(run):
    run.trades["open_date"] = run.trades["open_date"] + pd.Timedelta(minutes=25)
    assert len(contributions(run)) == 3


def test_winners_and_losers(run):
    joined = contributions(run)
    assert sorted(analysts(joined)) == ["model_forecast", "technical_momentum", "technical_trend"]
    table = winners_and_losers(joined)
    assert table.loc["technical_trend", "winners"] == pytest.approx(0.075)
    assert table.loc["technical_trend", "losers"] == pytest.approx(0.30)


def test_strategy_without_contributions_joins_nothing(export):
    run = load_run(export.write())
    a, b = run.signals["A/USDT"], run.signals["B/USDT"]
    signals = {"A/USDT": a.iloc[:, :0], "B/USDT": b.drop(columns="date")}
    assert contributions(replace(run, signals=signals)).empty
