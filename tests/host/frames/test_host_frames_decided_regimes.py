"""The regime in Freqtrade's frame: columns, entries, words, and what becomes of size and stop."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from regime_stage import HOUR, NOW, frame, settings

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.frames import decided as frames
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.host.trading import exits
from freqpilot.settings import RegimeSettings
from freqpilot.signals.regimes import NAMES

COLUMNS = ["regime", "regime_probability", "size_factor", "stop_factor", "allow_long"]
TABLE = RegimeSettings()


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    begun = begin(
        {"freqpilot": {"risk": {"book": {"enabled": False}}}, "stake_currency": "USDT"}, live=False
    )
    observe(current(), NOW, 1_000.0)
    yield begun
    end()


def test_the_regime_stands_beside_the_decision_and_moves_its_weights() -> None:
    decided = frames.add_decisions(frame(), settings(), "BTC/USDT").iloc[frames.STARTUP :]
    assert set(decided["regime"]) <= {*NAMES, ""}
    assert set(decided["regime"]) & set(NAMES)
    assert decided["regime_probability"].between(0, 1).all()
    plain = frames.add_decisions(frame(), settings(regimes={"enabled": False}), "BTC/USDT")
    assert set(COLUMNS) & set(plain.columns) == {"allow_long"}, "which the bias has a say in"
    plain = plain.iloc[frames.STARTUP :]
    acts = (decided["regime_probability"] >= 0.7) & decided["regime"].isin(
        [name for name in NAMES if TABLE.adaptation[name].weights]  # type: ignore[index]
    )
    assert 0 < acts.mean() < 1
    moved = (decided["composite"] - plain["composite"]).abs()
    assert (moved[~acts] == 0).all()
    assert (moved[acts] > 0).mean() > 0.5
    np.testing.assert_allclose(decided["coverage"], plain["coverage"])


def test_a_decision_of_shorter_candles_is_that_of_longer_ones() -> None:
    whole = frame()
    full = frames.add_decisions(whole, settings(), "BTC/USDT")
    part = frames.add_decisions(whole.iloc[:1_100], settings(), "BTC/USDT")
    pd.testing.assert_frame_equal(part, full.iloc[:1_100])
    late = frames.add_decisions(whole.iloc[300:], settings(), "BTC/USDT").iloc[frames.STARTUP :]
    same = full.iloc[300 + frames.STARTUP :]
    assert (late["regime"] == same["regime"]).all()
    np.testing.assert_allclose(late["composite"], same["composite"], atol=1e-4)


def test_an_entry_that_the_regime_forbids_is_none() -> None:
    rows = pd.DataFrame(
        {
            "composite": [0.9, 0.9, -0.9, -0.9, 0.9],
            "confidence": 1.0,
            "coverage": 1.0,
            "allow_long": [True, False, True, False, True],
            "allow_short": [True, True, False, True, True],
            "do_predict": [1, 1, 1, 1, 0],
        }
    )
    chosen = settings().signals
    assert frames.entries(rows, chosen).tolist() == [1, 0, 0, -1, 0]
    assert frames.sides(rows, chosen).tolist() == [1, 1, -1, -1, 1], "exits are always possible"
    plain = rows.drop(columns=["allow_long", "allow_short"])
    assert frames.entries(plain, chosen).tolist() == [1, 1, -1, -1, 0]


def test_entries_go_with_the_bias_of_longer_candles() -> None:
    whole, off = frame(), {"enabled": False}
    biased = frames.add_decisions(whole, settings(regimes=off), "BTC/USDT")
    plain = frames.add_decisions(whole, settings(regimes=off, confluence=off), "BTC/USDT")
    assert "bias" not in plain
    assert "allow_long" not in plain
    biased, plain = biased.iloc[frames.STARTUP :], plain.iloc[frames.STARTUP :]
    assert biased["bias"].notna().all()
    np.testing.assert_array_equal(biased["allow_long"], biased["bias"] >= 0.1)
    np.testing.assert_array_equal(biased["allow_short"], biased["bias"] <= -0.1)
    np.testing.assert_array_equal(biased["composite"], plain["composite"])
    agrees = biased["bias"] * biased["composite"] > 0
    assert (biased["confidence"] >= plain["confidence"]).all()
    assert (biased["confidence"] > plain["confidence"])[agrees].all()
    assert (biased["confidence"] == plain["confidence"])[~agrees].all()
    both = frames.add_decisions(whole, settings(), "BTC/USDT").iloc[frames.STARTUP :]
    alone = frames.add_decisions(whole, settings(confluence=off), "BTC/USDT").iloc[frames.STARTUP :]
    np.testing.assert_array_equal(both["allow_long"], alone["allow_long"] & biased["allow_long"])


def test_a_loud_market_has_a_wider_first_stop() -> None:
    rows = pd.DataFrame({"date": [pd.Timestamp(NOW - HOUR)], "close": 100.0, "atr": 2.0})
    trade = SimpleNamespace(
        pair="BTC/USDT",
        open_rate=100.0,
        is_short=False,
        stop_loss=80.0,
        entry_side="buy",
        orders=[],
        open_date_utc=NOW,
    )
    call = {"current_time": NOW}
    plain = exits.stop(rows, trade, HOUR, call, filled=True)
    rows = rows.assign(size_factor=1.0)
    wide = exits.stop(rows.assign(stop_factor=1.5), trade, HOUR, call, filled=True)
    lost = exits.stop(rows.assign(stop_factor=float("nan")), trade, HOUR, call, filled=True)
    assert (plain, wide) == (96.0, 94.0)
    assert lost == 96.0, "what is not known moves no stop away"


def test_where_nobody_has_anything_to_say_there_is_no_decision() -> None:
    """Weights of facts alone, and no facts: a frame without them is no error."""
    table = settings().signals.weights
    weights = {str(name): float(name == "sentiment_score") for name in table}
    decided = frames.add_decisions(frame(), settings(weights=weights), "BTC/USDT")
    assert (decided[["composite", "confidence", "coverage"]] == 0).all(axis=None)
    assert (frames.sides(decided, settings().signals) == 0).all()
