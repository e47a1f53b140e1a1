"""Pairs whose newest candle comes late wait for it, and only they."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.candles.feeds import LiveFeed
from freqpilot.host.gate.latecandles import ALERT_AFTER, PACE, PATIENCE, LateCandles
from freqpilot.host.run.current import current, end

PAIRS = [f"C{number:02d}/USDT" for number in range(30)]
CLOSE = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


class Feed:
    """30 pairs with candles up to 11:00, those of ``late`` up to 10:00."""

    timeframe = "1h"

    def __init__(self) -> None:
        self.late: set[str] = set()
        self.asked: list[tuple[str, datetime]] = []
        self.frames = dict.fromkeys(PAIRS, CLOSE - HOUR)

    def newest(self, pair: str) -> datetime | None:
        return CLOSE - (2 if pair in self.late else 1) * HOUR

    def analysed(self, pair: str) -> Any:
        if pair not in self.frames:
            return pd.DataFrame()
        return pd.DataFrame({"date": pd.to_datetime([self.frames[pair]], utc=True)})

    def pairs(self) -> list[str]:
        return PAIRS

    def ask_again(self, pair: str, before: datetime) -> None:
        self.asked.append((pair, before))


@pytest.fixture
def feed() -> Iterator[Feed]:
    run = begin({"freqpilot": {}}, live=False)
    run.feed = made = Feed()
    yield made
    end()


@pytest.fixture
def candles(feed: Feed) -> LateCandles:
    return current().part(LateCandles)


def waits(candles: LateCandles, pair: str = PAIRS[0]) -> bool:
    try:
        candles.require(pair)
    except NoEntry:
        return True
    return False


def test_only_the_pair_whose_candle_is_missing_waits(feed: Feed, candles: LateCandles) -> None:
    feed.frames[PAIRS[0]] = CLOSE - 2 * HOUR
    candles.begin(CLOSE + SECOND)
    with pytest.raises(NoEntry, match=r"1h candle of 11:00 has not come .*signal of 10:00 is over"):
        candles.require(PAIRS[0])
    assert [pair for pair in PAIRS if waits(candles, pair)] == [PAIRS[0]]
    feed.frames[PAIRS[0]] = CLOSE - HOUR
    assert not waits(candles)


@pytest.mark.parametrize(
    ("begun", "late"), [(CLOSE - SECOND, False), (CLOSE, True), (CLOSE + HOUR - SECOND, True)]
)
def test_a_candle_is_missing_from_the_first_loop_after_its_close(
    feed: Feed, candles: LateCandles, begun: datetime, late: bool
) -> None:
    """One that closes while a loop goes on is not asked for in it."""
    feed.frames[PAIRS[0]] = CLOSE - 2 * HOUR
    candles.begin(begun)
    assert waits(candles) is late


@pytest.mark.parametrize("case", ["no loop", "no feed", "no frame", "weekly"])
def test_where_nothing_can_be_late_nothing_waits(
    feed: Feed, candles: LateCandles, case: str
) -> None:
    feed.frames[PAIRS[0]], feed.late = CLOSE - 9 * HOUR, {PAIRS[0]}
    if case != "no loop":
        candles.begin(CLOSE)
    if case == "no feed":
        current().feed = None
    if case == "no frame":
        del feed.frames[PAIRS[0]]
    if case == "weekly":
        feed.timeframe = "1w"
    assert not waits(candles)
    if case != "no frame":
        candles.end(CLOSE + ALERT_AFTER)
        assert feed.asked == []


def test_late_ones_are_asked_for_again_for_a_while(feed: Feed, candles: LateCandles) -> None:
    feed.late = {PAIRS[3], PAIRS[7]}
    candles.begin(CLOSE)
    candles.end(CLOSE + SECOND)
    assert feed.asked == [(pair, CLOSE + SECOND - PACE) for pair in sorted(feed.late)]
    candles.end(CLOSE + PATIENCE - SECOND)
    assert len(feed.asked) == 4
    candles.end(CLOSE + PATIENCE)
    assert len(feed.asked) == 4


def test_a_person_hears_once_until_all_have_come(feed: Feed, candles: LateCandles) -> None:
    feed.late = set(PAIRS[:7])
    candles.begin(CLOSE)
    candles.end(CLOSE + ALERT_AFTER - SECOND)
    assert current().store.events("late candles") == []
    for _ in range(2):
        candles.end(CLOSE + ALERT_AFTER)
    (event,) = current().store.events("late candles")
    assert event.level == "WARNING"
    assert event.text.startswith("7 of 30 pairs have no 1h candle of 11:00 60 s after its close")
    assert "(C00/USDT, C01/USDT, C02/USDT, C03/USDT, C04/USDT and others)" in event.text
    feed.late.clear()
    candles.end(CLOSE + 2 * ALERT_AFTER)
    feed.late = {PAIRS[1]}
    candles.end(CLOSE + 2 * ALERT_AFTER)
    assert len(current().store.events("late candles")) == 1, "all had come: nobody is asked"
    candles.begin(CLOSE + HOUR)
    candles.end(CLOSE + HOUR + ALERT_AFTER)
    assert len(current().store.events("late candles")) == 2


def test_a_fault_does_not_end_the_loop(
    feed: Feed, candles: LateCandles, caplog: pytest.LogCaptureFixture
) -> None:
    feed.pairs = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    candles.begin(CLOSE)
    candles.end(CLOSE + ALERT_AFTER)
    assert "could not be looked for" in caplog.text


def test_the_bot_forgets_when_it_asked_for_a_candle_that_is_due() -> None:
    key = ("C00/USDT", "1h", "spot")
    asked = {key: int(CLOSE.timestamp() * 1000)}
    bot: Any = SimpleNamespace(
        config={"candle_type_def": "spot"},
        strategy=SimpleNamespace(timeframe="1h"),
        exchange=SimpleNamespace(_pairs_last_poll_time=asked),
    )
    feed = LiveFeed(bot)
    assert feed.timeframe == "1h"
    feed.ask_again("C00/USDT", CLOSE - SECOND)
    feed.ask_again("C01/USDT", CLOSE)
    assert key in asked
    feed.ask_again("C00/USDT", CLOSE)
    assert asked == {}
