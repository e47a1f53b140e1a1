"""The edge monitor in Freqtrade's frame: the model's part of a decision, live and in a backtest,
its words and its alerts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from edge_stage import PAIR, ROWS, frame, settings

from freqpilot.errors import RefuseToStart
from freqpilot.host.account.begin import begin
from freqpilot.host.candles import rows
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import words
from freqpilot.host.frames.edge import monitor as edge
from freqpilot.host.frames.edge.forecasts import PastForecasts
from freqpilot.host.frames.edge.verdicts import PAIRS, EdgeMemory
from freqpilot.host.frames.populate import populate
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.signals.decision import TRUST


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    config = {"freqpilot": {"risk": {"book": {"enabled": False}}}, "stake_currency": "USDT"}
    yield begin(config, live=False)
    end()


def test_a_model_that_is_wrong_loses_its_part_of_the_decision() -> None:
    given = frame(-1)
    watched = frames.add_decisions(given, settings(), PAIR)
    plain = frames.add_decisions(given, settings(enabled=False), PAIR)
    assert TRUST not in plain
    factor = watched[TRUST]
    assert factor.iloc[0] == 1
    assert factor.iloc[-1] == 0
    assert (factor.diff().fillna(0) <= 0).all()
    some = (factor > 0) & (factor < 1)
    assert some.any()
    silent, early = factor == 0, factor == 1
    assert (watched.loc[silent, "contrib_model_forecast"].fillna(0) == 0).all()
    pd.testing.assert_frame_equal(
        watched.loc[early].drop(columns=TRUST), plain.loc[early], check_like=True
    )
    np.testing.assert_allclose(
        watched.loc[some, "contrib_model_forecast"],
        factor[some] * plain.loc[some, "contrib_model_forecast"],
        atol=1e-12,
    )
    without = given.drop(columns=["up", "down", "flat", "do_predict"])
    alone = frames.add_decisions(without, settings(), PAIR)
    np.testing.assert_allclose(
        watched.loc[silent, "composite"], alone.loc[silent, "composite"], atol=1e-12
    )


def test_a_model_that_is_right_keeps_it() -> None:
    factor = frames.add_decisions(frame(1), settings(), PAIR)[TRUST]
    assert (factor > 0.7).all()
    assert factor.mean() > 0.97


def test_a_candle_that_freqai_did_not_predict_is_no_evidence() -> None:
    given = frame(-1).assign(do_predict=[0, np.nan, 2] * (ROWS // 3))
    assert (frames.add_decisions(given, settings(), PAIR)[TRUST] == 1).all()


def test_a_silenced_model_whose_forecasts_are_lost_stays_silenced(run: Run) -> None:
    run.live = True
    wrong, right = frame(-1), frame(1)
    past = PastForecasts("one", None)
    populate(run, wrong, settings(), PAIR, past=past)
    populate(run, wrong, settings(), "ETH/USDT", past=past)
    assert run.store.load_state(PAIRS) == {f"one/{PAIR}": True, "one/ETH/USDT": True}
    lost = populate(run, wrong.head(150), settings(), PAIR, past=past)
    assert (lost[TRUST] == 0).all()
    assert len(run.store.events("model edge")) == 2
    anew = populate(run, wrong.head(150), settings(), PAIR, past=PastForecasts("two", None))
    assert anew[TRUST].iloc[0] == 1, "another model begins anew"
    back = populate(run, right, settings(), PAIR, past=past)[TRUST]
    assert back.iloc[0] == 0
    assert back.iloc[-1] == 1
    told = [event.data["silenced"] for event in run.store.events("model edge")]
    assert told == [True, True, False]
    assert run.store.load_state(PAIRS) == {f"one/{PAIR}": False, "one/ETH/USDT": True}


def test_columns_are_pure_and_what_was_stored_is_an_argument(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a live run's store says, and however often: same arguments, same columns."""
    run.live = True
    past, wrong = PastForecasts("one", None), frame(-1)
    run.store.save_state(PAIRS, {f"one/{PAIR}": True}, datetime(2026, 1, 1, tzinfo=UTC))
    with caplog.at_level("DEBUG", logger="freqpilot"):
        first = frames.decide(wrong.head(150), settings(), PAIR, past=past)
        again = frames.decide(wrong.head(150), settings(), PAIR, past=past)
        whole = frames.decide(wrong, settings(), "ETH/USDT", past=past)
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert (first.frame[TRUST] == 1).all()
    assert [(v.name, v.silenced, v.changed) for v in whole.verdicts] == [
        ("one/ETH/USDT", True, True)
    ]
    assert not caplog.records
    assert not run.store.events("model edge")
    assert run.store.load_state(PAIRS) == {f"one/{PAIR}": True}
    memory = EdgeMemory(pairs={f"one/{PAIR}": True})
    silenced = frames.decide(wrong.head(150), settings(), PAIR, past=past, memory=memory)
    assert (silenced.frame[TRUST] == 0).all()
    assert silenced.verdicts == (), "which is no news"


def test_without_a_run_nobody_hears_of_anything(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="freqpilot"):
        got = populate(None, frame(-1), settings(), PAIR)
    assert got[TRUST].iloc[-1] == 0
    assert not caplog.records


def test_why_and_doctor_name_it() -> None:
    decided = frames.add_decisions(frame(-1), settings(), PAIR)
    row = rows.closed_row(decided, datetime.now(UTC), timedelta(hours=1))
    assert row is not None
    decision = words.decision_of(PAIR, row, "long", timedelta(hours=1))
    assert any("the model is silenced" in reason for reason in decision.reasons)
    assert words.edge_words({TRUST: 1.0}) is None
    assert words.edge_words({}) is None
    assert "×0.40" in str(words.edge_words({TRUST: 0.4}))
    config: dict[str, Any] = {"freqai": {"enabled": True}}
    assert "every 48 candles" in edge.describe(config)
    config["freqpilot"] = {"models": {"edge": {"enabled": False}}}
    assert edge.describe(config).startswith("off")
    assert "FreqAI is off" in edge.describe({})


def test_a_misspelled_setting_is_named() -> None:
    with pytest.raises(RefuseToStart, match=r"models\.edge\.evidense.*'evidence'"):
        settings(evidense=3)
