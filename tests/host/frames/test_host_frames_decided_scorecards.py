"""Scorecards move the composite, from the memory that the startup asks for."""

import numpy as np
import pandas as pd
import pytest
from scorecard_stage import SETTINGS, frame

import regime_source
from freqpilot.errors import RefuseToStart
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import words
from freqpilot.settings import Settings
from freqpilot.signals import analysts, scorecards


@pytest.fixture(scope="module")
def decided() -> pd.DataFrame:
    return frames.add_decisions(frame(regime_source.market(4, 1_200)), SETTINGS, "BTC/USDT")


def test_factors_stand_in_the_frame_and_move_the_composite(decided: pd.DataFrame) -> None:
    source = regime_source.market(4, 1_200)
    plain = frames.add_decisions(frame(source), Settings(), "BTC/USDT")
    names = [c for c in decided if c.startswith("score_")]
    assert len(names) == len(words.contributions(decided))
    assert not [c for c in plain if c.startswith("score_")], "off by default"
    moved = (decided[names] != 1).any(axis=1)
    assert moved.any()
    assert (decided["composite"] != plain["composite"])[moved].any()
    pd.testing.assert_series_equal(decided["composite"][~moved], plain["composite"][~moved])
    np.testing.assert_allclose(decided["coverage"], plain["coverage"])


def test_why_tells_what_they_move(decided: pd.DataFrame) -> None:
    row = decided.iloc[-1]
    strongest = max(
        (c for c in decided if c.startswith("score_")), key=lambda c: abs(np.log(row[c]))
    )
    decision = words.decision_of("BTC/USDT", row, "long", pd.Timedelta(hours=1))
    told = [reason for reason in decision.reasons if reason.startswith("weights by scorecards")]
    analyst = strongest.removeprefix("score_").replace("_", " ")
    assert told[0].startswith(f"weights by scorecards: {analyst} ×{row[strongest]:.2f}")
    assert words.score_words({"score_events": 1.001, "composite": 0.3}) is None


def test_the_memory_is_in_the_startup() -> None:
    on = Settings.from_config({"freqpilot": {"signals": {"scorecards": {"enabled": True}}}})
    memory = analysts.STARTUP + scorecards.startup(on.signals.scorecards, 60)
    assert frames.startup("1h", on.signals) == memory
    assert memory < 2_500, "which an exchange of 500 candles a call still has"
    assert frames.startup("1h", Settings().signals) == frames.STARTUP


def test_a_wrong_key_names_the_right_one() -> None:
    with pytest.raises(
        RefuseToStart, match=r"signals\.scorecards\.horizont is not known.*'horizon'"
    ):
        Settings.from_config({"freqpilot": {"signals": {"scorecards": {"horizont": 3}}}})
