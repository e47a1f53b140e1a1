"""Which memecoins are candidates, and which candle is a break: each rule at its edge."""

import math

import numpy as np
import pytest

from freqpilot.risk.memes.candidates import MemeFigures, MemeRules, detected, no_breakout, refusal

RULES = MemeRules()
NAN = math.nan
UNKNOWN = MemeFigures(NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN)
NOTHING = MemeFigures(0.0, 3.5, 999.0, 0.0, 0.0, 999.0, 0.0, 50e6)


def test_the_thresholds_are_the_missions() -> None:
    assert MemeRules() == MemeRules(5.0, 7.0, 30.0, 3.0, 0.25, 5.0, 100e6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"mention_growth": 5.0}, "mentions rise"),
        ({"mention_growth": 4.99}, None),
        ({"listed_days": 0.0}, "new listing"),
        ({"listed_days": 7.0}, "new listing"),
        ({"listed_days": 7.01}, None),
        ({"listed_days": -0.5}, None),  # it is listed some day
        ({"influencers": 0.5}, "influencers"),
        ({"influencers": -0.5}, None),
        ({"narrative": 0.5}, "narrative"),
        ({"narrative": -0.5}, None),
        ({"token_days": 29.9, "holder_growth": 0.1}, "young with more holders"),
        ({"token_days": 0.0, "holder_growth": 0.1}, "young with more holders"),
        ({"token_days": 30.0, "holder_growth": 0.1}, None),
        ({"token_days": -0.5, "holder_growth": 0.1}, None),
        ({"token_days": 29.9, "holder_growth": 0.0}, None),
        ({"token_days": 29.9, "holder_growth": -0.5}, None),
        ({"token_days": 29.9, "holder_growth": NAN}, None),
        ({"narrative": 1.0, "listed_days": 1.0}, "new listing"),  # the first is told
    ],
)
def test_a_candidate(changes: dict[str, float], reason: str | None) -> None:
    assert detected(NOTHING._replace(**changes), RULES) == reason
    assert detected(UNKNOWN._replace(**changes), RULES) == reason


@pytest.mark.parametrize(
    ("changes", "breaks", "words"),
    [
        ({}, None, None),
        ({"zscore": 3.0}, None, "mentions are 3.0 deviations above their mean"),
        ({"zscore": 3.01}, None, None),
        ({"zscore": NAN}, "no break", "mentions and their usual number are not known"),
        ({"zscore": 1.0}, "no break", "mentions are 1.0 deviations above their mean"),
        ({}, "no break", "no break"),
        ({"market_cap": NAN}, "no break", "no break"),
        ({"market_cap": NAN}, None, "the market capitalisation is not known"),
        ({"market_cap": 100e6}, None, "the market capitalisation is 100,000,000"),
        ({"market_cap": 99e6}, None, None),
        ({"market_cap": 0.5}, None, None),
        ({"market_cap": 0.0}, None, "the market capitalisation is 0"),
        ({"market_cap": -0.4}, None, "the market capitalisation is -0"),
    ],
)
def test_an_entry(changes: dict[str, float], breaks: str | None, words: str | None) -> None:
    assert refusal(NOTHING._replace(**changes), breaks, RULES) == words


def broken(
    *,
    top: float = 110.0,
    bottom: float = 100.0,
    close: float = 111.0,
    volume: float = 51.0,
    mean: float = 10.0,
    count: int = 4,
) -> str | None:
    """Return what three candles of consolidation and the one after them come to; an older candle
    would spoil all of it."""
    high = [999.0, top - 1, top, top - 2, 999.0][-count - 1 :]
    low = [1.0, bottom, bottom + 2, bottom + 1, 1.0][-count - 1 :]
    closes = [500.0, 105.0, 105.0, 105.0, close][-count - 1 :]
    volumes = [9999.0, mean, mean + 5, mean - 5, volume][-count - 1 :]
    arrays = (np.array(each, dtype=float) for each in (high, low, closes, volumes))
    return no_breakout(*arrays, 3, RULES)


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({}, None),
        ({"count": 3}, None),  # as many candles as it takes
        ({"count": 2}, "there are 3 candles"),
        ({"top": 125.0, "close": 126.0}, None),
        ({"top": 125.1, "close": 126.0}, "it ranged over 25%, which is no consolidation"),
        ({"top": 150.0, "close": 160.0}, "it ranged over 50%, which is no consolidation"),
        ({"close": 110.0}, "it has not broken above its consolidation"),
        ({"close": 109.0}, "it has not broken above its consolidation"),
        ({"volume": 50.0}, "volume is 5.0 times its mean"),
        ({"volume": 50.1}, None),
        ({"volume": 25.0}, "volume is 2.5 times its mean"),
        ({"mean": 0.0, "volume": 1.0}, "volume is 0.0 times its mean"),
        ({"close": NAN}, "a candle has no price"),
        ({"close": math.inf}, "a candle has no price"),
        ({"volume": NAN}, "a candle has no price"),
        ({"top": NAN}, "a candle has no price"),
        ({"bottom": NAN}, "a candle has no price"),
        ({"mean": NAN}, "a candle has no price"),
        ({"bottom": 0.0}, "a candle has no price"),
        ({"bottom": -0.5, "top": 1.0}, "a candle has no price"),
    ],
)
def test_a_break(figures: dict[str, float], words: str | None) -> None:
    assert broken(**figures) == words  # type: ignore[arg-type]


def test_a_coin_of_a_fraction_of_a_cent_and_little_volume_breaks_as_well() -> None:
    high, low = np.array([0.55, 0.55, 1.0]), np.array([0.5, 0.5, 0.5])
    close, volume = np.array([0.5, 0.5, 0.6]), np.array([0.5, 0.5, 2.6])
    assert no_breakout(high, low, close, volume, 2, RULES) is None
    volume[-1] = 2.5
    assert no_breakout(high, low, close, volume, 2, RULES) == "volume is 5.0 times its mean"
