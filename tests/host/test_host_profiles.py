"""Real backtests of a strategy that is not the pack's, alone and under each profile, on invented
candles: watch changes no trade, guard and full keep their limits without turning the bot off."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from freqpilot.host.boot.doors import config_dir
from freqpilot.journal.backtest import BacktestRun, load_run
from freqpilot.journal.interventions import interventions_of
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest
from freqpilot.rehearsal.market.synthetic import SyntheticMarket

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("profiles")]  # one backtest alone for all

START = datetime(2026, 1, 1, tzinfo=UTC)
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
STRATEGY = """
from freqtrade.strategy import IStrategy

class Stranger(IStrategy):
    timeframe = "1h"
    stoploss = -0.99
    minimal_roi = {"0": 0.02, "1440": -1}
    startup_candle_count = 30
    position_adjustment_enable = True
    max_entry_position_adjustment = 1

    def populate_indicators(self, dataframe, metadata):
        dataframe["mean"] = dataframe["close"].rolling(24).mean()
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        low = dataframe["close"] < dataframe["mean"]
        dataframe.loc[low, ["enter_long", "enter_tag"]] = (1, "below the mean")
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = 0
        return dataframe

    def adjust_trade_position(self, trade, current_profit, **kwargs):
        return trade.stake_amount if current_profit < -0.03 else None
"""
CONFIG: dict[str, Any] = {
    "stake_currency": "USDT",
    "stake_amount": 2_000,
    "max_open_trades": 4,
    "dry_run": True,
    "dry_run_wallet": 10_000,
    "timeframe": "1h",
    "exchange": {"name": "binance", "pair_whitelist": list(PAIRS)},
    "pairlists": [{"method": "StaticPairList"}],
    "entry_pricing": {"price_side": "same"},
    "exit_pricing": {"price_side": "same"},
}


BUDGETS: dict[str, Any] = {
    "freqpilot": {
        "risk": {
            "trade": {"max_loss": 0.10, "max_additions": 0},
            "catastrophe_stop": {"enabled": False},  # it would bound the loss
            "tags": {"low": {"tags": ["below*"], "max_trades": 2}},
        }
    }
}


class Played:
    """The results by profile, each played when it is first asked for; ``alone`` is without
    Freqpilot's layer."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._found: dict[str, BacktestRun] = {}

    def __getitem__(self, name: str) -> BacktestRun:
        if name not in self._found:
            self._found[name] = self._play(name)
        return self._found[name]

    def _play(self, name: str) -> BacktestRun:
        layers = [] if name == "alone" else [config_dir() / "freqpilot.json"]
        layers += [config_dir() / f"{name}.json"] if name in ("watch", "guard") else []
        layers += [config_dir() / "guard.json", self._home / "budgets.json"] * (name == "budgets")
        options = BacktestOptions(
            self._home / "data",
            PAIRS,
            START + timedelta(days=3),
            START + timedelta(days=29),
            self._home / "user_data",
            strategy="Stranger",
            configs=[self._home / "config.json", *layers],
            output=self._home / name,
            overlay={key: CONFIG[key] for key in ("dry_run_wallet", "stake_amount")},
        )
        return load_run(run_backtest(options), "Stranger")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    home = tmp_path_factory.mktemp("profiles")
    SyntheticMarket(PAIRS, 60, START, 24 * 30, 7).write_candles(home / "data")
    (home / "user_data" / "strategies").mkdir(parents=True)
    (home / "user_data" / "strategies" / "Stranger.py").write_text(STRATEGY, encoding="utf-8")
    (home / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (home / "budgets.json").write_text(json.dumps(BUDGETS), encoding="utf-8")
    return Played(home)


def largest(run: BacktestRun) -> float:
    """The most that went into one trade."""
    return max(
        sum(order["amount"] * order["safe_price"] for order in orders if order["ft_is_entry"])
        for orders in run.trades["orders"]
    )


def kinds(run: BacktestRun) -> set[str]:
    return {str(row["kind"]) for row in interventions_of(run)}


def test_watch_changes_no_trade_and_says_what_it_would_have_done(
    played: Played,
) -> None:
    alone, watch = played["alone"].trades, played["watch"].trades
    assert len(alone) > 20
    shared = [name for name in alone.columns if name != "orders"]
    pd.testing.assert_frame_equal(alone[shared], watch[shared])
    assert list(alone["orders"]) == list(watch["orders"])
    assert kinds(played["watch"]) == {"would cut", "would refuse"}


def test_guard_leaves_a_quarter_to_a_trade_with_its_additions(
    played: Played,
) -> None:
    assert largest(played["alone"]) > 0.3 * 10_000
    assert largest(played["guard"]) <= 0.25 * played["guard"].equity.max()
    assert {"cut", "reported"} <= kinds(played["guard"])
    assert {str(row["tag"]) for row in interventions_of(played["guard"])} >= {"below the mean"}


def test_full_cuts_and_does_not_turn_the_bot_off(played: Played) -> None:
    assert largest(played["full"]) <= 0.08 * played["full"].equity.max()
    assert len(played["full"].trades) > 10
    assert "cut" in kinds(played["full"])


def test_a_real_backtest_keeps_the_budgets_of_trades_and_tags(played: Played) -> None:
    """With a stop 99 % away nearly all of a stake can be lost."""
    run = played["budgets"]
    assert len(run.trades) > 10
    assert largest(run) <= 0.10 / 0.99 * run.equity.max() * 1.001
    entries = [[o for o in orders if o["ft_is_entry"]] for orders in run.trades["orders"]]
    assert {len(each) for each in entries} == {1}
    for opened in run.trades["open_date"]:
        beside = (run.trades["open_date"] <= opened) & (run.trades["close_date"] > opened)
        assert beside.sum() <= 2
    rules = {str(row["rule"]) for row in interventions_of(run)}
    assert rules >= {"trade_budget", "trade_additions", "tag_trades"}
