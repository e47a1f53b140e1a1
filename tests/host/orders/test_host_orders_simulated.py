"""Where a backtest leaves a position for Freqpilot: tables of candles, and the trade beside each.

One backtest plays all tables, each as a pair of its own. Three weeks of days with a range of 4 %
come before them, so the catastrophe stop is 12 % away; an entry fills at 100.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import ExitCheckTuple, ExitType

from candle_files import write_candles
from freqpilot.host.account.begin import begin
from freqpilot.host.account.interventions import Interventions
from freqpilot.host.boot.doors import config_dir
from freqpilot.host.orders import simulated
from freqpilot.host.orders.wayout import CATASTROPHE, NEAR_LIQUIDATION, REDUCED, WaysOut
from freqpilot.host.run.current import current, end
from freqpilot.journal.backtest import BacktestRun, load_run
from freqpilot.journal.interventions import interventions_of
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest
from freqpilot.risk.exits.dailyrange import NONE

START = datetime(2026, 1, 22, tzinfo=UTC)
FLAT = (100.0, 102.01, 98.01, 100.0)
STRATEGY = """
from freqtrade.strategy import IStrategy

class Tables(IStrategy):
    timeframe = "1h"
    stoploss = -0.99
    minimal_roi = {"0": 0.1}
    position_adjustment_enable = True

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["volume"] == 7, ["enter_long", "enter_tag"]] = (1, "table")
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["volume"] == 9, "exit_long"] = 1
        return dataframe

    def adjust_trade_position(self, trade, current_profit, **kwargs):
        first = trade.pair == "ADDED/USDT" and trade.nr_of_successful_entries == 1
        return trade.stake_amount if first and current_profit < -0.04 else None

    def confirm_trade_exit(self, exit_reason, **kwargs):
        return exit_reason != "freqpilot_catastrophe_stop"
"""

# open, high, low, close of the candles after the entry; the hour, price and reason of the exit
Table = tuple[list[tuple[float, float, float, float]], int, float, str]
TABLES: dict[str, Table] = {
    "AT/USDT": ([FLAT, (99, 99, 80, 95)], 1, 88.0, CATASTROPHE),
    "GAP/USDT": ([FLAT, (85, 90, 84, 88)], 1, 85.0, CATASTROPHE),
    "ABOVE/USDT": ([FLAT, (99, 99, 88.5, 99)], 5, 100.0, "force_exit"),
    "ENTRY/USDT": ([(100, 100, 80, 90)], 0, 88.0, CATASTROPHE),
    "BOTH/USDT": ([FLAT, (100, 130, 80, 100)], 1, 88.0, CATASTROPHE),
    "SIGNAL/USDT": ([FLAT, (97, 97, 80, 90)], 1, 97.0, "exit_signal"),
    # A second buy at 95: 97.436 was paid on average, and the stop follows.
    "ADDED/USDT": ([FLAT, (95, 96, 87, 95), (95, 95, 80, 90)], 2, 85.74, CATASTROPHE),
    "YOUNG/USDT": ([FLAT, (99, 99, 81, 95), (99, 99, 79, 90)], 2, 80.0, CATASTROPHE),
}


def candles(pair: str) -> pd.DataFrame:
    """The flat history, an hour with the signal, the table, and flat hours."""
    rows = TABLES[pair][0]
    before = (3 if pair == "YOUNG/USDT" else 21) * 24
    prices = [FLAT] * before + rows + [FLAT] * (10 - len(rows))
    first = pd.Timestamp(START) - pd.Timedelta(hours=before)
    frame = pd.DataFrame(prices, columns=["open", "high", "low", "close"])
    frame.insert(0, "date", pd.date_range(first, periods=len(frame), freq="h"))
    frame["volume"] = 1.0
    frame.loc[before - 1, "volume"] = 7.0
    if pair == "SIGNAL/USDT":
        frame.loc[before, "volume"] = 9.0
    return frame


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> BacktestRun:
    home = tmp_path_factory.mktemp("tables")
    for pair in TABLES:
        write_candles(home / "data", pair, candles(pair))
    (home / "user_data" / "strategies").mkdir(parents=True)
    (home / "user_data" / "strategies" / "Tables.py").write_text(STRATEGY, encoding="utf-8")
    own = {
        "stake_currency": "USDT",
        "stake_amount": 100,
        "dry_run_wallet": 100_000,
        "max_open_trades": 20,
        "entry_pricing": {"price_side": "same"},
        "exit_pricing": {"price_side": "same"},
        "pairlists": [{"method": "StaticPairList"}],
    }
    (home / "config.json").write_text(json.dumps(own), encoding="utf-8")
    options = BacktestOptions(
        home / "data",
        list(TABLES),
        START - timedelta(hours=2),
        START + timedelta(hours=5),
        home / "user_data",
        fee=0.0,
        strategy="Tables",
        configs=[
            home / "config.json",
            *(config_dir() / f"{name}.json" for name in ("freqpilot", "guard")),
        ],
        overlay={"dry_run_wallet": 100_000, "stake_amount": 100},
    )
    return load_run(run_backtest(options), "Tables")


@pytest.mark.slow
@pytest.mark.parametrize("pair", TABLES)
def test_a_backtest_leaves_at_the_level_or_at_the_open_beyond_it(
    played: BacktestRun, pair: str
) -> None:
    _, hour, rate, reason = TABLES[pair]
    (trade,) = played.trades[played.trades["pair"] == pair].to_dict("records")
    assert trade["exit_reason"] == reason
    assert trade["close_rate"] == pytest.approx(rate, abs=0.02)
    assert trade["close_date"] == pd.Timestamp(START) + pd.Timedelta(hours=hour)


@pytest.mark.slow
def test_the_report_counts_what_was_closed(played: BacktestRun) -> None:
    (row,) = (row for row in interventions_of(played) if row["kind"] == "closed")
    closed = sum(reason == CATASTROPHE for *_, reason in TABLES.values())
    assert (row["rule"], row["tag"], row["orders"]) == ("catastrophe_stop", "table", closed)


STRANGER = SimpleNamespace(stoploss=-0.99, order_types={})


@pytest.fixture(autouse=True)
def _no_run_left() -> Iterator[None]:
    yield
    end()


def started(profile: str = "guard", **config: Any) -> None:
    settings = {"risk": {"profile": profile}}
    begin({"freqpilot": settings, "stake_currency": "USDT"}, live=False)
    current().part(WaysOut).begin(lambda *_: NONE, STRANGER, config)


def trade(**change: Any) -> Any:
    """A position whose stop is 20 % away, as its pair has no candles."""
    return SimpleNamespace(
        **{
            "id": 1,
            "pair": "BTC/USDT",
            "is_short": False,
            "open_rate": 100.0,
            "stop_loss": 1.0,
            "liquidation_price": None,
            "open_date_utc": START,
            "leverage": 1.0,
            "stake_amount": 50.0,
            "enter_tag": None,
            "entry_side": "buy",
            "orders": [],
            **change,
        }
    )


def exits(*kinds: ExitType) -> list[Any]:
    return [ExitCheckTuple(exit_type=kind) for kind in kinds]


def ordered(held: Any, *kinds: ExitType, low: float = 0.5, open_at: float = 100.0) -> list[str]:
    found = simulated.with_ours(current(), exits(*kinds), held, open_at, low, 200.0)
    return [str(each.exit_reason or each.exit_type.value) for each in found]


def test_what_the_price_comes_to_first_comes_first() -> None:
    started()
    kinds = (ExitType.EXIT_SIGNAL, ExitType.STOP_LOSS, ExitType.ROI)
    assert ordered(trade(), *kinds) == ["exit_signal", CATASTROPHE, "stop_loss", "roi"]
    near = trade(stop_loss=95.0)
    assert ordered(near, *kinds) == ["exit_signal", "stop_loss", "roi", CATASTROPHE]
    assert ordered(trade(), ExitType.ROI, low=80.1) == ["roi"]


@pytest.mark.parametrize(
    ("change", "low", "high", "open_at", "planned"),
    [
        ({}, 79.0, 101.0, 100.0, (CATASTROPHE, 80.0)),
        ({}, 60.0, 79.0, 70.0, (CATASTROPHE, 70.0)),
        ({"is_short": True}, 99.0, 121.0, 100.0, (CATASTROPHE, 120.0)),
        ({"is_short": True}, 120.0, 150.0, 130.0, (CATASTROPHE, 130.0)),
        ({"liquidation_price": 90.0}, 94.0, 101.0, 100.0, (REDUCED, 95.0)),
        ({"liquidation_price": 90.0}, 91.0, 101.0, 100.0, (NEAR_LIQUIDATION, 92.5)),
        ({"liquidation_price": 60.0}, 61.0, 101.0, 100.0, (CATASTROPHE, 80.0)),
        (
            {"is_short": True, "entry_side": "sell", "liquidation_price": 110.0},
            99.0,
            106.0,
            100.0,
            (REDUCED, 105.0),
        ),
    ],
)
def test_on_futures_the_way_to_the_liquidation_is_left_before_its_end(
    change: dict[str, Any],
    low: float,
    high: float,
    open_at: float,
    planned: tuple[str, float],
) -> None:
    started(trading_mode="futures", margin_mode="isolated")
    simulated.with_ours(current(), [], trade(**change), open_at, low, high)
    way, price = current().part(WaysOut).planned[1]
    assert (way.reason, pytest.approx(price)) == planned


def test_a_position_is_reduced_once() -> None:
    started(trading_mode="futures", margin_mode="isolated")
    sold = SimpleNamespace(
        ft_order_side="sell", ft_order_tag=REDUCED, safe_filled=1.0, ft_is_open=False
    )
    held = trade(liquidation_price=90.0, orders=[sold])
    assert ordered(held, low=94.0) == []
    bought = SimpleNamespace(ft_order_side="buy", ft_order_tag=None, safe_filled=1.0)
    held.orders.append(bought)
    assert ordered(held, low=94.0) == [REDUCED], "what was bought since is another position"


def test_who_only_watches_leaves_nothing_and_counts_it_once() -> None:
    started("watch")
    assert [ordered(trade()) for _ in range(3)] == [[], [], []]
    assert current().part(WaysOut).planned == {}
    (row,) = current().part(Interventions).rows()
    assert (row["kind"], row["rule"], row["orders"]) == ("would close", "catastrophe_stop", 1)


def test_a_reduction_sells_a_part_at_its_price() -> None:
    started(trading_mode="futures", margin_mode="isolated")
    held = trade(
        liquidation_price=90.0,
        amount=3.0,
        amount_precision=1.0,
        contract_size=1.0,
        price_precision=0.01,
        precision_mode_price=4,
    )
    row: tuple[Any, ...] = (START, 100.0, 101.0, 94.0, 96.0)
    simulated.with_ours(current(), [], held, *row[1:2], low=row[3], high=row[2])
    order = SimpleNamespace(ft_order_tag=REDUCED, ft_is_open=True, amount=3.0, remaining=3.0)
    backtester: Any = SimpleNamespace(precision_mode=4)
    simulated.at_our_price(current(), backtester, held, order, row)
    assert (order.amount, order.remaining, order.ft_price) == (1.0, 1.0, 95.0)
    assert (order.price, order.average) == (95.0, 95.0)
