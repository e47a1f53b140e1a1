"""A user's strategy on :mod:`freqpilot.api` alone, which reads facts, through plain
``freqtrade backtesting``."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from freqpilot.facts.store import FactStore
from freqpilot.journal.backtest import load_run
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest
from freqpilot.settings import Settings
from freqpilot.shapes import Fact
from freqpilot.store.urls import facts_url

pytestmark = pytest.mark.slow

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENT = START + 24 * HOUR
KNOWN = EVENT + timedelta(minutes=90)
GONE = EVENT + 6 * HOUR

STRATEGY = """
from freqtrade.strategy import IStrategy
from freqpilot.api import IndicatorBank, add_facts, add_indicators

NAMES = ["sma_5"]


class OnFacts(IStrategy):
    timeframe = "1h"
    minimal_roi = {}
    stoploss = -0.5
    startup_candle_count = IndicatorBank(NAMES).startup

    def populate_indicators(self, dataframe, metadata):
        dataframe = add_indicators(dataframe, NAMES)
        return add_facts(dataframe, metadata["pair"], ["signal"], self.config)

    def populate_entry_trend(self, dataframe, metadata):
        flat = dataframe["sma_5"] == 100
        dataframe["enter_long"] = (flat & (dataframe["signal"] == 1)).astype(int)
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = (dataframe["signal"] == 0).astype(int)
        return dataframe
"""


def test_a_backtest_trades_on_what_was_known(tmp_path: Path) -> None:
    data, code = tmp_path / "data", tmp_path / "strategies"
    data.mkdir()
    code.mkdir()
    (code / "OnFacts.py").write_text(STRATEGY)
    dates = pd.date_range(START - 100 * HOUR, periods=200, freq="1h").as_unit("ms")
    frame = pd.DataFrame({"date": dates, "open": 100.0, "high": 101.0, "low": 99.0})
    frame.assign(close=100.0, volume=1e6).to_feather(data / "BTC_USDT-1h.feather")
    store = FactStore.open(facts_url(Settings(), tmp_path))
    facts = [
        Fact("test", "BTC", "signal", 1.0, EVENT, KNOWN),
        Fact("test", "BTC", "signal", 0.0, GONE, GONE),
        # What is known only after the backtest: it must not undo the trade.
        Fact("test", "BTC", "signal", 0.0, EVENT, START + 2000 * HOUR),
    ]
    store.append(facts, START + 3000 * HOUR)
    store.close()
    before = (tmp_path / "freqpilot-facts.sqlite").read_bytes()
    options = BacktestOptions(
        datadir=data,
        pairs=["BTC/USDT"],
        start=START,
        end=START + 90 * HOUR,
        user_data=tmp_path,
        layers=("base", "freqpilot"),
        overlay={
            "strategy_path": str(code),
            "stake_amount": 50,
            "dry_run_wallet": 1000,
            "pairlists": [
                {"method": "StaticPairList"},
                {"method": "SocialVolume"},
                {"method": "TokenSafety"},
                {"method": "MemeMomentum"},
            ],
        },
        strategy="OnFacts",
    )
    run = load_run(run_backtest(options))
    (trade,) = run.trades.to_dict("records")
    # Known within the second candle after the event, so the third one's opening is the first trade.
    assert trade["open_date"] == EVENT + 2 * HOUR
    assert trade["close_date"] == GONE
    assert (tmp_path / "freqpilot-facts.sqlite").read_bytes() == before
