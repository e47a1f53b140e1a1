"""What is stored of an edge comes back, and its turns are logged once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from edge_stage import PAIR, ROWS, frame, settings

from freqpilot.host.account.begin import begin
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames.edge import state
from freqpilot.host.frames.edge.forecasts import PastForecasts
from freqpilot.host.frames.edge.verdicts import GROUPS, PAIRS, EdgeMemory, GroupSilence
from freqpilot.host.frames.populate import populate
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.signals.decision import TRUST


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    config = {"freqpilot": {"risk": {"book": {"enabled": False}}}, "stake_currency": "USDT"}
    yield begin(config, live=False)
    end()


def test_its_silence_and_its_end_are_told_once(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    run.live = True
    whole = frame(-1, back=1_500)
    factor = frames.add_decisions(whole, settings(), "ETH/USDT")[TRUST].to_numpy()
    silent = int(np.flatnonzero(factor == 0)[0])
    heard = int(np.flatnonzero((factor > 0) & (np.arange(ROWS) > silent))[0])
    caplog.clear()
    for stop in (silent, silent + 1, silent + 2, heard, heard + 1, heard + 2):
        populate(run, whole.head(stop), settings(), PAIR)
    events = [event for event in run.store.events("model edge") if event.data["pair"] == PAIR]
    assert [event.data["silenced"] for event in events] == [True, False]
    assert all(event.level == "WARNING" for event in events)
    opened = [whole["date"].iloc[row].to_pydatetime() for row in (silent, heard)]
    assert [event.time for event in events] == [time + timedelta(hours=1) for time in opened]
    told = [record.message for record in caplog.records if PAIR in record.message]
    assert len(told) == 2
    assert "stops" in told[0]
    assert "heard again" in told[1]


def test_what_is_stored_comes_back_as_it_was(run: Run) -> None:
    assert state.remembered(run) == EdgeMemory(), "a backtest remembers nothing"
    run.live = True
    assert state.remembered(run) == EdgeMemory({}, {})
    time = datetime(2026, 1, 1, tzinfo=UTC)
    run.store.save_state(PAIRS, {f"one/{PAIR}": True, "one/ETH/USDT": False}, time)
    run.store.save_state(GROUPS, {"one/all pairs by trades": {"silenced": True, "block": 7}}, time)
    memory = state.remembered(run)
    assert memory.pairs == {f"one/{PAIR}": True, "one/ETH/USDT": False}
    assert memory.groups == {"one/all pairs by trades": GroupSilence(True, 7)}
    run.live = False
    assert state.remembered(run) == EdgeMemory()


def test_one_verdict_leaves_those_of_others_in_the_store(run: Run) -> None:
    run.live = True
    time = datetime(2026, 1, 1, tzinfo=UTC)
    run.store.save_state(PAIRS, {"one/ETH/USDT": True}, time)
    populate(run, frame(-1), settings(), PAIR, past=PastForecasts("one", None))
    assert run.store.load_state(PAIRS) == {"one/ETH/USDT": True, f"one/{PAIR}": True}


def test_a_backtest_tells_in_one_line_and_keeps_nothing(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    whole = frame(-1, back=1_500)
    with caplog.at_level("INFO", logger=state.__name__):
        factor = populate(run, whole, settings(), PAIR)[TRUST].to_numpy()
    (line,) = [r.getMessage() for r in caplog.records if r.name == state.__name__]
    turns = np.flatnonzero(np.diff((factor == 0).astype(int))) + 1
    days = [f"{whole['date'].iloc[row]:%Y-%m-%d}" for row in turns]
    assert len(days) == 2
    assert line.endswith(", ".join(days))
    assert not run.store.events("model edge")
    assert run.store.load_state(PAIRS) is None
