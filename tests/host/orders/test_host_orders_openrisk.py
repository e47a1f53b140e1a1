"""What a bot keeps of the losses that its open trades may still make."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade
from live_bot import Out, buy, make_bot, order

from freqpilot.host.account.begin import begin
from freqpilot.host.account.saved import saved_open_risk
from freqpilot.host.orders import openrisk
from freqpilot.host.orders.wayout import WaysOut
from freqpilot.host.run.current import current, end
from freqpilot.risk.exits.dailyrange import NONE

NOW = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
SOL = "SOL/USDT"


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Any]:
    """A bot whose catastrophe stops are 20 % away."""
    made = make_bot(tmp_path, dry_run=True)
    made.strategy.stoploss, made.strategy.order_types = -0.99, {}
    begin(made.config, live=True)
    current().part(WaysOut).begin(lambda *_: NONE, made.strategy, made.config)
    yield made
    end()
    Trade.session.remove()


def kept(rate: float = 100.0, after: float = 0.0) -> list[dict[str, Any]]:
    run = current()
    trades, now = Trade.get_open_trades(), NOW + timedelta(seconds=after)
    openrisk.keep(run, trades, {SOL: rate}, now)
    rows: list[dict[str, Any]] = saved_open_risk(run.url)["ledger dry run"]["trades"]
    return rows


def test_each_trade_says_what_ends_it_and_what_is_lost_until_then(bot: Any) -> None:
    trade = buy(bot, 50.0, stop_loss=1.0)
    (row,) = kept(90.0)
    assert (row["trade"], row["stop"], row["loss"]) == (trade.id, 80.0, pytest.approx(5.0))
    assert row["by"] == "Freqpilot's catastrophe stop"
    trade.stop_loss = 85.0
    (row,) = kept(90.0, after=60.0)
    assert (row["by"], row["loss"]) == ("the strategy's stop", pytest.approx(2.5))
    resting = order(SOL, "stoploss", 0.5, 88.0, status="open", filled=0.0)
    trade.orders.append(resting)
    Trade.commit()
    (row,) = kept(90.0, after=61.0)
    assert (row["by"], row["loss"]) == ("a stop on the exchange", pytest.approx(1.0))


def test_figures_are_written_once_a_minute_and_when_a_position_changes(bot: Any) -> None:
    trade = buy(bot, 50.0, stop_loss=1.0)
    assert kept(90.0)[0]["rate"] == 90.0
    assert kept(89.0, after=59.0)[0]["rate"] == 90.0
    assert kept(88.0, after=60.0)[0]["rate"] == 88.0
    trade.amount = 0.25
    Trade.commit()
    assert kept(87.0, after=61.0)[0]["rate"] == 87.0


def test_who_only_watches_counts_no_stop_of_ours(bot: Any) -> None:
    run = current()
    risk = run.settings.risk.model_copy(update={"profile": "watch"})
    run.settings = run.settings.model_copy(update={"risk": risk})
    buy(bot, 50.0, stop_loss=1.0)
    assert kept()[0]["by"] == "the strategy's stop"


def test_a_store_that_is_out_keeps_no_loop_from_going_on(bot: Any) -> None:
    buy(bot, 50.0, stop_loss=1.0)
    run = current()
    whole, run.store = run.store, Out(None)
    openrisk.keep(run, Trade.get_open_trades(), {SOL: 90.0}, NOW)
    run.store = whole
