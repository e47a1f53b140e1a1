"""The regime in Freqtrade's frame: columns, entries, words, and what becomes of size and stop."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from candle_source import candles
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import words
from freqpilot.host.frames.annotations import COLORS, regime_areas
from freqpilot.host.frames.words import regime_words
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.host.trading import exits, proposals
from freqpilot.settings import RegimeSettings, Settings
from freqpilot.signals.regimes import NAMES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
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


def frame(rows: int = 1_500, seed: int = 7) -> pd.DataFrame:
    c = candles(seed, rows)
    columns = {"open": c.open, "high": c.high, "low": c.low, "close": c.close, "volume": c.volume}
    return pd.DataFrame({"date": pd.to_datetime(c.date, utc=True), **columns})


def settings(**signals: Any) -> Settings:
    return Settings.from_config({"freqpilot": {"signals": signals}})


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


@pytest.mark.parametrize(
    ("name", "probability", "size", "stop", "expected"),
    [
        (
            "range_bound",
            0.812,
            1.0,
            0.75,
            "regime range bound (0.81), mean reversion ×1.4, technical momentum ×0.6, stop ×0.75",
        ),
        ("capitulation", 0.6, 0.5, 1.5, "regime capitulation (0.60), not sure enough to act, size"),
        ("", 0.0, 1.0, 1.0, "no regime"),
    ],
)
def test_the_regime_in_words(
    name: str, probability: float, size: float, stop: float, expected: str
) -> None:
    figures = [name, probability, size, stop, True]
    row = pd.Series(figures, index=COLUMNS, dtype=object)
    said = regime_words(row, TABLE)
    assert said is not None
    assert said.startswith(expected)
    assert regime_words(row.drop("regime"), TABLE) is None


def test_the_decision_tells_the_regime() -> None:
    decided = frames.add_decisions(frame(), settings(), "BTC/USDT")
    decision = words.decision_of("BTC/USDT", decided.iloc[-1], "long", HOUR, TABLE)
    assert "regime" in decision.reasons[-2]
    assert decision.reasons[-1] == f"bias of longer timeframes {decided['bias'].iloc[-1]:+.2f}"
    assert sum(decision.contributions.values()) == pytest.approx(decision.composite)


def test_regimes_are_areas_that_freqtrade_takes() -> None:
    from freqtrade.ft_types.plot_annotation_type import AnnotationTypeTA

    names = ["", "capitulation", "capitulation", "range_bound", "trending_bullish"]
    rows = frame(5).assign(regime=names)
    areas = regime_areas(rows)
    assert [(area["label"], area["start"], area["end"]) for area in areas] == [
        ("capitulation", rows["date"][1].isoformat(), rows["date"][3].isoformat()),
        ("trending bullish", rows["date"][4].isoformat(), rows["date"][4].isoformat()),
    ]
    for area in areas:
        AnnotationTypeTA.validate_python(area)
    assert regime_areas(rows.drop(columns="regime")) == []
    assert regime_areas(rows.iloc[:0]) == []
    assert set(COLORS) < set(NAMES)
    decided = frames.add_decisions(frame(), settings(), "BTC/USDT")
    assert len(regime_areas(decided)) > 5


CALL = {
    "side": "long",
    "current_rate": 100.0,
    "leverage": 1.0,
    "min_stake": 1.0,
    "max_stake": 1_000.0,
    "proposed_stake": 1_000.0,
}


def staked(monkeypatch: pytest.MonkeyPatch, **more: float) -> float:
    monkeypatch.setattr(proposals, "open_trades", list)
    row = pd.Series({"date": pd.Timestamp(NOW), "atr": 20.0, "confidence": 1.0, "composite": 0.8})
    # Far enough from the caps that the size is what the volatility asks for.
    observe(current(), NOW, 1_000.0)
    return proposals.stake(
        pd.concat([row, pd.Series({"stop_factor": 1.0} | more)]), "BTC/USDT", NOW, CALL
    )


def test_the_cut_of_the_regime_is_a_cut_of_the_stake(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = staked(monkeypatch)
    assert whole > 0
    assert staked(monkeypatch, size_factor=1.0) == whole
    assert staked(monkeypatch, size_factor=0.5) == pytest.approx(0.5 * whole)
    assert staked(monkeypatch, size_factor=1.7) == 0, "no regime enlarges a stake"
    assert staked(monkeypatch, size_factor=float("nan")) == 0
    assert staked(monkeypatch, size_factor=0.0) == 0


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
