"""A position that the exchange has closed: its trade is closed at that price, or a person is asked.

Documents of Binance: a liquidation's order is named ``autoclose-…``, one of ADL ``adl_autoclose``
(https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ccxt
import pytest
from books_stage import MINUTE, Stage, compared, filled, order, stop_of
from freqtrade.persistence import Trade
from trades_stage import FEE_CLOSE, FEE_OPEN, LONG, SHORT, Kind, held, stored

from freqpilot.errors import NoEntry
from freqpilot.execution.venues import TABLE
from freqpilot.host.orders.books import forced
from freqpilot.host.orders.differences import Differences
from freqpilot.host.run.current import current

pytestmark = pytest.mark.parametrize("kind", [LONG, SHORT], ids=lambda kind: kind.name)

AMOUNT = 9.0
LIQUIDATED = {"clientOrderId": "autoclose-1"}


@pytest.fixture
def stage(tmp_path: Path, kind: Kind) -> Iterator[Stage]:
    with compared(tmp_path, kind) as stage:
        yield stage


def close(stage: Stage, number: str, amount: float, rate: float = 80.0, **more: Any) -> None:
    """Let an order that is not the bot's close a part of the position."""
    kind = stage.account.kind
    made = filled(kind, number, kind.exit, amount, rate, **more)
    stage.account.made.append({**made, "info": {"clientOrderId": made["clientOrderId"]}})


def opened(stage: Stage) -> Trade:
    """Return a trade whose entry the exchange lists as well; then the position is gone."""
    kind, trade = stage.account.kind, held(stage.account.kind)
    assert float(trade.amount) == pytest.approx(AMOUNT)
    entry = filled(kind, trade.orders[0].order_id, kind.entry, AMOUNT, 100.0)
    stage.account.made.append(entry)
    return trade


@pytest.mark.parametrize("name", ["autoclose-17", "adl_autoclose"])
def test_a_liquidated_trade_is_closed_at_the_liquidation_s_price(
    stage: Stage, kind: Kind, name: str
) -> None:
    trade = opened(stage)
    stop_of(kind, trade, "s1")
    stage.account.open["s1"] = order(kind, "s1", kind.exit, AMOUNT, apart=True)
    close(stage, "77", AMOUNT, clientOrderId=name)
    stage.bot.cancel_stoploss_on_exchange = lambda trade, **_: trade  # type: ignore[method-assign]
    stage.play()
    (row,) = stored()
    assert (row["is_open"], row["exit_reason"], row["close_rate"]) == (False, "liquidation", 80.0)
    lost = AMOUNT * (kind.sign * -20.0 - 100 * FEE_OPEN - 80 * FEE_CLOSE)
    assert row["close_profit_abs"] == pytest.approx(lost)
    (text,) = stage.texts("CRITICAL")
    assert text.startswith("the exchange liquidated the position of trade 1")
    assert f"order 77: {kind.exit} 9 at 80" in text
    assert stage.counts()["books mended"] == 1
    current().part(Differences).require_none(kind.pair)


def test_one_look_alone_closes_nothing(stage: Stage, kind: Kind) -> None:
    trade = opened(stage)
    close(stage, "77", AMOUNT, **LIQUIDATED)
    stage.play(MINUTE, MINUTE)
    assert trade.is_open
    assert stage.texts() == []


def test_an_order_by_hand_closes_its_trade_as_sold_on_the_exchange(
    stage: Stage, kind: Kind
) -> None:
    trade = opened(stage)
    close(stage, "77", AMOUNT, clientOrderId="web_abc")
    stage.play()
    assert not trade.is_open
    assert trade.exit_reason == "sold_on_exchange"
    assert "an order that is not this bot's closed the position" in stage.texts("CRITICAL")[0]


def test_a_part_that_was_liquidated_leaves_the_trade_open(stage: Stage, kind: Kind) -> None:
    trade = opened(stage)
    stage.account.held = 3.0 * kind.sign
    close(stage, "77", 6.0, **LIQUIDATED)
    stage.play()
    assert (trade.is_open, float(trade.amount)) == (True, pytest.approx(3.0))
    assert "a part of the position" in stage.texts("CRITICAL")[0]
    current().part(Differences).require_none(kind.pair)


def test_several_orders_that_closed_it_are_each_taken_in_once(stage: Stage, kind: Kind) -> None:
    trade = opened(stage)
    close(stage, "78", 5.0, 79.0, **LIQUIDATED)
    close(stage, "77", 4.0, 81.0, **LIQUIDATED)
    stage.play(10 * MINUTE)
    exits = [o for o in trade.orders if o.ft_order_side == kind.exit]
    assert sorted(o.order_id for o in exits) == ["77", "78"]
    assert not trade.is_open
    assert sum(o.safe_filled for o in exits) == pytest.approx(AMOUNT)


def test_what_was_taken_in_is_said_where_the_exchange_is_lost_on_the_way(
    stage: Stage, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = opened(stage)
    close(stage, "77", AMOUNT, **LIQUIDATED)

    def lost(*_: object, **__: object) -> None:
        raise ccxt.RequestTimeout("no answer")

    monkeypatch.setattr(stage.bot, "order_close_notify", lost)
    stage.play(3 * MINUTE)
    assert (trade.is_open, trade.exit_reason) == (False, "liquidation")
    assert len(stage.texts("CRITICAL")) == 1


DOUBTS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "less": [{"number": "77", "amount": 8.0}],
    "more": [{"number": "77", "amount": 10.0}],
    "of another bot": [{"number": "77", "amount": 9.0, "clientOrderId": "fq-0000abcd-1-exit-1"}],
    "still open": [{"number": "77", "amount": 9.0, "status": "open"}],
    "unfilled": [{"number": "77", "amount": 9.0, "filled": 0.0, "status": "canceled"}],
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_what_is_doubtful_is_a_person_s_and_the_pair_is_exits_only(
    stage: Stage, kind: Kind, doubt: str
) -> None:
    trade = opened(stage)
    for each in DOUBTS[doubt]:
        close(stage, **each)
    stage.play(10 * MINUTE)
    assert trade.is_open
    assert len(trade.orders) == 1
    (text,) = stage.texts("CRITICAL")
    assert "is 0 on the exchange" in text
    with pytest.raises(NoEntry, match="the books do not agree"):
        current().part(Differences).require_none(kind.pair)


def test_an_order_of_the_other_side_is_a_doubt(stage: Stage, kind: Kind) -> None:
    trade = opened(stage)
    close(stage, "77", AMOUNT, **LIQUIDATED)
    stage.account.made.append(filled(kind, "78", kind.entry, 1.0, 80.0))
    stage.play()
    assert trade.is_open


def test_a_stop_that_was_triggered_has_closed_it(stage: Stage, kind: Kind) -> None:
    """Its fills are the stop's, under whatever number the exchange lists them."""
    trade = opened(stage)
    stop = stop_of(kind, trade, "s1")
    stage.account.made.append(filled(kind, "s1", kind.exit, AMOUNT, 90.0))
    stage.account.open["s1"] = order(kind, "s1", kind.exit, AMOUNT, apart=True)
    stage.bot.exchange.fetch_stoploss_order = lambda *_: stage.account.made[-1]
    stage.bot.cancel_stoploss_on_exchange = lambda trade, **_: trade  # type: ignore[method-assign]
    stage.play()
    assert not trade.is_open
    assert trade.close_rate == 90.0
    assert not stop.ft_is_open
    assert all("liquidated" not in text for text in stage.texts())


FORCED = {
    ("binance", "futures"): [("clientOrderId", "settlement_autoclose-3")],
    ("bybit", "futures"): [
        ("createType", "CreateByLiq"),
        ("createType", "CreateByAdl_PassThrough"),
    ],
    ("okx", "futures"): [("category", "partial_liquidation"), ("category", "adl")],
}


def test_each_proven_exchange_says_which_orders_are_its_own(stage: Stage, kind: Kind) -> None:
    for venue in TABLE:
        given = FORCED.get((venue.ids[0], venue.mode), [])
        stage.account.id = venue.ids[0]  # type: ignore[misc]
        api: Any = stage.account
        pair = kind.pair if venue.mode == "futures" else "SOL/USDT"
        assert bool(venue.forced) is (venue.mode == "futures")
        for key, value in given:
            assert forced.is_forced(api, pair, {"info": {key: value}})
        for key, value in (("clientOrderId", "web_1"), ("createType", "CreateByUser")):
            assert not forced.is_forced(api, pair, {"info": {key: value}})
