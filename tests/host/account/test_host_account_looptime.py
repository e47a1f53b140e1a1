"""A loop that takes too long is noticed, by the bot and by doctor."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade
from live_bot import make_bot
from look_stage import START, events, look, seen_twice

from freqpilot.errors import FreqpilotError
from freqpilot.host.account import looptime
from freqpilot.host.account.begin import begin
from freqpilot.host.account.looptime import LoopTime
from freqpilot.host.loop import live
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture
def bot(tmp_path: Path, clock: VirtualClock) -> Iterator[Any]:
    made = make_bot(tmp_path)
    begin(made.config, live=True)
    seen_twice(made, clock)
    yield made
    end()
    Trade.session.remove()


def take(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """Play loops that take so long."""
    part = current().part(LoopTime)
    for each in seconds:
        moments = iter((1_000.0, 1_000.0 + each))
        monkeypatch.setattr(time, "monotonic", lambda moments=moments: next(moments))
        part.begin()
        part.end()
    monkeypatch.undo()


def test_a_loop_that_is_too_long_is_told_and_kept(
    bot: Any, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(monkeypatch, 1.0, 119.0)
    assert events("slow loop") == []
    assert "limit 120 s" in looptime.describe(bot.config)
    look(bot, clock)
    assert looptime.describe(bot.config) == (
        "the longest of the bot's last loops took 119 s, limit 120 s"
    )
    take(monkeypatch, 140.0, 2.0)
    assert events("slow loop") == ["WARNING"]
    look(bot, clock)
    with pytest.raises(FreqpilotError, match=r"took 140 s: entries .* Trade fewer pairs"):
        looptime.describe(bot.config)
    take(monkeypatch, *[3.0] * looptime.LAST)
    look(bot, clock)
    assert "took 3 s" in looptime.describe(bot.config)


def test_the_bots_own_loop_is_measured(bot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.reconcile, "step", lambda *_: None)
    monkeypatch.setattr(live, "observe", lambda _: None)
    monkeypatch.setattr(live.couples, "settle", lambda _: None)
    live._make_process(lambda _: None)(bot)
    assert current().loop_seconds is not None
    assert 0 <= current().loop_seconds < 60


def test_an_end_without_a_beginning_is_no_loop(bot: Any) -> None:
    current().part(LoopTime).end()
    assert current().loop_seconds is None


def config(folder: Path, **more: Any) -> dict[str, Any]:
    return {"user_data_dir": str(folder), "exchange": {"name": "binance"}, **more}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            {"internals": {"process_throttle_secs": 120}},
            '{"internals": {"process_throttle_secs": 5}}',
        ),
        (
            {
                "internals": {"process_throttle_secs": 30},
                "freqpilot": {"risk": {"max_stamp_age_seconds": 30}},
            },
            "30 s after a look",
        ),
        (
            {"exchange": {"name": "kraken", "pair_whitelist": ["BTC/USD"] * 200}},
            "candles of 200 pairs alone takes 200 s",
        ),
    ],
)
def test_doctor_names_what_makes_loops_too_long(
    tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(FreqpilotError) as found:
        looptime.describe(config(tmp_path, **more))
    assert words in str(found.value)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"internals": {"process_throttle_secs": 119}},
        {"exchange": {"name": "nowhere", "pair_whitelist": ["BTC/USD"] * 200}},
        {"exchange": {}, "internals": None},
    ],
)
def test_doctor_lets_ordinary_loops_pass_and_makes_nothing(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    assert "limit 120 s" in looptime.describe(config(tmp_path, **more))
    assert list(tmp_path.iterdir()) == []
