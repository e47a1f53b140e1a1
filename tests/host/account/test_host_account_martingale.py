"""A live bot whose stakes grow with loss tells a person of it once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import live_bot
import pytest
from freqtrade.persistence import Trade

from freqpilot.host.account import martingale
from freqpilot.host.account.begin import begin
from freqpilot.host.account.martingale import AGAIN, EVERY, Martingale, trades
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.risk.account.martingale import EntryOrder, Finding

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
FOUND = Finding("additions", 16, 0.0, 1.0, 4.0)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with VirtualClock(START):
        yield begin(live_bot.make_bot(tmp_path).config, live=True)
        end()
        Trade.session.remove()


def traded(place: int, *entries: tuple[float, float], closed: bool = True) -> None:
    """Keep a trade with entries of so much at such a price in Freqtrade's database."""
    opened = START + place * HOUR
    made = Trade(
        pair="SOL/USDT",
        exchange="binance",
        is_open=not closed,
        open_date=opened,
        close_date=opened + HOUR / 2 if closed else None,
        close_profit_abs=-5.0 if closed else None,
        open_rate=100.0,
        amount=1.0,
        stake_amount=100.0,
        fee_open=0.001,
        fee_close=0.001,
        leverage=2.0,
        is_short=False,
    )
    sides = [*(("buy", *each) for each in entries), ("sell", 1.0, 99.0)]
    for number, (side, amount, price) in enumerate(sides):
        name = {"id": f"{place} {number}"}
        made.orders.append(live_bot.order("SOL/USDT", side, amount, price, **name))
    Trade.session.add(made)
    Trade.commit()


def told(run: Run) -> list[str]:
    return [event.text for event in run.store.events("martingale")]


def test_trades_are_read_as_they_were_staked(run: Run) -> None:
    traded(0, (1.0, 100.0), (2.0, 90.0))
    traded(1, (1.0, 100.0), closed=False)
    first, second = trades()
    assert (first.opened, first.closed, first.profit) == (START, START + HOUR / 2, -5.0)
    assert first.bets == (
        EntryOrder(50.0, 100.0),
        EntryOrder(90.0, 90.0),
    )  # own money, at twice the leverage
    assert (second.closed, second.bets) == (None, (EntryOrder(50.0, 100.0),))


def test_a_person_hears_of_it_once_and_across_restarts(run: Run) -> None:
    for place in range(8):
        traded(place, (1.0, 100.0), (2.0, 90.0), (4.0, 80.0))
    run.part(Martingale).step(START)
    (text,) = told(run)
    assert text.startswith("stakes grow with loss, as in a martingale: of 16 additions")
    assert '"max_additions": 2' in text
    assert run.store.events("martingale")[0].level == "WARNING"
    Martingale(run).step(START + EVERY)  # as after a restart
    assert len(told(run)) == 1


def test_it_is_news_again_when_it_was_gone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [FOUND]
    monkeypatch.setattr(martingale, "findings", lambda _: found)
    looks = run.part(Martingale)
    looks.step(START)
    found.clear()
    looks.step(START + EVERY)
    found.append(FOUND)
    looks.step(START + 2 * EVERY)
    assert len(told(run)) == 1, "what comes and goes is told once a week"
    found.clear()
    looks.step(START + AGAIN)
    found.append(FOUND)
    looks.step(START + AGAIN + EVERY)
    assert len(told(run)) == 2


def test_it_looks_when_a_trade_closes_and_once_an_hour(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def look() -> list[object]:
        looked.append(1)
        return []

    monkeypatch.setattr(martingale, "trades", look)
    looks = run.part(Martingale)
    for seconds in (0, 5, 10):
        looks.step(START + timedelta(seconds=seconds))
    assert len(looked) == 1
    run.state = replace(run.state, record=replace(run.state.record, total=1))
    looks.step(START + timedelta(seconds=15))
    looks.step(START + timedelta(seconds=15) + EVERY)
    assert len(looked) == 3


def test_a_fault_holds_up_no_loop(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(martingale, "trades", lambda: 1 / 0)
    run.part(Martingale).step(START)
    assert "Whether stakes grow with loss could not be told: division by zero" in caplog.text
