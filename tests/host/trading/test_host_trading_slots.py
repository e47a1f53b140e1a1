"""Positions that follow a target: what is asked for, what the supervisor leaves of it, and that
nothing is asked without an account."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from freqpilot.host.account import begin as begin_module
from freqpilot.host.account import stakes
from freqpilot.host.account.observed import observe
from freqpilot.host.candles.lookup import Lookup
from freqpilot.host.frames.crosssection import CrossSection
from freqpilot.host.run.current import current
from freqpilot.host.trading import adjusting, ladders, slots
from freqpilot.host.trading.rules import TargetStrategy
from freqpilot.shapes import Candles
from freqpilot.signals.grid import Ladder

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROW = pd.Series({"date": NOW - HOUR, "atr": 1.0, "confidence": 1.0, "composite": 1.0})


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that begins a run whose account has been observed."""
    from freqpilot.host.trading import proposals

    monkeypatch.setattr(proposals, "open_trades", list)

    def begin(equity: float = 10_000.0, **section: Any) -> Any:
        # There are no candles here for the risk of the book as a whole.
        section = {"risk": {"book": {"enabled": False}}} | section
        run = begin_module.begin({"freqpilot": section}, live=False)
        observe(run, NOW, equity)
        return run

    return begin


def call(**changes: Any) -> dict[str, Any]:
    asked = {"side": "long", "current_rate": 100.0, "leverage": 1.0, "min_stake": 5.0}
    return asked | {"max_stake": 5_000.0, "proposed_stake": 50.0, "current_time": NOW} | changes


def trade(amount: float, *orders: Any, **changes: Any) -> Any:
    fields = {"pair": "BTC/USDT", "amount": amount, "stake_amount": amount * 100.0}
    fields |= {"leverage": 1.0, "is_short": False, "has_open_orders": False, "entry_side": "buy"}
    fields |= {"orders": list(orders), "date_last_filled_utc": NOW - timedelta(days=1)}
    return SimpleNamespace(**fields | changes)


@pytest.mark.parametrize(
    ("config", "pairs", "share"),
    [
        ({"max_open_trades": 4}, 16, 0.25),
        ({"max_open_trades": 20}, 16, 1 / 16),
        ({"max_open_trades": -1}, 16, 1 / 16),
        ({"max_open_trades": float("inf")}, 5, 0.2),
        ({"max_open_trades": 4, "tradable_balance_ratio": 0.8}, 16, 0.2),
        ({"max_open_trades": 0}, 4, 0.25),
        ({"max_open_trades": 4}, 0, 0.25),
    ],
)
def test_a_table_of_slots(config: dict[str, Any], pairs: int, share: float) -> None:
    assert stakes.slot_share(config, pairs) == pytest.approx(share)


def test_alone_a_stake_is_its_share(account: Callable[..., Any]) -> None:
    account(supervisor=False)
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.03, -0.3) == pytest.approx(300)
    assert slots.stake(ROW, "BTC/USDT", NOW, call(max_stake=100.0), 0.03, -0.3) == 100
    assert slots.stake(ROW, "BTC/USDT", NOW, call(leverage=3.0), 0.03, -0.3) == pytest.approx(100)
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.0004, -0.3) == 0, "below the minimum"


def test_supervised_a_stop_costs_no_more_than_the_risk_a_trade(
    account: Callable[..., Any],
) -> None:
    account()
    # 1 % a trade in this tier, a stop 30 % away: a thirtieth of the account at most.
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.5, -0.3) == pytest.approx(10_000 / 30)
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.5, -0.05) == pytest.approx(800), "8 %"
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.01, -0.05) == pytest.approx(100)


@pytest.mark.parametrize("share", [0.0, -0.1, float("nan")])
def test_no_target_no_stake(account: Callable[..., Any], share: float) -> None:
    account()
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), share, -0.3) == 0


def test_without_a_row_or_an_account_there_is_no_stake(account: Callable[..., Any]) -> None:
    account()
    assert slots.stake(None, "BTC/USDT", NOW, call(), 0.1, -0.3) == 0
    begin_module.begin({}, live=False)
    assert slots.stake(ROW, "BTC/USDT", NOW, call(), 0.1, -0.3) == 0
    assert slots.change(ROW, trade(1.0), call(), 0.1, -0.3) is None
    assert np.isnan(slots.off_target(trade(1.0), 100.0, 0.1))


def test_a_position_goes_back_to_its_target(account: Callable[..., Any]) -> None:
    account(supervisor=False)
    assert slots.change(ROW, trade(1.0), call(), 0.03, -0.3) == (pytest.approx(200), "add")
    assert slots.change(ROW, trade(4.0), call(), 0.03, -0.3) == (pytest.approx(-100), "reduce")
    risen = call(current_rate=200.0)
    # Worth 800, wanted 300: five eighths of the 400 that were paid.
    assert slots.change(ROW, trade(4.0), risen, 0.03, -0.3) == (pytest.approx(-250), "reduce")
    assert slots.change(ROW, trade(1.0, has_open_orders=True), call(), 0.03, -0.3) is None


def test_what_enlarges_is_capped_and_what_reduces_is_not(account: Callable[..., Any]) -> None:
    run = account()
    assert slots.change(ROW, trade(1.0), call(), 0.5, -0.05) == (pytest.approx(800), "add")
    observe(run, NOW, 7_500.0)  # a drawdown of 25 %: halted
    assert run.state.halted
    assert slots.change(ROW, trade(1.0), call(), 0.5, -0.05) is None
    assert slots.change(ROW, trade(4.0), call(), 0.01, -0.05) == (pytest.approx(-325), "reduce")


def test_a_ladder_is_sized_before_its_first_order(account: Callable[..., Any]) -> None:
    account()
    ladder = Ladder(orders=2, growth=1.5)
    first = ladders.first(ROW, "BTC/USDT", NOW, call(), ladder, 0.5, -0.2)
    assert first * ladder.units == pytest.approx(500), "1 % at risk with a stop of 20 %"
    assert ladders.first(ROW, "BTC/USDT", NOW, call(min_stake=200.0), ladder, 0.5, -0.2) == 0


def order(price: float, amount: float, side: str = "buy") -> Any:
    return SimpleNamespace(safe_price=price, safe_filled=amount, ft_order_side=side)


def test_a_rung_is_added_and_sold_once_a_candle(account: Callable[..., Any]) -> None:
    account(supervisor=False)
    climber = SimpleNamespace(ladder=Ladder(growth=1.5), step=HOUR, stoploss=-0.2)
    held = trade(1.0, order(100.0, 1.0))
    low, high = np.array([96.0]), np.array([99.5])
    assert ladders.step(ROW, held, low, NOW, call(), climber) == (pytest.approx(150), "rung_1")
    assert ladders.step(ROW, held, high, NOW, call(), climber) is None
    assert ladders.step(ROW, held, None, NOW, call(), climber) is None
    just = trade(1.0, order(100.0, 1.0), date_last_filled_utc=NOW - HOUR / 2)
    assert ladders.due(just, low, NOW, climber) is None
    two = trade(2.5, order(100.0, 1.0), order(97.0, 1.5), stake_amount=245.5)
    stake, tag = ladders.step(ROW, two, high, NOW, call(), climber) or (0, "")
    assert (stake, tag) == (pytest.approx(-245.5 * 0.6), "rung_1_sold")


def test_a_row_is_the_last_closed_candle() -> None:
    dates = pd.date_range(NOW - 3 * HOUR, NOW, freq="1h")
    lookup = Lookup(("target",), HOUR)
    lookup.fill("A", pd.DataFrame({"date": dates, "target": [1.0, 2, 3, 4]}))
    found = [lookup.row("A", NOW + shift) for shift in (-2 * HOUR, HOUR / 2, HOUR, 9 * HOUR)]
    assert [None if row is None else float(row[0]) for row in found] == [1, 3, 4, 4]
    assert lookup.row("A", NOW - 3 * HOUR) is None
    assert lookup.row("B", NOW) is None


def hourly(seed: int, length: int = 24 * 20, begin: int = 0) -> pd.DataFrame:
    date = pd.date_range("2024-01-01", periods=length, freq="1h", tz="UTC")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).standard_normal(length) * 0.01))
    frame = pd.DataFrame({"date": date, "open": close, "high": close, "low": close, "close": close})
    return frame.assign(volume=1.0).iloc[begin:].reset_index(drop=True)


def rise(candles: Candles) -> Any:
    return np.concatenate([np.full(24, np.nan), candles.close[24:] / candles.close[:-24] - 1])


def test_the_cross_section_knows_nothing_of_the_future() -> None:
    frames = {name: hourly(seed) for seed, name in enumerate("ABC")}

    def places(cut: int) -> dict[str, Any]:
        section = CrossSection(rise, 3_600_000_000_000)
        cut_to = {name: frame.iloc[:cut] for name, frame in frames.items()}
        return {
            n: section.columns(n, f, list(frames), cut_to.__getitem__) for n, f in cut_to.items()
        }

    full, part = places(480), places(300)
    for name in frames:
        for a, b in zip(part[name], full[name], strict=True):
            np.testing.assert_array_equal(a, b[:300])
    week = 24 * 7
    ranks = np.array([full[name][1] for name in frames])
    assert np.isnan(ranks[:, : week - 1]).all()
    assert sorted(ranks[:, week].tolist()) == [1, 2, 3]
    assert (ranks[:, week - 1 : 2 * week - 1] == ranks[:, [week]]).all(), "once a week"


def test_all_pairs_are_read_once_a_candle() -> None:
    frames = {name: hourly(seed) for seed, name in enumerate("ABC")}
    read: list[str] = []

    def other(name: str) -> pd.DataFrame:
        read.append(name)
        return frames[name]

    section = CrossSection(rise, 3_600_000_000_000)
    for name, frame in frames.items():
        section.columns(name, frame, list(frames), other)
    assert len(read) == 2
    section.columns("A", hourly(0, 24 * 20 + 1), list(frames), other)
    assert len(read) == 4


def test_a_strategy_is_asked_before_its_trade_is_copied() -> None:
    asked: list[Any] = []

    def original(self: Any, **named: Any) -> Any:
        return 5.0, "asked"

    wrapped = adjusting._make(original)
    given = {"trade": "t", "current_rate": 1.0, "current_time": NOW}
    shy = SimpleNamespace(wants_adjustment=lambda *arguments: asked.append(arguments))
    assert wrapped(shy, **given) == (None, "")
    assert asked == [("t", 1.0, NOW)]
    eager = SimpleNamespace(wants_adjustment=lambda *_: True)
    assert wrapped(eager, **given) == (5.0, "asked")
    assert wrapped(SimpleNamespace(), **given) == (5.0, "asked"), "any other strategy"


def test_a_position_may_grow_until_its_tiers_largest(account: Callable[..., Any]) -> None:
    account(supervisor=False)
    assert slots.room(trade(1.0)) == float("inf")
    account()
    assert slots.room(trade(1.0)) == pytest.approx(0.08 - 0.01)
    assert slots.room(trade(8.0)) == pytest.approx(0)
    assert slots.room(trade(1.0, leverage=3.0)) == pytest.approx((0.08 - 0.01) * 3)
    observe(current(), NOW, 8_900.0)  # 11 % below the peak: 70 %
    assert slots.room(trade(1.0)) == pytest.approx(0.10 * 0.7 - 100 / 8_900, abs=0.02)
    begin_module.begin({}, live=False)
    assert slots.room(trade(1.0)) == 0, "no account, no room"


def test_a_full_book_is_told_before_a_stake_is(
    account: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = account()
    for count, full in ((5, False), (6, True)):
        monkeypatch.setattr(slots, "_open_count", lambda count=count: count)
        assert slots.full() is full
    assert run.counters.snapshot(NOW)["counts"]["entries_vetoed"] == 1
    account(supervisor=False)
    assert slots.full() is False
    run = account()
    run.live = True
    assert slots.full() is False, "the refusal is kept with its reason"
    run.live = False
    monkeypatch.setattr(slots, "_open_count", lambda: 1 / 0)
    assert slots.full() is True


@pytest.mark.parametrize(
    ("filled", "acted"),
    [
        (NOW, True),
        (NOW + timedelta(minutes=4), True),
        (NOW - timedelta(seconds=1), False),
        (None, False),
    ],
)
def test_once_a_candle(filled: datetime | None, acted: bool) -> None:
    held = trade(1.0, date_last_filled_utc=filled)
    assert slots.acted(held, NOW + timedelta(minutes=5), HOUR) is acted


def test_what_nobody_wants_goes_out() -> None:
    long, short = trade(1.0), trade(1.0, is_short=True)
    assert [slots.unwanted(long, share) for share in (0.1, 0.0, -0.1)] == [False, True, True]
    assert [slots.unwanted(short, share) for share in (0.1, 0.0, -0.1)] == [True, True, False]
    assert slots.out(long) == (-100.0, "out")
    assert slots.out(trade(1.0, has_open_orders=True)) is None
    assert slots.out(trade(0.0)) is None


def test_a_target_is_followed_once_a_candle(account: Callable[..., Any]) -> None:
    """Live, the rest of a capped entry would follow it five seconds later."""
    account(supervisor=False)
    rule: Any = SimpleNamespace(
        share=lambda pair, time: 0.10, band=lambda: 0.1, one_slot=lambda: 0.10, step=HOUR
    )

    def wants(amount: float, filled: datetime) -> bool:
        held = trade(amount, date_last_filled_utc=filled)
        return TargetStrategy.wants_adjustment(rule, held, 100.0, NOW + timedelta(minutes=1))

    before, since = NOW - timedelta(seconds=1), NOW
    assert wants(5.0, before), "half of what it is to have"
    assert not wants(5.0, since)
    assert wants(20.0, before), "twice of what it is to have"
    assert not wants(20.0, since)
    assert not wants(10.0, before), "on its target"
