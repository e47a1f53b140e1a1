"""EventDriven on SYNTHETIC candles of perpetuals with planted facts: a coin an event."""

from pathlib import Path
from typing import Any

import pytest
from fact_stage import CALM, Child, Row, Stage, by_coin, ended, hours

from freqpilot.shapes import Fact

pytestmark = pytest.mark.slow

FLAT: list[Row] = [CALM]


def told(
    coin: str,
    kind: str,
    event: float,
    known: float,
    *sources: str,
    value: float = 1.0,
) -> list[Fact]:
    """Return the reports of sources, in hours from the entry."""
    return [
        Fact(source, coin, f"event_{kind}", value, hours(event), hours(known))
        for source in sources or ("one",)
    ]


def past(coin: str, change: float, count: int) -> list[Fact]:
    """Return what followed past upgrades."""
    return [
        Fact("own", coin, "event_upgrade_return", change, hours(-100 * n), hours(24 - 100 * n))
        for n in range(1, count + 1)
    ]


LONG = {"BTC", "SOL", "LINK", "LTC"}
SHORT = {"DOGE", "AVAX"}
FACTS = [
    *told("BTC", "listing", 20, -0.5),
    *told("ETH", "listing", -0.5, -0.5),  # it has happened
    *told("SOL", "partnership", -1, -0.5),
    *told("XRP", "partnership", -7, -0.5),  # too late
    *told("ADA", "hack", -1, -0.5),  # one source
    *told("DOGE", "hack", -1, -0.5, "one", "two"),
    *told("LTC", "listing", 40, -0.5),
    *told("LTC", "hack", 9.5, 9.5, "one", "two"),
    *told("LINK", "upgrade", -1, -0.5),
    *past("LINK", 0.05, 5),
    *told("DOT", "upgrade", -1, -0.5),
    *past("DOT", 0.05, 4),  # too few
    *told("AVAX", "upgrade", -1, -0.5),
    *past("AVAX", -0.05, 5),
]


def test_each_event_is_answered_as_the_table_says(freqtrade: Child, tmp_path: Path) -> None:
    made = Stage(tmp_path, freqtrade, futures=True)
    coins = dict.fromkeys(fact.asset for fact in FACTS)
    made.candles(dict.fromkeys(coins, FLAT), 110)
    made.know(FACTS)
    config: dict[str, Any] = {"stake_amount": 100, "freqpilot": {"supervisor": False}}
    (found,) = made.backtest("EventDriven", **config).values()
    again = [trade for trade in found if trade["open_timestamp"] > hours(0).timestamp() * 1000]
    trades = by_coin([trade for trade in found if trade not in again])
    assert set(trades) == LONG | SHORT
    for coin, trade in trades.items():
        assert trade["is_short"] == (coin in SHORT)
        beyond = trade["initial_stop_loss_abs"] - trade["open_rate"]
        assert beyond > 0 if coin in SHORT else beyond < 0
    assert ended(trades["BTC"]) == ("exit_signal", 20), "sold when it happens"
    assert ended(trades["LTC"])[1] == 10, "left when two sources tell of the hack"
    # Two half-lives after the event, by the facts, an hour sooner than by the clock.
    assert ended(trades["SOL"])[1] == pytest.approx(24, abs=1)
    assert ended(trades["LINK"])[1] == pytest.approx(48, abs=1)
    assert ended(trades["DOGE"])[1] == pytest.approx(96, abs=1)
    assert ended(trades["AVAX"])[1] == pytest.approx(48, abs=1)
    assert {(trade["pair"], trade["is_short"]) for trade in again} == {("LTC/USDT:USDT", True)}
    steps = [order["ft_order_tag"] for order in trades["BTC"]["orders"]]
    assert steps == ["listing", "reduce", "exit_signal"], "it fades"
