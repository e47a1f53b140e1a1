"""Regimes of the market: six names, how probable each is at every candle, and what they change.

The detector is a tree of soft questions over figures that look back a fixed number of candles. No
candle's regime depends on a later one, and none on candles further back than ``STARTUP``. Its
numbers are judgements in units that any market has (standard deviations and ratios), not fitted.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank.rolling import mean
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.engine.graph import VOLUME, Node, difference, ratio, scale, smallest
from freqpilot.settings import RegimeName
from freqpilot.shapes import Floats, Ints

NAMES: tuple[RegimeName, ...] = (
    "trending_bullish",
    "trending_bearish",
    "range_bound",
    "high_volatility_breakout",
    "low_volatility_compression",
    "capitulation",
)
BULLISH, BEARISH, RANGE, BREAKOUT, COMPRESSION, CAPITULATION = range(len(NAMES))
NONE = -1
"""Place of no regime: none was the most probable for long enough, or an input is missing."""

DAY, WEEK, SHOCK, SMOOTH = 24, 168, 48, 6
"""Candles: what figures are measured over, and what the probabilities are the mean of."""
HELD = 96
"""Candles that a regime is kept without being confirmed again."""
MAX_DWELL = 36
"""The longest dwell that ``STARTUP`` has room for."""


class Gauges(NamedTuple):
    """What a regime is told from, at each candle.

    ``volatility`` and ``volume``: the last day's over the last week's; ``trend``: return over a
    week in its own standard deviations; ``fall``: the lower of the returns over two days and over
    a week, each in standard deviations of the week before it.
    """

    volatility: Floats
    volume: Floats
    trend: Floats
    fall: Floats


class Regimes(NamedTuple):
    """``place`` in ``NAMES`` or ``NONE``, and ``probability`` of it (0 for ``NONE``), at each
    candle; ``probabilities`` of all six, n_candles × 6, NaN where an input is missing."""

    place: Ints
    probability: Floats
    probabilities: Floats

    def names(self) -> NDArray[np.object_]:
        """Return the name at each candle, empty where there is none."""
        return np.array([*NAMES, ""], dtype=object)[self.place]


def _moved(lag: int, before: int) -> Node:
    """Log return over ``lag`` candles in standard deviations of the week ``before`` candles ago."""
    usual = f.volatility(WEEK)
    if before:
        usual = usual - difference(usual, before)  # as it was then
    return ratio(f.log_return(lag), scale(usual, float(np.sqrt(lag))))


_GAUGES = (
    ratio(f.volatility(DAY), f.volatility(WEEK)),
    ratio(mean(VOLUME, DAY), mean(VOLUME, WEEK)),
    _moved(WEEK, 0),
    smallest(_moved(SHOCK, SHOCK), _moved(WEEK, WEEK)),
)
STARTUP = max(each.startup for each in _GAUGES) + SMOOTH - 1 + MAX_DWELL + HELD


def gauges(work: Workspace) -> Gauges:
    """Return the figures of each candle; NaN where one has not settled or a candle is missing."""
    return Gauges(*(work.values(each) for each in _GAUGES))


def probabilities(of: Gauges) -> Floats:
    """Return the probability of each regime at each candle, n_candles × 6; each row sums to 1, or
    is NaN where a figure is missing.

    Asked in this order, each question taking its share of what the former ones left: a fall of
    three standard deviations, on a day as loud as its week or louder (capitulation); a day much
    louder than its week on more volume (breakout); a day much quieter (compression); a week that
    went one way by more than a standard deviation (trends); a range otherwise.
    """
    left = np.ones(len(of.volatility))
    out = np.empty((len(left), len(NAMES)))
    # A market that has not moved at all is at rest, not compressed further than it was.
    loud, quiet = _above(of.volatility, 1.3, 0.15), _above(-of.volatility, -0.55, 0.08)
    questions = (
        (CAPITULATION, _above(-of.fall, 3.0, 0.6) * _above(of.volatility, 1.0, 0.15)),
        (BREAKOUT, loud * _above(of.volume, 1.2, 0.15)),
        (COMPRESSION, quiet),
        (BULLISH, _above(of.trend, 1.0, 0.3)),
    )
    for place, share in questions:
        out[:, place] = left * share
        left = left - out[:, place]
    # Up and down exclude each other, so the downward trend is asked of the same remainder.
    trends = left + out[:, BULLISH]
    out[:, BEARISH] = np.minimum(trends * _above(-of.trend, 1.0, 0.3), left)
    out[:, RANGE] = left - out[:, BEARISH]
    return out


def detect(work: Workspace, dwell: int) -> Regimes:
    """Return the regime of each candle by the rules.

    It is the most probable one once that has been the same for ``dwell`` candles in a row, and
    stays until another has; so each lasts at least ``dwell`` candles. What was not confirmed for
    ``HELD`` candles is over, and so is everything at a candle whose figures are missing.

    :raises ValueError: for a dwell that is not 1…``MAX_DWELL``.
    """
    return settled(smoothed(work), dwell)


def smoothed(work: Workspace) -> Floats:
    """Return the probabilities by the rules, each the mean of the last ``SMOOTH`` candles'."""
    return _averaged(probabilities(gauges(work)), SMOOTH)


def settled(each: Floats, dwell: int) -> Regimes:
    """Return the regimes that the probabilities ``each`` (n_candles × 6) come to; see
    :func:`detect`.

    :raises ValueError: for a dwell that is not 1…``MAX_DWELL``.
    """
    if not 1 <= dwell <= MAX_DWELL:
        raise ValueError(f"a dwell of {dwell} candles: 1 to {MAX_DWELL} are possible")
    place = confirmed(each, dwell)
    row = np.arange(len(place))
    return Regimes(place, np.where(place == NONE, 0.0, each[row, place]), each)


def confirmed(probabilities: Floats, dwell: int) -> Ints:
    """Return the place of the regime that holds at each row; see :func:`detect`."""
    rows = len(probabilities)
    known = np.isfinite(probabilities).all(axis=1)
    first = np.where(known, np.argmax(np.nan_to_num(probabilities), axis=1), NONE)
    row = np.arange(rows)
    changed = np.ones(rows, dtype=np.bool_)
    changed[1:] = first[1:] != first[:-1]
    begun = np.maximum.accumulate(np.where(changed, row, 0)) if rows else row
    # A row without figures confirms that there is none.
    settled = (row - begun + 1 >= dwell) | ~known
    last = np.maximum.accumulate(np.where(settled, row, -1)) if rows else row
    holds = (last >= 0) & (row - last <= HELD)
    return np.where(holds, first[np.maximum(last, 0)], NONE)


def _above(x: Floats, level: float, width: float) -> Floats:
    """Return how surely ``x`` is above ``level``, 0…1: ½ at it, .88 at a ``width`` above."""
    return 0.5 + 0.5 * np.tanh((x - level) / width)


def _averaged(x: Floats, window: int) -> Floats:
    """Return the mean of the last ``window`` rows, summed in one order wherever they begin."""
    out = np.full(x.shape, np.nan)
    if len(x) >= window:
        total = sum(x[k : len(x) - window + 1 + k] for k in range(window))
        out[window - 1 :] = total / window
    return out
