"""Positions and coins of the account beside the open trades, over several looks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from books_stage import MINUTE, Stage, compared
from freqtrade.persistence import Trade
from freqtrade.wallets import PositionWallet, Wallet
from trades_stage import LONG, SPOT, Kind, fill, held, intent, of_each_kind, placed, resting

from freqpilot.errors import NoEntry
from freqpilot.host.orders.books import holdings
from freqpilot.host.orders.differences import Differences
from freqpilot.host.run.current import current
from freqpilot.shapes import Position


@pytest.fixture
def stage(tmp_path: Path, kind: Kind) -> Iterator[Stage]:
    with compared(tmp_path, kind) as stage:
        yield stage


def waits(kind: Kind) -> bool:
    try:
        current().part(Differences).require_none(kind.pair)
    except NoEntry:
        return True
    return False


def subject(kind: Kind) -> str:
    return "balances" if kind.mode == "spot" else "positions"


@of_each_kind
def test_an_account_that_agrees_is_asked_for_at_its_pace(stage: Stage, kind: Kind) -> None:
    stage.account.held = float(held(kind).amount) * kind.sign
    stage.play(20 * MINUTE)
    assert stage.account.asked.count(subject(kind)) == (4 if kind.mode == "spot" else 20)
    assert stage.texts() == []


@of_each_kind
@pytest.mark.parametrize("share", [0.5, 0.0])
def test_what_is_missing_without_an_order_that_explains_it_is_a_person_s(
    stage: Stage, kind: Kind, share: float
) -> None:
    trade = held(kind)
    stage.account.held = share * float(trade.amount) * kind.sign
    stage.play(10 * MINUTE)
    (text,) = stage.texts("CRITICAL")
    assert "in the database" in text or "the open trade" in text
    assert trade.is_open
    assert waits(kind)
    current().part(Differences).require_none("BTC/USDT")
    stage.account.held = float(trade.amount) * kind.sign
    stage.play(6 * MINUTE)
    assert not waits(kind)
    assert len(stage.texts()) == 1


@of_each_kind
@pytest.mark.parametrize("share", [1.0, 0.996])
def test_rounding_is_no_difference(stage: Stage, kind: Kind, share: float) -> None:
    trade = held(kind)
    stage.account.held = share * float(trade.amount) * kind.sign
    stage.play(10 * MINUTE)
    assert stage.texts() == []


@of_each_kind
def test_one_look_alone_says_nothing(stage: Stage, kind: Kind) -> None:
    trade = held(kind)
    pace = 5 * MINUTE
    stage.account.held = 0.0
    stage.play(pace, pace)
    assert stage.texts() == []
    stage.account.held = float(trade.amount) * kind.sign
    stage.play(pace, pace)
    assert stage.texts() == []
    assert stage.counts()["books passed"] == 1


@of_each_kind
def test_what_an_open_order_has_filled_by_now_belongs_to_its_trade(
    stage: Stage, kind: Kind
) -> None:
    """Freqtrade counts the fills of an order at its end."""
    trade = placed(kind)
    trade.orders[0].filled = 4.0
    Trade.commit()
    assert holdings.expected(trade) == pytest.approx(4.0 * kind.sign)
    fill(trade, trade.orders[0])
    leaving = resting(trade, kind.exit, 3.0, 110.0)
    leaving.filled = 1.0
    trade.orders.append(leaving)
    assert holdings.expected(trade) == pytest.approx((float(trade.amount) - 1.0) * kind.sign)


@pytest.mark.parametrize("kind", [LONG], ids=["futures long"])
@pytest.mark.parametrize("there", [2.0, -2.0])
def test_a_position_of_nobody_is_said_once_a_day_and_entries_wait(
    stage: Stage, kind: Kind, there: float
) -> None:
    stage.account.held = there
    stage.play(timedelta(hours=3), MINUTE)
    (text,) = stage.texts("CRITICAL")
    assert f"is {there:g} on the exchange, 0 in the database" in text
    assert waits(kind)
    stage.clock.advance(timedelta(days=1).total_seconds())
    stage.play(2 * MINUTE, MINUTE)
    assert len(stage.texts()) == 2
    assert stage.account.cancelled == []


@pytest.mark.parametrize("kind", [LONG], ids=["futures long"])
def test_a_position_that_another_bot_says_it_holds_is_named_and_entries_wait(
    stage: Stage, kind: Kind
) -> None:
    """One account has one position a pair: two bots would trade each other's."""
    run = current()
    run.exchange = "binance"
    run.others = (Position(kind.pair, "long", 100.0, 100.0, exchange="binance"),)
    stage.account.held = 2.0
    stage.play(10 * MINUTE)
    assert stage.texts("CRITICAL") == []
    (text,) = stage.texts("WARNING")
    assert "another bot of the pack holds it" in text
    assert waits(kind)


@pytest.mark.parametrize("kind", [SPOT], ids=["spot"])
def test_coins_of_nobody_are_said_once_a_day_and_hold_up_nothing(stage: Stage, kind: Kind) -> None:
    stage.account.held = 2.0
    stage.play(timedelta(hours=2), MINUTE)
    (text,) = stage.texts("WARNING")
    assert "2 SOL that belong to no trade" in text
    assert not waits(kind)


@pytest.mark.parametrize("kind", [SPOT], ids=["spot"])
def test_dust_is_not_said_and_its_price_is_asked_once_a_day(stage: Stage, kind: Kind) -> None:
    asked: list[str] = []

    def get_rate(pair: str, **_: Any) -> float:
        asked.append(pair)
        return 100.0

    stage.bot.exchange.get_rate = get_rate
    stage.account.held = 0.05
    stage.play(timedelta(hours=2), MINUTE)
    assert stage.texts() == []
    assert asked == [kind.pair]


@pytest.mark.parametrize("kind", [SPOT], ids=["spot"])
def test_coins_of_two_pairs_are_of_one_account(stage: Stage, kind: Kind) -> None:
    trade = held(kind)
    stage.bot.config["exchange"]["pair_whitelist"] = ["SOL/BTC", kind.pair]
    stage.bot.exchange.markets["SOL/BTC"] = stage.bot.exchange.markets[kind.pair]
    stage.account.held = float(trade.amount)
    stage.play(20 * MINUTE)
    assert stage.texts() == []


@pytest.mark.parametrize("kind", [LONG], ids=["futures long"])
def test_two_looks_that_do_not_agree_confirm_nothing(stage: Stage, kind: Kind) -> None:
    for size in range(1, 9):
        stage.account.held = float(size)
        stage.play(MINUTE, MINUTE)
    assert stage.texts() == []
    stage.play(2 * MINUTE)
    assert len(stage.texts()) == 1


@pytest.mark.parametrize("kind", [LONG], ids=["futures long"])
def test_a_wait_does_not_end_while_the_size_changes(stage: Stage, kind: Kind) -> None:
    stage.account.held = 2.0
    stage.play(2 * MINUTE)
    assert waits(kind)
    stage.account.held = 3.0
    stage.play(MINUTE, MINUTE)
    assert waits(kind)


@of_each_kind
def test_a_pair_with_an_order_on_its_way_is_no_difference(stage: Stage, kind: Kind) -> None:
    current().store.save_intent(intent(kind, state="sent"))
    stage.account.held = 9.0 * kind.sign
    stage.play(10 * MINUTE)
    assert stage.texts() == []


class Seen:
    """Freqtrade's wallets, which have seen the account at a time."""

    def __init__(self, kind: Kind, amount: float, age: timedelta) -> None:
        self._last_wallet_refresh = datetime.now(UTC) - age
        self.kind, self.amount = kind, amount

    def get_all_positions(self) -> dict[str, PositionWallet]:
        return {self.kind.pair: PositionWallet(self.kind.pair, self.amount, side=self.kind.side)}

    def get_all_balances(self) -> dict[str, Wallet]:
        return {"SOL": Wallet("SOL", total=self.amount)}


@of_each_kind
@pytest.mark.parametrize(("age", "asks"), [(0, False), (19, False), (20, True), (-1, True)])
def test_what_freqtrade_has_just_seen_is_not_asked_again(
    stage: Stage, kind: Kind, age: int, asks: bool
) -> None:
    trade = held(kind)
    stage.account.held = float(trade.amount) * kind.sign
    stage.bot.wallets = Seen(kind, float(trade.amount), timedelta(seconds=age))
    look = holdings.coins if kind.mode == "spot" else holdings.positions
    ask = SimpleNamespace(ask=lambda call: call())
    assert look(current(), stage.bot, "a place", ask, ()) == []  # type: ignore[arg-type]
    assert bool(stage.account.asked) is asks


@of_each_kind
def test_what_freqtrade_has_seen_confirms_nothing(stage: Stage, kind: Kind) -> None:
    """Its look may be of before a fill that the database has by now."""
    trade = held(kind)
    stage.account.held = float(trade.amount) * kind.sign
    stage.bot.wallets = Seen(kind, 0.5 * float(trade.amount), timedelta())
    differences, found = current().part(Differences), []
    look = holdings.coins if kind.mode == "spot" else holdings.positions
    ask = SimpleNamespace(ask=lambda call: call())
    for moment in (0, 10):
        now = datetime.now(UTC) + timedelta(seconds=moment)
        seen = look(current(), stage.bot, "a place", ask, ())  # type: ignore[arg-type]
        found.append(len(seen))
        assert differences.confirm("a place", seen, now) == []
    assert found == [1, 0]
    assert stage.account.asked == [subject(kind)]
