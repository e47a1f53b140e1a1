"""What is a difference and who hears of it; a trade's amount is corrected only where its orders say
what the account owns."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade
from live_bot import buy, make_bot

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.gate import judge
from freqpilot.host.orders.differences import (
    Difference,
    Differences,
    owner_of,
    recount,
    report_daily,
)
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderRequest, Position


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Any]:
    made = make_bot(tmp_path)
    begin(made.config, live=False)
    yield made
    end()
    Trade.session.remove()


@pytest.mark.parametrize(("owned", "corrected"), [(1.0, True), (1.4, True), (3.0, False)])
def test_the_nearer_of_both_amounts_stands(bot: Any, owned: float, corrected: bool) -> None:
    trade = buy(bot, 100.0)
    filled = float(trade.amount)
    trade.amount = 3 * filled
    Trade.commit()
    recount(current(), trade, owned * filled)
    assert float(trade.amount) == pytest.approx(filled if corrected else 3 * filled)
    assert len(current().store.events("difference")) == corrected
    counts = current().counters.snapshot(datetime.now(UTC))["counts"]
    assert counts.get("differences", 0) == corrected


NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
PAIR, PLACE = "SOL/USDT", "a place"


def seen(*figures: float, waits: bool = False, pair: str = PAIR) -> Difference:
    return Difference("coins missing", pair, "the books differ", "x", figures, waits=waits)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def counts() -> dict[str, int]:
    found: dict[str, int] = current().counters.snapshot(NOW)["counts"]
    return found


@pytest.fixture
def differences(bot: Any) -> Differences:
    return current().part(Differences)


@pytest.mark.parametrize(("apart", "agree"), [(0, 0), (4.9, 0), (5, 1), (900, 1), (-900, 1)])
def test_two_looks_agree_when_they_are_some_seconds_apart(
    differences: Differences, apart: float, agree: int
) -> None:
    """Also by a clock that was set back meanwhile."""
    assert differences.confirm(PLACE, [seen(1.0)], NOW) == []
    assert differences.doubts(PLACE)
    assert len(differences.confirm(PLACE, [seen(1.0)], later(apart))) == agree
    assert differences.doubts(PLACE) is not bool(agree)


@pytest.mark.parametrize(("other", "agree"), [(1.0, 1), (1.0 + 1e-7, 1), (1.00001, 0), (0.5, 0)])
def test_two_looks_agree_on_the_same_figures(
    differences: Differences, other: float, agree: int
) -> None:
    differences.confirm(PLACE, [seen(1.0, 2.0)], NOW)
    assert len(differences.confirm(PLACE, [seen(other, 2.0)], later(10))) == agree
    assert len(differences.confirm(PLACE, [seen(other, 2.0)], later(20))) == 1


def test_each_place_is_seen_by_itself(differences: Differences) -> None:
    differences.confirm(PLACE, [seen(1.0)], NOW)
    differences.confirm("another", [], later(10))
    assert len(differences.confirm(PLACE, [seen(1.0)], later(10))) == 1


def test_what_passes_and_what_is_found_is_counted_once(differences: Differences) -> None:
    differences.confirm(PLACE, [seen(1.0)], NOW)
    differences.confirm(PLACE, [], later(10))
    assert counts() == {"books passed": 1}
    for moment in (20, 30, 40, 50):
        differences.confirm(PLACE, [seen(1.0)], later(moment))
    differences.confirm(PLACE, [], later(60))
    assert counts() == {"books passed": 1, "found: coins missing": 1}


def test_what_was_mended_is_no_more(differences: Differences) -> None:
    differences.confirm(PLACE, [seen(1.0, waits=True)], NOW)
    (found,) = differences.confirm(PLACE, [seen(1.0, waits=True)], later(10))
    differences.mended(PLACE, found)
    differences.require_none(PAIR)
    differences.confirm(PLACE, [], later(20))
    assert counts() == {"found: coins missing": 1, "books mended": 1}


def test_entries_of_its_pair_wait_while_a_difference_that_asks_for_it_stands(
    differences: Differences,
) -> None:
    given = [seen(1.0, waits=True), seen(1.0, pair="BTC/USDT")]
    differences.confirm(PLACE, given, NOW)
    differences.require_none(PAIR)
    differences.confirm(PLACE, given, later(10))
    with pytest.raises(NoEntry, match="the books do not agree: the books differ"):
        differences.require_none(PAIR)
    differences.require_none("BTC/USDT")
    differences.confirm(PLACE, [], later(20))
    differences.require_none(PAIR)


def test_what_a_look_leaves_out_stands(differences: Differences) -> None:
    """A pair with an order on its way is not looked at."""
    given = [seen(1.0, waits=True)]
    for moment in (0, 10):
        differences.confirm(PLACE, given, later(moment))
    assert differences.confirm(PLACE, [], later(20), [PAIR]) == []
    with pytest.raises(NoEntry):
        differences.require_none(PAIR)
    assert len(differences.confirm(PLACE, given, later(30))) == 1
    assert counts() == {"found: coins missing": 1}


def test_the_gate_asks_whether_the_books_agree(
    differences: Differences, bot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "wait", lambda *_: None)
    for moment in (0, 10):
        differences.confirm(PLACE, [seen(1.0, waits=True)], later(moment))
    order = OrderRequest(NOW, PAIR, "long", "entry", 10.0, 100.0)
    with pytest.raises(NoEntry, match="the books do not agree"):
        judge.judge(current(), order, [], bot.exchange)


def test_a_person_hears_of_the_same_once_a_day(differences: Differences) -> None:
    with VirtualClock(NOW) as clock:
        for hours in (0, 6, 5.9, 0.2, 23):
            clock.advance(hours * 3_600)
            report_daily(current(), (PAIR, "x"), f"at {clock.now():%d %H}", "WARNING", owned=1.0)
        report_daily(current(), (PAIR, "y"), "another", "WARNING")
    events = current().store.events("difference")
    assert [event.text for event in events] == ["at 10 12", "at 11 00", "another"]
    assert events[0].data == {"pair": PAIR, "owned": 1.0}


@pytest.mark.parametrize(
    ("pair", "exchange", "owner"),
    [
        (PAIR, "binance", "another bot of the pack"),
        (PAIR, "bybit", None),
        ("BTC/USDT", "binance", None),
    ],
)
def test_what_another_bot_holds_is_known_by_its_own_word(
    bot: Any, pair: str, exchange: str, owner: str | None
) -> None:
    run = current()
    run.exchange = "binance"
    run.others = (Position(pair, "long", 1.0, 1.0, exchange=exchange),)
    assert owner_of(run, PAIR) == owner
    run.others = None
    assert owner_of(run, PAIR) is None
