"""Orders that only the exchange knows become trades as they are, of each kind of trade.

What was adopted is read from another session of the database: it has to be there after a kill.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import ccxt
import pytest
from freqtrade.persistence import Trade
from trades_stage import (
    FEE_CLOSE,
    FEE_OPEN,
    START,
    STOPLOSS,
    Bot,
    Kind,
    answer,
    held,
    intent,
    live,
    of_each_kind,
    stored,
)

from freqpilot.errors import NoEntry
from freqpilot.host.orders import reconcile
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.run.current import current
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderIntent

pytestmark = of_each_kind


@pytest.fixture
def bot(tmp_path: Path, kind: Kind) -> Iterator[Bot]:
    with VirtualClock(START), live(tmp_path, kind) as bot:
        yield bot


def settle(bot: Bot, meant: OrderIntent, status: str, filled: float, rate: float = 100.0) -> None:
    """Settle an intent whose order the exchange has."""
    current().store.save_intent(meant)
    bot.exchange._api.orders[meant.client_id] = answer(meant, status, filled, rate)
    reconcile.settle(current(), bot)


def intents() -> list[tuple[str, str | None]]:
    return [(each.state, each.order_id) for each in current().store.intents()]


def reports() -> list[tuple[str, str]]:
    events = current().store.events("difference")
    return [(event.level, event.text) for event in events]


def test_an_entry_that_rests(bot: Bot, kind: Kind) -> None:
    meant = intent(kind, time=START - timedelta(seconds=30))
    settle(bot, meant, "open", 0.0)
    (row,) = stored()
    assert row["orders"] == [(f"x{meant.client_id}", kind.entry, "open", True)]
    asked = {
        "pair": kind.pair,
        "is_open": True,
        "is_short": kind.is_short,
        "leverage": kind.leverage,
        "trading_mode": kind.mode,
        "amount": 0.0,
        "amount_requested": 9.0,
        "stake_amount": 900.0 / kind.leverage,
        "open_rate": 100.0,
        "open_rate_requested": 100.0,
        "open_date": meant.time.replace(tzinfo=None),
        "fee_open": FEE_OPEN,
        "enter_tag": "trend",
        "strategy": "Autopilot",
        "exchange": "binance",
        "timeframe": 60,
    }
    assert {name: row[name] for name in asked} == asked
    stop = 100.0 * (1 + kind.sign * STOPLOSS / kind.leverage)
    assert (row["stop_loss"], row["initial_stop_loss"]) == (stop, stop)
    assert intents() == [("known", f"x{meant.client_id}")]
    ((level, text),) = reports()
    assert level == "WARNING"
    assert f"trade {row['id']} has it now" in text


def test_an_entry_that_was_filled(bot: Bot, kind: Kind) -> None:
    settle(bot, intent(kind), "closed", 9.0, 99.0)
    (row,) = stored()
    assert row["amount"] == 9.0
    assert row["open_rate"] == 99.0
    assert row["stake_amount"] == pytest.approx(9 * 99 / kind.leverage)
    assert row["orders"][0][2:] == ("closed", False)


def test_an_entry_that_was_filled_in_part_and_cancelled(bot: Bot, kind: Kind) -> None:
    settle(bot, intent(kind), "canceled", 3.0)
    (row,) = stored()
    assert (row["is_open"], row["amount"]) == (True, 3.0)
    assert row["stake_amount"] == pytest.approx(300 / kind.leverage)
    assert row["orders"][0][2:] == ("canceled", False)
    assert intents()[0][0] == "known"


@pytest.mark.parametrize("status", ["canceled", "cancelled", "expired", "rejected"])
def test_an_entry_that_came_to_nothing(bot: Bot, kind: Kind, status: str) -> None:
    settle(bot, intent(kind), status, 0.0)
    assert stored() == []
    assert reports() == []
    assert intents() == [("known", f"x{intent(kind).client_id}")]


def test_what_was_adopted_is_adopted_once(bot: Bot, kind: Kind) -> None:
    meant = intent(kind)
    settle(bot, meant, "open", 0.0)
    settle(bot, meant, "open", 0.0)
    assert len(stored()) == 1
    assert len(stored()[0]["orders"]) == 1
    assert len(reports()) == 1


def test_an_add_joins_its_trade(bot: Bot, kind: Kind) -> None:
    number = held(kind).id
    added = 300.0 * kind.leverage / 100
    settle(bot, intent(kind, "add", trade=number, amount=added), "closed", added, 130.0)
    (row,) = stored()
    assert row["id"] == number
    assert row["amount"] == pytest.approx(2 * added)
    assert row["stake_amount"] == pytest.approx(300 + 390)
    assert row["open_rate"] == pytest.approx(115.0)


class Killed(BaseException):
    """The end of the process."""


@pytest.mark.parametrize("purpose", ["entry", "add", "exit", "stop"])
def test_killed_before_its_fills_are_counted_an_order_is_asked_for_again(
    bot: Bot, kind: Kind, purpose: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Freqtrade asks at its start for what its database has as open."""
    amount = 300.0 * kind.leverage / 100
    number = None if purpose == "entry" else held(kind).id
    before = stored()[0]["amount"] if number else 0.0
    meant = intent(kind, purpose, trade=number, amount=amount, rate=110.0)
    with monkeypatch.context() as patches:

        def kill(*_: Any, **__: Any) -> None:
            raise Killed

        patches.setattr(Bot, "update_trade_state", kill)
        with pytest.raises(Killed):
            settle(bot, meant, "closed", amount, 110.0)
    (row,) = stored()
    assert row["orders"][-1][2:] == ("open", True)
    assert (row["is_open"], row["amount"]) == (True, before)

    order = answer(meant, "closed", amount, 110.0)
    trade = Trade.get_open_trades()[0]
    stop = purpose == "stop"
    about = trade, f"x{meant.client_id}", order
    bot.update_trade_state(*about, stoploss_order=stop, send_msg=False)
    (row,) = stored()
    left = {"entry": amount, "add": before + amount}
    assert row["is_open"] == (purpose in left)
    assert row["amount"] == pytest.approx(left.get(purpose, before))
    assert row["orders"][-1][2:] == ("closed", False)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_an_exit_of_a_part_joins_its_trade(bot: Bot, kind: Kind, share: float) -> None:
    number, amount = held(kind).id, 300.0 * kind.leverage / 100
    part = amount * share
    settle(bot, intent(kind, "exit", trade=number, amount=part, rate=110.0), "closed", part, 110.0)
    (row,) = stored()
    assert (row["id"], row["is_open"]) == (number, True)
    assert row["amount"] == pytest.approx(amount - part)
    assert row["stake_amount"] == pytest.approx(300.0 * (1 - share))
    profit = part * (kind.sign * 10.0 - 100 * FEE_OPEN - 110 * FEE_CLOSE)
    assert row["realized_profit"] == pytest.approx(profit)


def test_an_exit_closes_its_trade(bot: Bot, kind: Kind) -> None:
    number, amount = held(kind).id, 300.0 * kind.leverage / 100
    meant = intent(kind, "exit", trade=number, amount=amount, rate=90.0)
    settle(bot, meant, "closed", amount, 90.0)
    (row,) = stored()
    assert (row["id"], row["is_open"]) == (number, False)
    profit = amount * (kind.sign * -10.0 - 100 * FEE_OPEN - 90 * FEE_CLOSE)
    assert row["close_profit_abs"] == pytest.approx(profit)


def test_a_stop_that_rests_joins_its_trade(bot: Bot, kind: Kind) -> None:
    number, amount = held(kind).id, 300.0 * kind.leverage / 100
    meant = intent(kind, "stop", trade=number, amount=amount, rate=93.0, stop=94.0)
    settle(bot, meant, "open", 0.0)
    (row,) = stored()
    assert row["orders"][1] == (f"x{meant.client_id}", "stoploss", "open", True)
    assert row["amount"] == pytest.approx(amount)
    (trade,) = Trade.get_open_trades()
    assert trade.orders[1].ft_price == 94.0


@pytest.mark.parametrize("purpose", ["exit", "stop"])
def test_what_would_close_a_trade_that_is_over_is_cancelled(
    bot: Bot, kind: Kind, purpose: Any
) -> None:
    meant = intent(kind, purpose, trade=7, stop=94.0)
    settle(bot, meant, "open", 0.0)
    apart = purpose == "stop" and kind.mode == "futures"
    where = {"stop": True} if apart else {}
    assert bot.exchange._api.cancelled == [(f"x{meant.client_id}", kind.pair, where)]
    assert stored() == []
    ((level, text),) = reports()
    assert level == "WARNING"
    assert "it was cancelled" in text


def test_what_closed_coins_of_no_trade_is_critical(bot: Bot, kind: Kind) -> None:
    settle(bot, intent(kind, "exit", trade=7), "closed", 9.0)
    assert bot.exchange._api.cancelled == []
    assert [level for level, _ in reports()] == ["CRITICAL"]


@pytest.mark.parametrize(("purpose", "side"), [("entry", "exit"), ("exit", "entry")])
@pytest.mark.parametrize(("status", "filled"), [("open", 0.0), ("closed", 9.0)])
def test_an_order_of_the_other_side_joins_no_trade(
    bot: Bot, kind: Kind, purpose: Any, side: str, status: str, filled: float
) -> None:
    """A short's entry would count as the exit of a long."""
    before = held(kind).amount
    settle(bot, intent(kind, purpose, side=getattr(kind, side)), status, filled)
    (row,) = stored()
    assert (row["is_open"], row["amount"], len(row["orders"])) == (True, before, 1)
    assert len(bot.exchange._api.cancelled) == (status == "open")
    assert [level for level, _ in reports()] == ["CRITICAL" if filled else "WARNING"]


# the comparison after a start


@pytest.fixture
def account(bot: Bot, kind: Kind) -> dict[str, float]:
    """Let the exchange know the pair; returns the coins that the account holds, by name."""
    coins: dict[str, float] = {}
    bot.config["exchange"]["pair_whitelist"] = [kind.pair]
    bot.exchange.markets[kind.pair] = {"limits": {"cost": {"min": 10.0}}}
    bot.exchange.prices[kind.pair] = 100.0
    bot.exchange.fetch_positions = lambda: [
        {"symbol": kind.pair, "side": kind.side, "contracts": coins.get("SOL", 0.0)}
    ]
    bot.exchange._contracts_to_amount = lambda _, contracts: contracts
    bot.exchange._api.fetch_open_orders = lambda *_, **__: []
    bot.wallets.get_total = lambda coin: coins.get(coin, 0.0)
    return coins


def levels() -> list[str]:
    return [level for level, _ in reports()]


@pytest.mark.parametrize(
    ("share", "told"),
    [(1.0, []), (0.9951, []), (0.995, []), (0.9949, ["CRITICAL"]), (0.0, ["CRITICAL"])],
)
def test_coins_may_be_missing_by_half_a_percent(
    bot: Bot, kind: Kind, account: dict[str, float], share: float, told: list[str]
) -> None:
    account["SOL"] = float(held(kind).amount) * share
    reconcile.compare(current(), bot)
    assert levels() == told


@pytest.mark.parametrize(
    ("more", "told"), [(0.0, []), (0.0999, []), (0.1, ["WARNING"]), (0.2, ["WARNING"])]
)
def test_coins_of_nobody_are_told_where_they_are_worth_an_order(
    bot: Bot, kind: Kind, account: dict[str, float], more: float, told: list[str]
) -> None:
    """The exchange's least order is 10, a coin costs 100; on futures each contract counts."""
    account["SOL"] = more
    reconcile.compare(current(), bot)
    if kind.mode == "futures":
        told = ["CRITICAL"] if more else []
    assert levels() == told


def test_a_pair_that_is_gone_keeps_no_other_from_being_compared(
    bot: Bot, kind: Kind, account: dict[str, float]
) -> None:
    ours = held(kind)
    account["SOL"] = float(ours.amount)
    gone = kind.pair.replace("SOL", "AAA")
    bot.config["exchange"]["pair_whitelist"] = [gone, kind.pair]
    bot.exchange.markets[gone] = bot.exchange.markets[kind.pair]
    asked: list[str] = []

    def fetch_open_orders(pair: str, params: dict[str, Any]) -> list[Any]:
        asked.append(pair)
        if pair == gone:
            raise ccxt.BadSymbol('binance {"code": -1121, "msg": "Invalid symbol."}')
        return []

    bot.exchange._api.fetch_open_orders = fetch_open_orders
    reconcile.compare(current(), bot)
    assert set(asked) == {gone, kind.pair}


def test_open_orders_of_others_are_told_and_left_alone(
    bot: Bot, kind: Kind, account: dict[str, float]
) -> None:
    """Futures keep stops apart from other orders: both are asked for."""
    ours = held(kind)
    account["SOL"] = float(ours.amount)
    other = {"id": "77", "side": "sell", "clientOrderId": "fq-0000abcd-n1-entry-1"}
    own = {"id": ours.orders[0].order_id, "side": "buy", "clientOrderId": None}
    stop = {"id": "78", "side": "buy", "clientOrderId": "by hand"}
    asked: list[dict[str, Any]] = []

    def fetch_open_orders(pair: str, params: dict[str, Any]) -> list[Any]:
        asked.append(params)
        return [stop] if params else [own, other]

    bot.exchange._api.fetch_open_orders = fetch_open_orders
    reconcile.compare(current(), bot)
    futures = kind.mode == "futures"
    assert asked == ([{}, {"stop": True}] if futures else [{}])
    told = {text.split(";")[0] for _, text in reports()}
    assert told == {
        f"the open sell order 77 in {kind.pair} belongs to another bot of the pack",
        *([f"the open buy order 78 in {kind.pair} belongs to nobody here"] if futures else []),
    }
    assert bot.exchange._api.cancelled == []


def test_entries_wait_until_a_whole_comparison_is_done(
    bot: Bot, kind: Kind, account: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    current().part(Reconciliation).ask()
    update, bot.wallets.update = bot.wallets.update, None
    reconcile.step(current(), bot)
    with pytest.raises(NoEntry, match="TypeError"):
        current().part(Reconciliation).require_done()
    waits: list[bool] = []

    def look(**how: Any) -> None:
        waits.append(not current().part(Reconciliation).done)
        update(**how)

    bot.wallets.update = look
    reconcile.step(current(), bot)
    assert waits == [True], "also while it is under way"
    current().part(Reconciliation).require_done()
    bot.exchange._api.fetch_open_orders = None
    reconcile.step(current(), bot)
    current().part(Reconciliation).require_done()  # it is done once a start
