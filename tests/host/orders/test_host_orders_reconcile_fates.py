"""What becomes of an order that was sent or accepted when the bot looks again."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import ccxt
import pytest
from freqtrade.persistence import Trade
from trades_stage import KINDS, START, Bot, Kind, answer, intent, live, stored

from freqpilot.host.orders import reconcile
from freqpilot.host.run.current import current
from freqpilot.rehearsal.clock import VirtualClock

LONG_AGO = START - timedelta(minutes=5)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = request.param
    return made


@pytest.fixture
def bot(tmp_path: Path, kind: Kind) -> Iterator[Bot]:
    with VirtualClock(START), live(tmp_path, kind) as bot:
        yield bot


def intents() -> list[tuple[str, str | None]]:
    return [(each.state, each.order_id) for each in current().store.intents()]


def test_one_that_was_sent_and_never_arrived_is_absent(bot: Bot, kind: Kind) -> None:
    current().store.save_intent(intent(kind, time=LONG_AGO))
    reconcile.settle(current(), bot)
    assert intents() == [("absent", None)]
    assert not stored()


def test_one_that_was_accepted_does_not_vanish(bot: Bot, kind: Kind) -> None:
    meant = intent(kind, time=LONG_AGO, state="accepted", order_id="x1")
    current().store.save_intent(meant)
    with pytest.raises(ccxt.OrderNotFound):
        reconcile.settle(current(), bot)
    assert intents() == [("accepted", "x1")]


def test_one_that_was_accepted_and_no_trade_has_becomes_a_trade(bot: Bot, kind: Kind) -> None:
    meant = intent(kind, time=LONG_AGO)
    found = answer(meant, "closed", 9.0)
    current().store.save_intent(intent(kind, time=LONG_AGO, state="accepted", order_id=found["id"]))
    bot.exchange._api.orders[meant.client_id] = found
    reconcile.settle(current(), bot)
    (row,) = stored()
    assert (row["pair"], row["amount"], row["is_open"]) == (kind.pair, 9.0, True)
    assert intents() == [("known", found["id"])]
    reconcile.settle(current(), bot)
    assert len(Trade.get_open_trades()) == 1
