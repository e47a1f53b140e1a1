"""What the market checks are handed of the book and the candles, in figures."""

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from test_host_gate_market import (  # noqa: F401  # the clock and the run are set for each test
    START,
    Exchange,
    clock,
    frame,
    order,
    refused,
    run,
)

from freqpilot.host.gate import live as livegate
from freqpilot.host.gate.market import Market
from freqpilot.host.run.run import Run
from freqpilot.risk.market import fitness as market
from freqpilot.settings import RiskSettings
from freqpilot.shapes import OrderRequest, RiskVerdict

GRACE = RiskSettings().market.candle_grace_seconds


@pytest.mark.parametrize("side", ["long", "short"])
def test_each_figure_of_the_view(monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(market, "check", lambda view, entry, settings: seen.append((view, entry)))
    fake = Exchange()
    fake.trading_mode = "futures"
    fake.book = {"bids": [[99.9, 20.0], [50.0, 9.0]], "asks": [[100.1, 30.0], [150.0, 9.0]]}
    candles = frame(START - timedelta(minutes=2))
    candles["close"] = [100 + (row % 7) / 100 for row in range(400)]
    candles.loc[398:, "close"] = [100.03, 100.05]
    fake.known["SOL/USDT"] = candles
    livegate.check_order(fake, order(50.0, side="buy" if side == "long" else "sell"))
    ((view, entry),) = seen
    assert (view.bid, view.ask, view.close, view.before) == (99.9, 100.1, 100.05, 100.03)
    assert (view.candle_age, view.timeframe) == (420.0, 300.0)
    depths = (pytest.approx(30 * 100.1), pytest.approx(20 * 99.9))
    assert (view.entry_depth, view.exit_depth) == (depths if side == "long" else depths[::-1])
    true_range = [100.1 - 99.9] * 14
    assert view.atr == pytest.approx(sum(true_range) / 14, rel=1e-6)
    assert (entry.rate, entry.value) == (100.0, 50.0)


class TwoFrames(Exchange):
    """Has hours of the index beside its candles of the strategy's timeframe."""

    def __init__(self, hours: pd.DataFrame) -> None:
        super().__init__()
        self.hours = hours

    def klines(self, key: Any, copy: bool = True) -> pd.DataFrame:
        return self.hours if key[1] == "1h" else super().klines(key, copy)


@pytest.mark.parametrize(("seconds", "missing"), [(0, False), (GRACE, False), (GRACE + 1, True)])
def test_hours_of_the_index_that_end_early_refuse(seconds: float, missing: bool) -> None:
    newest = START - timedelta(hours=2, seconds=seconds)
    hours = frame(newest)
    hours["date"] = [newest - timedelta(hours=399 - row) for row in range(400)]
    hours["close"] *= 1 + 0.0005 * (-1.0) ** hours.index
    fake = TwoFrames(hours)
    if missing:
        refused(fake, "candles of BTC, the index, are missing", "volatility_spike")
    else:
        livegate.check_order(fake, order())


def test_what_the_market_allows_is_the_order_as_it_stands(run: Run) -> None:  # noqa: F811
    asked = OrderRequest(
        time=START,
        pair="SOL/USDT",
        side="long",
        purpose="entry",
        stake=20.0,
        rate=100.0,
        leverage=3.0,
    )
    verdict = run.part(Market).judge(Exchange(), asked, [])
    assert verdict == RiskVerdict(allowed=True, stake=20.0, leverage=3.0)
