"""Analysts of shapes on the chart: patterns and divergences, and the squeeze."""

import numpy as np

from freqpilot.features.bank.library import FEATURES
from freqpilot.features.bank.workspace import WILDER, Workspace, settle_of
from freqpilot.features.candles.candlesticks import candle_patterns
from freqpilot.shapes import Floats
from freqpilot.signals.analysts.base import Analyst, Columns

REVERSALS = (
    "engulfing",
    "hammer",
    "shootingstar",
    "morningstar",
    "eveningstar",
    "piercing",
    "darkcloudcover",
    "3whitesoldiers",
    "3blackcrows",
    "3inside",
    "3outside",
)
"""TA-Lib's candle patterns that have a direction and a name that traders use."""
CANDLES_HELD = 3
"""A candle pattern is remembered on its own candle and the two after it."""
BULLISH_SHAPES = (
    "inverse_head_and_shoulders_5",
    "ascending_triangle_5",
    "double_bottom_5",
    "bull_flag",
)
BEARISH_SHAPES = (
    "head_and_shoulders_5",
    "descending_triangle_5",
    "double_top_5",
    "bear_flag",
)
RSI_DIVERGENCES = ("rsi_divergence_low_5", "rsi_divergence_high_5")
MACD_DIVERGENCES = ("macd_divergence_low_5", "macd_divergence_high_5")
_FEATURES = (*BULLISH_SHAPES, *BEARISH_SHAPES, *RSI_DIVERGENCES, *MACD_DIVERGENCES)
SQUEEZED = 1.0
SQUEEZE_MEMORY = 12
"""Candles after a squeeze in which a move counts as its release."""


class PatternRecognition(Analyst):
    """Candle patterns, chart patterns and divergences of RSI and MACD, each a vote of −1…1.

    Surer the more the votes agree. Without any of them it is neutral at .5: that there is no
    pattern says little.
    """

    name = "pattern_recognition"
    startup = max(FEATURES[name].startup for name in _FEATURES)
    words = ("patterns point down", "no pattern, or they disagree", "patterns point up")

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        votes = np.stack([_candle_vote(work), _shape_vote(work), _divergence_vote(work)])
        total, size = votes.sum(axis=0), np.abs(votes).sum(axis=0)
        agreement = np.divide(np.abs(total), size, out=np.zeros_like(size), where=size > 0)
        # The strongest vote is what is sure of a pattern; others add to it or take away.
        return np.tanh(1.5 * total), 0.5 + 0.5 * agreement * np.abs(votes).max(axis=0)


class VolatilitySqueeze(Analyst):
    """The side on which price leaves a squeeze (Carter 2005: Bollinger band inside the Keltner
    channel) of the last candles; surer the tighter it was. Neutral without a squeeze."""

    name = "volatility_squeeze"
    startup = settle_of(WILDER) + SQUEEZE_MEMORY
    words = ("price breaks down out of a squeeze", "no release", "price breaks up out of a squeeze")

    def opinion(self, work: Workspace, columns: Columns) -> tuple[Floats, Floats]:
        width = work.values(FEATURES["squeeze_20"].node)
        place = work.values(FEATURES["bollinger_position_20"].node)
        tightest = _over_last(width, SQUEEZE_MEMORY, np.minimum)
        tightness = np.clip((SQUEEZED - tightest) / 0.5, 0.0, 1.0)
        released = (tightest < SQUEEZED) & (np.abs(place) > 1.0)
        value = np.where(released, np.tanh(place), 0.0) + 0.0 * (tightest + place)
        return value, 0.4 + 0.6 * tightness


def _candle_vote(work: Workspace) -> Floats:
    """Sum of the candle patterns of the last candles, a complete one counting ½, −1…1."""
    found = candle_patterns(work.candles, REVERSALS).values.astype(np.float64).sum(axis=1)
    return np.clip(_over_last(found, CANDLES_HELD, np.add), -1.0, 1.0)


def _shape_vote(work: Workspace) -> Floats:
    """Score of the clearest bullish chart pattern less that of the clearest bearish one."""
    up, down = (
        np.max([work.values(FEATURES[name].node) for name in names], axis=0)
        for names in (BULLISH_SHAPES, BEARISH_SHAPES)
    )
    return np.asarray(up - down)


def _divergence_vote(work: Workspace) -> Floats:
    """Divergence at the lows less that at the highs, of both oscillators, −1…1."""
    total = np.zeros(len(work.candles))
    for (low, high), scale in ((RSI_DIVERGENCES, 0.2), (MACD_DIVERGENCES, 1.0)):
        net = work.values(FEATURES[low].node) - work.values(FEATURES[high].node)
        total = total + 0.5 * np.tanh(net / scale)
    return total


def _over_last(x: Floats, window: int, join: np.ufunc) -> Floats:
    """Return ``join`` of the last ``window`` values; NaN until there are as many."""
    out = np.full(len(x), np.nan)
    if len(x) >= window:
        parts = np.lib.stride_tricks.sliding_window_view(x, window)
        out[window - 1 :] = join.reduce(parts, axis=1)
    return out
