"""Strategies as strangers write them: each loads, and watch changes no trade and no order of any.

The zoo itself, on real candles, is ``python -m benchmarks anystrategy``.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from freqtrade.resolvers import StrategyResolver

from benchmarks.safety import anystrategy, anystrategy_page
from benchmarks.support import zoo
from benchmarks.support.candles import frame_in
from benchmarks.support.result import Result
from freqpilot.host.boot.doors import config_dir
from freqpilot.journal.backtest import BacktestRun, load_run
from freqpilot.journal.interventions import interventions_of
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest
from freqpilot.rehearsal.market.synthetic import SyntheticMarket

START = datetime(2026, 1, 1, tzinfo=UTC)
BEGIN, END = START + timedelta(days=8), START + timedelta(days=11)
PAIRS = zoo.PAIRS[:3]
PLAYED = [each.name for each in zoo.ZOO if not each.futures and "freqai" not in each.config]


@pytest.mark.parametrize("animal", zoo.ZOO, ids=lambda each: each.name)
def test_each_loads_as_its_owner_would_load_it(animal: zoo.Animal, tmp_path: Path) -> None:
    config = {**zoo.config_of(animal), "strategy": animal.name, "user_data_dir": tmp_path}
    config |= {"strategy_path": str(zoo.STRATEGIES), "candle_type_def": "spot", "runmode": "other"}
    loaded = StrategyResolver.load_strategy(config)
    assert loaded.timeframe == "5m"
    assert (loaded.stoploss == -0.99) == (animal.name in zoo.STOPLESS)


def played(home: Path, profile: str) -> dict[str, BacktestRun]:
    """Return the backtests of all that are played, of one process."""
    layers = [] if profile == "alone" else [config_dir() / "freqpilot.json"]
    layers += [] if profile == "alone" else [config_dir() / f"{profile}.json"]
    options = BacktestOptions(
        home / "data",
        PAIRS,
        BEGIN,
        END,
        home / "user_data",
        strategy="",
        strategy_path=zoo.STRATEGIES,
        timeframe="5m",
        configs=[home / "config.json", *layers],
        output=home / profile,
        overlay={"strategy_list": PLAYED},
    )
    file = run_backtest(options)
    return {name: load_run(file, name) for name in PLAYED}


@pytest.mark.slow
def test_watch_changes_no_trade_and_no_order_of_any(tmp_path: Path) -> None:
    market = SyntheticMarket(PAIRS, 5, START, 288 * 11, 7)
    market.write_candles(tmp_path / "made")
    (tmp_path / "user_data").mkdir()
    for pair in PAIRS:
        made = frame_in(tmp_path / "made", pair, "5m")
        zoo.write_pair(tmp_path / "data", pair, made)
    config = zoo.config_of(zoo.Animal("all", "", {"stake_amount": 4_000, "max_open_trades": 2}))
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    alone, watch = played(tmp_path, "alone"), played(tmp_path, "watch")
    assert {name: anystrategy.differences(alone[name], watch[name]) for name in PLAYED} == (
        dict.fromkeys(PLAYED, 0)
    )
    assert all(len(run.trades) for run in alone.values())
    assert any(interventions_of(run) for run in watch.values())
    said = (tmp_path / "watch" / "logs" / "backtest.log").read_text(encoding="utf-8")
    assert said.rindex("STRATEGY SUMMARY") < said.index(
        "what Freqpilot would have cut, refused and closed"
    )
    changed = watch["EightSteps"].trades.copy()
    changed.at[0, "orders"] = [{**order, "amount": 1.0} for order in changed.at[0, "orders"]]
    assert differs(alone["EightSteps"], changed) == 1
    assert differs(alone["EightSteps"], changed.iloc[1:]) > 1


def differs(run: BacktestRun, trades: pd.DataFrame) -> int:
    other = BacktestRun(**{**vars(run), "trades": trades.reset_index(drop=True)})
    return anystrategy.differences(run, other)


def candles(count: int = 30) -> pd.DataFrame:
    date = pd.date_range(START, periods=count, freq="5min")
    prices = dict.fromkeys(("open", "high", "low", "close"), 100.0)
    return pd.DataFrame({"date": date, **prices, "volume": 1.0})


def test_an_injected_crash_takes_half_within_an_hour() -> None:
    at = START + timedelta(minutes=25)
    fallen = zoo.fallen(candles(), at)
    assert (fallen["close"][:5] == 100).all()
    assert fallen["close"][5 + zoo.FALL_CANDLES - 1 :].eq(50).all()
    assert fallen["open"][6:].to_numpy() == pytest.approx(fallen["close"][5:-1].to_numpy())
    assert (fallen["high"] >= fallen[["open", "close"]].max(axis=1)).all()
    assert (fallen["low"] <= fallen[["open", "close"]].min(axis=1)).all()
    gone = zoo.fallen(candles(), at, ends=True)
    assert gone["date"].max() == pd.Timestamp(at) + pd.Timedelta("55min")


def test_a_crash_strikes_what_is_held_longest_of_the_second_day() -> None:
    times = [START + timedelta(hours=hours) for hours in (2, 30, 32, 60)]
    held = pd.to_timedelta([90, 1, 5, 80], unit="h")
    trades = pd.DataFrame({"pair": list("ABCD"), "open_date": pd.to_datetime(times)})
    trades["close_date"] = trades["open_date"] + held
    run: Any = type("Run", (), {"trades": trades, "timerange": (START, END)})
    assert anystrategy.struck(run) == ("C", times[2] + timedelta(minutes=30))
    run.trades = trades[:1]
    assert anystrategy.struck(run) is None


def test_the_worst_day_begins_with_its_own_equity() -> None:
    hours = pd.date_range(START, periods=48, freq="1h")
    equity = pd.Series(100.0, index=hours)
    equity.iloc[10:24], equity.iloc[24:] = 90.0, 95.0
    equity.iloc[30] = 91.2
    assert anystrategy.worst_day(equity) == pytest.approx(0.1)
    assert anystrategy.two_candles(equity) == pytest.approx(0.1)


def test_a_missing_entry_is_lost_where_one_was_refused() -> None:
    alone = run_of([1, 2, 3, 4])
    assert anystrategy.at_same_candle(alone, run_of([1, 2, 4, 9])) == 0.75
    assert anystrategy.kept(alone, run_of([1, 9], refused=9)) == 0.25
    assert anystrategy.kept(alone, run_of([1, 9], refused=1)) == 0.75
    assert anystrategy.kept(alone, run_of([1, 9])) == 1


def run_of(times: list[int], refused: int = 0) -> Any:
    entry = {"ft_is_entry": True, "order_filled_timestamp": 0}
    left = {"ft_is_entry": False, "order_filled_timestamp": 7}
    orders = [[{**entry, "order_filled_timestamp": time}, left] for time in times]
    trades = pd.DataFrame({"pair": "BTC/USDT", "orders": orders})
    rows = [{"kind": "refused", "rule": "max_exposure", "orders": refused}] if refused else []
    config = {"freqpilot": {"run": {"interventions": rows}}}
    return type("Run", (), {"trades": trades, "config": config})


def test_the_page_names_what_was_missed() -> None:
    by = {"worst day": 0.3, "drawdown": 0.3, "two candles": 0.01, "final": 0.7}
    account: dict[str, Any] = {"entries": 9, "return": 0.1, "drawdown": 0.2, "halts": 1}
    account |= {"cut": {"max_position": 4}, "refused": {}}
    animal = {
        **{
            "traits": "bold",
            "changed under watch": 0,
            "kept under guard": 0.95,
            "at the same candle": 0.9,
        },
        **{"cpu of watch to alone": 1.1, "profiles": dict.fromkeys(zoo.PROFILES, account)},
    }
    figures = {
        "strategies": {"Bold": animal},
        "crashes": {"Bold": {"one": dict.fromkeys(("alone", "guard", "full"), by)}},
        "start": {"plain, s": 4.0, "added, s": 0.9, "plain, MiB": 400.0, "added, MiB": 90.0},
    }
    about = {"period": ["a", "b"], "pairs": [], "timeframe": "5m", "version": "1"}
    found = Result("anystrategy", figures, anystrategy.targets(figures), about=about)
    assert found.missed == [
        *("Bold, crash of one, guard: worst day", "Bold, crash of one, guard: drawdown"),
        *("Bold, crash of one, full: worst day", "Bold, crash of one, full: drawdown"),
    ]
    text = anystrategy_page.section(found.document())
    assert "| `Bold` | bold | 9 | 0 | 95.0 % | 90.0 % | 9 | 9 |" in text
    assert "4 of 9 targets were missed: Bold, crash of one, guard: worst day (0.3)" in text
