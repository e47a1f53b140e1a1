"""A halt closes what is open, for any strategy, live and in the backtest."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.enums import ExitType

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import announce, closed, observe
from freqpilot.host.orders import halt
from freqpilot.host.orders.halt import REASON
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.host.trading import proposals

CONFIG: dict[str, Any] = {"freqpilot": {}, "stake_currency": "USDT"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    """Begin a run that has lost nothing yet."""
    begun = begin(CONFIG, live=False)
    observe(current(), NOW, 1_000.0)
    yield begun
    end()


def lose(run: Run, equity: float = 700.0) -> None:
    observe(run, NOW + timedelta(hours=1), equity)
    assert run.state.halted


class Stubborn:
    """A strategy that denies every exit and has another one in mind."""

    def should_exit(self, trade: Any, rate: float, current_time: Any, **named: Any) -> list[Any]:
        return ["its own"]

    def ft_check_timed_out(self, trade: Any, order: Any, current_time: Any) -> bool:
        return False

    def confirm_trade_exit(self, **named: Any) -> bool:
        return False


@pytest.fixture
def strategy() -> Any:
    class Wrapped(Stubborn):
        should_exit = halt._make_should_exit(Stubborn.should_exit)
        ft_check_timed_out = halt._make_timed_out(Stubborn.ft_check_timed_out)

    return Wrapped()


def trade(profit: float) -> Any:
    return SimpleNamespace(pair="BTC/USDT", entry_side="buy", calc_profit_ratio=lambda _: profit)


def test_without_a_halt_no_profit_is_computed() -> None:
    asked: list[float] = []
    watched = SimpleNamespace(pair="BTC/USDT", calc_profit_ratio=asked.append)
    assert not halt.must_close(watched, 100.0)
    assert asked == [], "it is asked on every candle of every open trade"


def test_without_a_halt_the_strategy_decides(strategy: Any) -> None:
    assert strategy.should_exit(trade(-0.5), 100.0, NOW) == ["its own"]
    assert not strategy.confirm_trade_exit(exit_reason=REASON)


def test_a_halt_comes_before_the_strategys_exits_and_cannot_be_denied(
    strategy: Any, run: Run
) -> None:
    lose(run)
    first, second = strategy.should_exit(trade(-0.1), 100.0, NOW, enter=True, exit_=False)
    assert (first.exit_type, first.exit_reason) == (ExitType.EMERGENCY_EXIT, REASON)
    assert second == "its own"
    assert strategy.confirm_trade_exit(exit_reason=REASON)
    assert not strategy.confirm_trade_exit(exit_reason="roi")


@pytest.mark.parametrize(
    ("profit", "closes"), [(0.0999, True), (0.10, False), (0.5, False), (float("nan"), True)]
)
def test_what_is_deep_in_profit_stays(strategy: Any, run: Run, profit: float, closes: bool) -> None:
    lose(run)
    assert (len(strategy.should_exit(trade(profit), 100.0, NOW)) == 2) is closes


def test_a_losing_streak_ends_entries_and_closes_nothing(strategy: Any, run: Run) -> None:
    lost = [
        SimpleNamespace(id=n, close_date_utc=NOW + timedelta(hours=n), close_profit_abs=-1.0)
        for n in range(10)
    ]
    closed(run, lost)
    closed(run, lost)
    assert run.state.cause == "streak"
    assert run.state.record.total == 10, "each trade counts once"
    assert strategy.should_exit(trade(-0.1), 100.0, NOW) == ["its own"]
    assert halt.takes_back(trade(0.0), SimpleNamespace(ft_order_side="buy"))


@pytest.mark.parametrize(("side", "cancelled"), [("buy", True), ("sell", False)])
def test_waiting_entries_are_taken_back_and_exits_are_not(
    strategy: Any, run: Run, side: str, cancelled: bool
) -> None:
    order = SimpleNamespace(ft_order_side=side)
    assert not strategy.ft_check_timed_out(trade(0.0), order, NOW)
    lose(run)
    assert strategy.ft_check_timed_out(trade(0.0), order, NOW) is cancelled


def test_without_the_supervisor_nothing_is_closed(strategy: Any) -> None:
    begin({**CONFIG, "freqpilot": {"supervisor": False}}, live=False)
    observe(current(), NOW, 1_000.0)
    observe(current(), NOW, 500.0)
    assert strategy.should_exit(trade(-0.1), 100.0, NOW) == ["its own"]


def test_a_fault_in_the_question_closes_nothing(strategy: Any, run: Run) -> None:
    lose(run)
    broken = SimpleNamespace(pair="BTC/USDT", calc_profit_ratio=lambda _: 1 / 0)
    assert strategy.should_exit(broken, 100.0, NOW) == ["its own"]


def test_without_a_run_nothing_is_closed(strategy: Any) -> None:
    end()
    assert strategy.should_exit(trade(-0.9), 100.0, NOW) == ["its own"]
    assert not halt.takes_back(trade(0.0), SimpleNamespace(ft_order_side="buy"))


@pytest.mark.parametrize(
    ("composite", "threshold", "enough"),
    [
        (0.2, 0.0, True),
        (0.66, 0.65, True),
        (-0.66, 0.65, True),
        (0.64, 0.65, False),
        (float("nan"), 0.65, False),
    ],
)
def test_a_losing_streak_wants_a_clearer_decision(
    composite: float, threshold: float, enough: bool
) -> None:
    assert proposals.clear_enough({"composite": composite}, threshold) is enough


def test_who_only_watches_closes_and_takes_back_nothing(run: Run, strategy: Any) -> None:
    risk = run.settings.risk.model_copy(update={"profile": "watch"})
    run.settings = run.settings.model_copy(update={"risk": risk})
    lose(run)
    assert strategy.should_exit(trade(-0.5), 100.0, NOW) == ["its own"]
    waiting = SimpleNamespace(ft_order_side="buy")
    assert not strategy.ft_check_timed_out(trade(0.0), waiting, NOW)
    announce(run, NOW)
    (event,) = run.store.events("halt")
    assert "it would halt here (watch: nothing is closed and nothing refused)" in event.text
