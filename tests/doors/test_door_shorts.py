"""The rules that may short do so on SYNTHETIC perpetuals, with stops above the entry."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fact_stage import Child, Stage

from freqpilot.rehearsal.market.synthetic import SyntheticMarket

pytestmark = pytest.mark.slow

SHORTING = ("TrendFollowing", "MeanReversion", "Breakout")
START = datetime(2025, 6, 1, tzinfo=UTC)
DAYS, STARTUP_DAYS = 420, 201
TIMEFRAME = 240
"""Minutes: TrendFollowing needs 200 days, and of 1h Binance gives 104 for perpetuals."""


def test_they_open_shorts_with_stops_above(freqtrade: Child, tmp_path: Path) -> None:
    made = Stage(tmp_path, freqtrade, futures=True)
    market = SyntheticMarket(
        ("BTC/USDT", "ETH/USDT"), TIMEFRAME, START, DAYS * 1440 // TIMEFRAME, 7
    )
    for pair, frame in market.frames.items():
        made.write(pair.partition("/")[0], frame, "4h")
    begin = START + timedelta(days=STARTUP_DAYS + 1)
    found = made.backtest(*SHORTING, since=begin, stake_amount=1_000)
    assert set(found) == set(SHORTING)
    for name, trades in found.items():
        shorts = [trade for trade in trades if trade["is_short"]]
        assert shorts, name
        assert any(not trade["is_short"] for trade in trades), name
        for trade in shorts:
            assert trade["stop_loss_abs"] > trade["open_rate"], name
            assert trade["initial_stop_loss_abs"] > trade["open_rate"], name
            assert trade["leverage"] == 1
            assert trade["orders"][0]["ft_order_side"] == "sell"
