"""What happens between two loops: pace, saved time, reports, stop."""

import io
import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from freqpilot.rehearsal.bot.stepper import Stepper
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.rehearsal.plan.session import RehearsalOptions
from freqpilot.rehearsal.plan.stage import Stage, build_stage

BOT = SimpleNamespace(strategy=SimpleNamespace(), config={})
SERVER: Any = SimpleNamespace(
    url="http://127.0.0.1:1",
    requests=Counter(a=3),
    unknown=Counter(),
    loop_ended=lambda _: None,
)


class Waits:
    """Stands in for the real wait: keeps how long was asked for, and a signal to give back."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.signal: object = None

    def __call__(self, _signals: object, seconds: float) -> object:
        self.seconds.append(seconds)
        return self.signal


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    options = RehearsalOptions(userdir=tmp_path, days=1, history_days=2, pairs=("BTC/USDT",))
    return build_stage(options, {}, tmp_path)[1]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    from freqtrade.persistence import Trade

    waits = Waits()
    monkeypatch.setattr(Trade, "get_open_trade_count", lambda: 2)
    monkeypatch.setattr(time, "monotonic", lambda: 50.0)
    monkeypatch.setattr(signal, "sigtimedwait", waits)
    return waits


@pytest.fixture
def clock(stage: Stage) -> Iterator[VirtualClock]:
    with VirtualClock(stage.begin) as clock:
        yield clock


def test_speed_is_a_limit(stage: Stage, clock: VirtualClock, waits: Waits, tmp_path: Path) -> None:
    stepper = Stepper(stage, 300, tmp_path / "state.json", io.StringIO())
    stepper.begin(clock, SERVER)
    stepper.loop_end(900, BOT)
    stepper.loop_end(600, BOT)
    assert waits.seconds == [900 / 300, 1_500 / 300]  # of real time, which stood still


def test_no_limit_never_waits(
    stage: Stage, clock: VirtualClock, waits: Waits, tmp_path: Path
) -> None:
    stepper = Stepper(stage, 0, tmp_path / "state.json", io.StringIO())
    stepper.begin(clock, SERVER)
    stepper.loop_end(900, BOT)
    assert waits.seconds == [0]


def test_time_is_saved_and_reported(
    stage: Stage, clock: VirtualClock, waits: Waits, tmp_path: Path
) -> None:
    reports = io.StringIO()
    stepper = Stepper(stage, 0, tmp_path / "state.json", reports)
    stepper.begin(clock, SERVER)
    stepper.loop_end(900, BOT)
    waits.signal = object()
    with pytest.raises(KeyboardInterrupt):
        stepper.loop_end(900, BOT)
    stepper.done(130)
    now = (stage.begin + timedelta(seconds=1_800)).isoformat()
    assert json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))["now"] == now
    lines = [json.loads(line) for line in reports.getvalue().splitlines()]
    assert [line["report"] for line in lines] == ["ready", "loop", "loop", "done"]
    assert lines[0]["synthetic"] is True
    assert (lines[2]["loops"], lines[2]["open"]) == (2, 2)
    assert (lines[3]["reason"], lines[3]["now"], lines[3]["requests"]) == ("signal", now, 3)


def test_the_stand_in_may_shorten_a_loop_but_not_lengthen_it(
    stage: Stage, clock: VirtualClock, waits: Waits, tmp_path: Path
) -> None:
    server: Any = SimpleNamespace(**{**vars(SERVER), "loop_ended": lambda _: 1.0})
    stepper = Stepper(stage, 0, tmp_path / "state.json", io.StringIO())
    stepper.begin(clock, server)
    stepper.loop_end(900, BOT)
    stepper.loop_end(0.5, BOT)
    assert clock.now() == stage.begin + timedelta(seconds=1.5)


def test_ends_at_the_end(stage: Stage, clock: VirtualClock, waits: Waits, tmp_path: Path) -> None:
    stepper = Stepper(stage, 0, tmp_path / "state.json", io.StringIO())
    stepper.begin(clock, SERVER)
    with pytest.raises(KeyboardInterrupt):
        stepper.loop_end(86_400, BOT)
    assert stepper.reason == "end"


def test_a_parent_that_is_gone_ends_it(
    stage: Stage, clock: VirtualClock, waits: Waits, tmp_path: Path, monkeypatch: Any
) -> None:
    reports = io.StringIO()
    stepper = Stepper(stage, 0, tmp_path / "state.json", reports)
    stepper.begin(clock, SERVER)

    def broken(_text: str) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(reports, "write", broken)
    with pytest.raises(KeyboardInterrupt):
        stepper.loop_end(900, BOT)
    assert stepper.reason == "signal"
    stepper.done(130)
