"""The backtest's gate asks the same limits as the live one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.persistence import LocalTrade
from gate_stage import CONFIG, trade

from freqpilot.host.account.begin import begin
from freqpilot.host.account.interventions import Interventions
from freqpilot.host.account.observed import observe
from freqpilot.host.gate import backtest as backtestgate
from freqpilot.host.orders.wayout import WaysOut
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.risk.exits.dailyrange import NONE
from freqpilot.settings import CatastropheStop, Settings


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    """Begin a run whose account of 1,000 was just seen."""
    begun = begin(CONFIG, live=False)
    observe(current(), datetime.now(UTC), 1_000.0)
    yield begun
    end()


def test_the_backtests_gate_asks_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [trade("ETH/USDT", 100)])
    now = current().state.stamp
    assert now is not None
    fine = {"stake": 150.0, "rate": 1.0, "leverage": 1.0}
    assert backtestgate.allowed("BTC/USDT", now, "long", "entry", fine)
    assert not backtestgate.allowed("BTC/USDT", now, "long", "entry", {**fine, "stake": 151.0})
    assert not backtestgate.allowed("BTC/USDT", now, "long", "replace", {**fine, "stake": 151.0})
    assert not backtestgate.allowed("ETH/USDT", now, "long", "add", {**fine, "stake": 51.0})
    assert not backtestgate.allowed(
        "BTC/USDT", now, "long", "entry", {"rate": 1.0}
    )  # raises inside


def test_a_replacement_over_a_limit_never_reaches_the_backtester(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [])
    placed: list[Any] = []
    enter = backtestgate._make_enter(lambda *order: placed.append(order))
    replaced = trade("BTC/USDT", 0, filled=False)
    row = (pd.Timestamp(current().state.stamp),)
    order = {"trade": replaced, "requested_rate": 1.0}
    assert enter(None, "BTC/USDT", row, "long", **order, requested_stake=151.0) is replaced
    assert placed == []
    enter(None, "BTC/USDT", row, "long", **order, requested_stake=150.0)
    assert len(placed) == 1


def test_a_refused_stake_is_none_for_the_backtester(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [])
    now = current().state.stamp
    for stake, kept in ((150.0, 150.0), (151.0, 0.0)):
        ask = backtestgate._make_stake(lambda *_, stake=stake: (1.0, stake, 1.0, 5.0))
        call = ("BTC/USDT", (), 1.0, stake, "long", now, None, None, "limit", None, 1)
        assert ask(None, *call) == (1.0, kept, 1.0, 5.0)


@pytest.fixture
def cuts(run: Run) -> Run:
    """Return the run, which cuts stakes above the limits now."""
    risk = run.settings.risk.model_copy(update={"oversized": "cut"})
    run.settings = run.settings.model_copy(update={"risk": risk})
    return run


def backtester(least: float = 5.0, **strategy: Any) -> Any:
    """Return what the gate reads of Freqtrade's backtester."""
    exchange = SimpleNamespace(get_min_pair_stake_amount=lambda *_: least)
    return SimpleNamespace(strategy=SimpleNamespace(**strategy), exchange=exchange)


@pytest.mark.parametrize(
    ("held", "strategy", "stake"),
    [
        (None, {}, 150.0),
        (None, {"position_adjustment_enable": True, "max_entry_position_adjustment": 2}, 50.0),
        (100.0, {"position_adjustment_enable": True}, 50.0),  # an addition gets what is left
        (149.0, {}, 0.0),  # below the minimum
    ],
)
def test_a_stake_above_the_limits_is_cut(
    cuts: Run,
    monkeypatch: pytest.MonkeyPatch,
    held: float | None,
    strategy: dict[str, Any],
    stake: float,
) -> None:
    own = None if held is None else trade("BTC/USDT", held)
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [own] if own else [])
    ask = backtestgate._make_stake(lambda *_: (1.0, 900.0, 1.0, 5.0))
    call = ("BTC/USDT", (), 1.0, 900.0, "long", cuts.state.stamp, None, own, "limit", None, 1)
    assert ask(backtester(**strategy), *call) == (1.0, pytest.approx(stake), 1.0, 5.0)


def test_a_stake_is_cut_by_what_its_stop_may_cost(
    cuts: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As live: a stop 20 % away, as there are no candles, and a budget of 2 % of 1,000."""
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [])
    stop = CatastropheStop(budget=0.02)
    risk = cuts.settings.risk.model_copy(update={"catastrophe_stop": stop})
    cuts.settings = cuts.settings.model_copy(update={"risk": risk})
    stranger: Any = SimpleNamespace(stoploss=-0.99, order_types={})
    cuts.part(WaysOut).begin(lambda *_: NONE, stranger, {})
    ask = backtestgate._make_stake(lambda *_: (1.0, 900.0, 1.0, 5.0))
    call = ("BTC/USDT", (), 1.0, 900.0, "long", cuts.state.stamp, None, None, "limit", None, 1)
    assert ask(backtester(), *call) == (1.0, pytest.approx(100.0), 1.0, 5.0)
    own = trade("BTC/USDT", 0)
    own.id, own.open_date_utc = 1, cuts.state.stamp
    cuts.part(WaysOut).remember(1, own.open_date_utc, 0.4)
    call = (*call[:7], own, *call[8:])
    assert ask(backtester(), *call)[1] == pytest.approx(50.0), "by the stop that its trade has"


def test_a_replacement_is_cut_once_and_its_first_stake_is_not_asked_about(
    cuts: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = trade("BTC/USDT", 0, filled=False)
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [replaced])
    size = backtestgate._make_stake(lambda *_: (1.0, 900.0, 1.0, 5.0))
    row = (pd.Timestamp(cuts.state.stamp),)
    placed: list[float] = []

    def original(self: Any, pair: str, row: Any, direction: str, *rest: Any) -> None:
        call = (
            pair,
            row,
            1.0,
            900.0,
            direction,
            cuts.state.stamp,
            None,
            replaced,
            "limit",
            None,
            1,
        )
        assert size(self, *call)[1] == 900.0
        placed.append(rest[3])

    enter = backtestgate._make_enter(original)
    order = {"trade": replaced, "requested_rate": 1.0, "requested_stake": 900.0}
    enter(backtester(), "BTC/USDT", row, "long", **order)
    assert placed == [pytest.approx(150.0)]
    assert enter(backtester(least=151.0), "BTC/USDT", row, "long", **order) is replaced
    assert len(placed) == 1
    assert cuts.counters.snapshot(cuts.state.stamp)["vetoes"] == {"min_stake": 1}


@pytest.fixture
def watches(run: Run) -> Run:
    """Return the run, which judges and changes nothing now."""
    risk = run.settings.risk.model_copy(update={"profile": "watch", "oversized": "cut"})
    run.settings = run.settings.model_copy(update={"risk": risk})
    return run


def test_who_only_watches_lets_every_order_through(
    watches: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [])
    now = watches.state.stamp
    ask = backtestgate._make_stake(lambda *_: (1.0, 900.0, 1.0, 5.0))
    call = ("BTC/USDT", (), 1.0, 900.0, "long", now, "dip", None, "limit", None, 1)
    assert ask(backtester(), *call) == (1.0, 900.0, 1.0, 5.0)
    assert now is not None
    levered = {"stake": 10.0, "rate": 1.0, "leverage": 9.0}
    assert backtestgate.allowed("BTC/USDT", now, "long", "entry", levered)
    assert backtestgate.allowed("BTC/USDT", now, "long", "entry", {"rate": 1.0})  # raises inside
    rows = {(row["kind"], row["rule"], row["tag"]) for row in watches.part(Interventions).rows()}
    assert rows == {("would cut", "max_position", "dip"), ("would refuse", "max_leverage", "")}


def test_a_backtest_keeps_the_budgets_of_a_trade_and_of_a_tag(
    cuts: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = {"all": {"tags": ["dip"], "max_stake": 0.12}}
    risk = {"trade": {"max_loss": 0.05}, "tags": tags, "book": {"enabled": False}}
    cuts.settings = Settings.from_config({"freqpilot": {"risk": risk}})
    monkeypatch.setattr(LocalTrade, "bt_trades_open", [])
    ask = backtestgate._make_stake(lambda *_: (1.0, 900.0, 1.0, 5.0))

    def left(tag: str, stoploss: float) -> float:
        call = ("BTC/USDT", (), 1.0, 900.0, "long", cuts.state.stamp, tag, None, "limit", None, 1)
        return float(ask(backtester(stoploss=stoploss), *call)[1])

    assert left("break", -0.5) == pytest.approx(100.0)  # half of 100 is 5 % of 1,000
    assert left("break", -0.1) == pytest.approx(150.0)
    assert left("dip", -0.1) == pytest.approx(120.0)
    assert left("break", 0.0) == pytest.approx(50.0)  # nothing bounds it but the money itself
