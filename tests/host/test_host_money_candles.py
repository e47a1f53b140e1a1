"""Candles that come late for some of the pairs: the real bot on the stand-in."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from standin_stage import PAIRS, START, Stage, stage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.xdist_group("bot"),
]
NEXT = START.replace(hour=START.hour + 1, minute=0)
"""When the next candle closes."""
LATE = 90


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path, futures=False) as made:
        made.start()
        made.bot.strategy.wanted, made.bot.strategy.signals = set(), [START.hour - 1, START.hour]
        made.loop(2)
        made.venue.late["BTCUSDT"] = LATE * 1000
        yield made


def until(live: Stage, moment: datetime, seconds: float) -> None:
    """Let a loop begin so many seconds after a moment."""
    live.loop(seconds=(moment - live.clock.now()).total_seconds() + seconds)


def held(live: Stage) -> set[str]:
    return {trade.pair for trade in live.trades()}


def test_the_signal_of_the_candle_before_is_over(
    live: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    live.bot.strategy.signals = [START.hour - 1]
    live.bot.strategy.wanted = set(PAIRS)
    for seconds in range(2, LATE + 40, 6):
        until(live, NEXT, seconds)
        assert held(live) == set()
    refused = "the 1h candle of 12:00 has not come for BTC/USDT: the signal of 11:00 is over"
    assert refused in caplog.text
    (event,) = live.events("late candles")
    assert event.level == "WARNING"
    assert "1 of 2 pairs have no 1h candle of 12:00" in event.text


def test_the_signal_of_a_late_candle_is_taken_when_it_comes(live: Stage) -> None:
    live.bot.strategy.wanted = set(PAIRS)
    until(live, NEXT, 2)
    assert held(live) == {"ETH/USDT"}, "one pair does not wait for another"
    for seconds in range(8, LATE, 6):
        until(live, NEXT, seconds)
        assert held(live) == {"ETH/USDT"}
    for seconds in range(LATE, LATE + 40, 6):
        until(live, NEXT, seconds)
    assert held(live) == set(PAIRS), "within half a minute, where Freqtrade asks every half hour"
