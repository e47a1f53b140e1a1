"""Columns of couples from the candles of all pairs: nothing of the future or of the origin."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from freqpilot.host.frames.spreads import COLUMNS, Spreads, couple_id
from freqpilot.settings import PairsSettings
from freqpilot.signals.pairs import Couple

HOUR = 3_600_000_000_000
A, B, C = "A/USDT:USDT", "B/USDT:USDT", "C/USDT:USDT"
SETTINGS = PairsSettings(window_days=10, max_half_life_days=2, holds=2)
LENGTH = 24 * 70


def market(seed: int = 1) -> dict[str, pd.DataFrame]:
    """A and B hold together but for 5 weeks in the middle, C goes its own way."""
    rng = np.random.default_rng(seed)
    date = pd.date_range("2024-01-01", periods=LENGTH, freq="1h", tz="UTC")
    walk, own = (5 + np.cumsum(rng.standard_normal(LENGTH)) * 0.005 for _ in range(2))
    gap = np.zeros(LENGTH)
    for i in range(1, LENGTH):
        apart = 24 * 20 < i < 24 * 48
        gap[i] = (1.0 if apart else 0.85) * gap[i - 1] + 0.005 * rng.standard_normal()
    frames = {}
    for pair, log in ((A, walk + gap), (B, walk), (C, own)):
        close = np.exp(log)
        columns = dict.fromkeys(("open", "high", "low", "close"), close)
        frames[pair] = pd.DataFrame({"date": date, **columns, "volume": 1.0})
    return frames


def columns(
    frames: dict[str, pd.DataFrame], pair: str, settings: PairsSettings = SETTINGS
) -> dict[str, Any]:
    other: Callable[[str], pd.DataFrame] = frames.__getitem__
    return Spreads(settings, HOUR).columns(pair, frames[pair], list(frames), other)


def same(one: dict[str, Any], other: dict[str, Any], a: slice, b: slice) -> None:
    for name in COLUMNS:
        np.testing.assert_array_equal(one[name][a], other[name][b], err_msg=name)
    assert list(one["couple_tag"][a]) == list(other["couple_tag"][b])


def test_the_couple_that_holds_is_found_and_let_go() -> None:
    frames = market()
    first, second, alone = (columns(frames, pair) for pair in (A, B, C))
    assert first["chosen"].any()
    assert not first["chosen"].all()
    assert not alone["chosen"].any()
    assert (second["role"] == -first["role"]).all()
    np.testing.assert_array_equal(first["chosen"], second["chosen"])
    assert list(first["couple_tag"]) == list(second["couple_tag"])
    inside = first["role"] != 0
    assert (first["couple"][inside] == couple_id((A, B))).all()
    # It stays after its last week for as long as it may be held: 2 half-lives of at most 2 days.
    runs = np.diff(np.flatnonzero(np.diff(first["chosen"] - first["role"])))
    assert (inside & (first["chosen"] == 0)).any()
    assert runs.size == 0 or runs.max() <= 7 * 24 * 9
    fresh = np.flatnonzero(first["couple_tag"] != "")
    couple = Couple.parse(first["couple_tag"][fresh[0]])
    assert couple is not None
    assert couple.candle == frames[A]["date"][fresh[0]].timestamp()
    assert couple.hedge == pytest.approx(first["hedge"][fresh[0]], abs=1e-4)


@pytest.mark.parametrize("pair", [A, B, C])
def test_nothing_of_the_future_is_known(pair: str) -> None:
    frames = market()
    whole = columns(frames, pair)
    for cut in (24 * 30 + 5, LENGTH - 1):
        part = columns({name: frame.iloc[:cut] for name, frame in frames.items()}, pair)
        same(whole, part, slice(0, cut), slice(0, cut))
    # In a backtest the others' candles reach further than the own.
    cut = 24 * 30
    mixed = dict(frames) | {pair: frames[pair].iloc[:cut]}
    same(whole, columns(mixed, pair), slice(0, cut), slice(0, cut))


@pytest.mark.parametrize("pair", [A, B])
def test_the_origin_does_not_matter_past_the_startup(pair: str) -> None:
    frames = market()
    startup = Spreads(SETTINGS, HOUR).startup
    whole = columns(frames, pair)
    for skip in (1, 24 * 10 + 7, 24 * 30):
        later = columns(
            {name: frame.iloc[skip:].reset_index(drop=True) for name, frame in frames.items()}, pair
        )
        same(whole, later, slice(skip + startup, None), slice(startup, None))


def test_a_missing_candle_means_no_couple() -> None:
    frames = market()
    whole = columns(frames, A)
    hole = dict(frames) | {B: frames[B].drop(index=range(24 * 12, 24 * 12 + 3))}
    found = columns(hole, A)
    assert np.isnan(found["score"][24 * 12]) or not found["role"][24 * 12]
    assert found["chosen"].sum() < whole["chosen"].sum()
    assert not columns({A: frames[A]} | {B: frames[B].iloc[:0]}, A)["chosen"].any()


def test_named_couples_are_tested_alone() -> None:
    frames = market()
    named = SETTINGS.model_copy(update={"couples": ((B, A),)})
    found = columns(frames, A, named)
    assert found["chosen"].sum() >= columns(frames, A)["chosen"].sum()
    assert (found["role"][found["role"] != 0] == -1).all(), "the second leg, as it was named"
    assert not columns(frames, C, named)["role"].any()
    assert Spreads(named, HOUR).legs() == [B, A]


def test_what_was_computed_for_one_leg_is_there_for_the_other() -> None:
    frames, asked = market(), []

    def other(name: str) -> pd.DataFrame:
        asked.append(name)
        return frames[name]

    spreads = Spreads(SETTINGS, HOUR)
    for pair in frames:
        spreads.columns(pair, frames[pair], list(frames), other)
    assert len(asked) == 2


def test_a_leg_whose_newest_candle_came_late_has_its_spread_all_the_same() -> None:
    """It is missing from the table that the other leg has made."""
    frames = market()
    there = {**frames, B: frames[B].iloc[:-1]}
    spreads = Spreads(SETTINGS, HOUR)
    early = spreads.columns(A, frames[A], list(frames), there.__getitem__)
    assert np.isnan(early["score"][-1])
    late = spreads.columns(B, frames[B], list(frames), frames.__getitem__)
    whole = slice(None)
    same(late, columns(frames, B), whole, whole)
