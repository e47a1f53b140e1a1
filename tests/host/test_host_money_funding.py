"""Funding every 8, 4 or 1 hours, by symbol and changing: the real bot on the stand-in."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from standin_stage import PAIRS, Stage, stage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.xdist_group("bot"),
]
HOUR = 3_600
RATE = Decimal("0.016")
"""Every 8 hours: what is paid in a day is more than what the account's flows begin at."""


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path, funding_rate=RATE) as made:
        made.start()
        made.loop(4)
        assert {trade.pair.split(":")[0] for trade in made.trades()} == set(PAIRS)
        yield made


def hours(live: Stage, count: int) -> None:
    """Let hours pass, with loops around each full one: Freqtrade asks a minute and two seconds
    later."""
    for _ in range(count):
        live.loop(seconds=HOUR - live.clock() % HOUR + 1)
        live.loop(3, seconds=30)


def booked(live: Stage, pair: str = "BTC/USDT") -> float:
    return float(live.trade(pair).funding_fees)


def test_what_was_paid_is_booked_whatever_the_hours(live: Stage) -> None:
    live.venue.change_funding("BTCUSDT", 1, live.now)
    hours(live, 3)
    assert booked(live) == pytest.approx(live.funded()) != 0
    live.venue.change_funding("BTCUSDT", 4, live.now)
    hours(live, 8)
    for pair in PAIRS:
        assert booked(live, pair) == pytest.approx(live.funded(pair)) != 0
    times = [row.time for row in live.venue.income if row.kind == "FUNDING_FEE"]
    assert len(times) == 3 + 2 + 1
    for kind in ("flow", "missing"):
        assert not live.events(kind), "it is no deposit and no withdrawal"
    live.bot.strategy.leaves, live.bot.strategy.wanted = set(PAIRS), set()
    paid = live.funded()
    live.loop(3)
    closed = {trade.pair.split(":")[0]: trade for trade in live.trades(is_open=False)}
    trade = closed["BTC/USDT"]
    moved = trade.amount * (trade.close_rate - trade.open_rate)
    fees = trade.fee_open_cost + trade.fee_close_cost
    assert trade.close_profit_abs == pytest.approx(moved - fees + paid, abs=0.01)


def test_a_payment_that_is_not_booked_yet_is_no_withdrawal(tmp_path: Path) -> None:
    """Freqtrade books it a minute and two seconds after the hour; a wallet shows it at once."""
    with stage(tmp_path, funding_rate=Decimal(2)) as live:
        live.start()
        live.loop(4)
        live.venue.change_funding("BTCUSDT", 1, live.now)
        live.loop(seconds=HOUR - live.clock() % HOUR - 30)
        live.clock.advance(31)
        live.venue.advance(live.now)
        assert -live.funded() > 10, "what flows begin at"
        live.bot.wallets.update()
        live.loop(5, seconds=30)
        assert booked(live) == pytest.approx(live.funded())
        for kind in ("flow", "missing"):
            assert not live.events(kind)


def test_more_payments_than_one_answer_holds(live: Stage) -> None:
    """Binance gives the first hundred: four days of one every hour."""
    live.venue.change_funding("BTCUSDT", 1, live.now)
    live.loop(seconds=130 * HOUR)
    hours(live, 1)
    count = sum(row.kind == "FUNDING_FEE" and row.symbol == "BTCUSDT" for row in live.venue.income)
    assert count > 100
    assert booked(live) == pytest.approx(live.funded())


def test_a_question_that_fails_does_not_undo_what_was_paid(live: Stage) -> None:
    """Freqtrade takes no answer for no funding."""
    live.venue.change_funding("BTCUSDT", 1, live.now)
    hours(live, 2)
    before = booked(live)
    assert before != 0
    live.server.out = {"/fapi/v1/income"}
    hours(live, 1)
    assert booked(live) == before
    live.server.out = set()
    hours(live, 1)
    assert booked(live) == pytest.approx(live.funded())
