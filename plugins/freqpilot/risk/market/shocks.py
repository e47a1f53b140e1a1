"""A shock of the reference market in its candles: a fall within the hour, or a range far out of the
ordinary."""

from typing import NamedTuple

import numpy as np

from freqpilot.risk.market.breakers import HOUR_SECONDS, IndexCandles, last_fall


class Shock(NamedTuple):
    """When it was seen, in seconds since the epoch, and what it was; ``known`` is false when the
    candles could not tell."""

    time: float
    reason: str
    known: bool = True


def last_shock(
    candles: IndexCandles,
    now: float,
    *,
    fall: float,
    multiple: float,
    period: int,
    grace: float,
) -> Shock | None:
    """Return the newest shock that candles closed at ``now`` show, or None.

    :param fall: share that the price falls by within an hour.
    :param multiple: a candle's true range over the mean of the ``period`` before it.
    :param grace: seconds that the newest candle may be late by.
    """
    known = candles.until(now)
    if len(known.time) <= period + 1 or now - known.time[-1] > 2 * known.step + grace:
        return Shock(now, "its candles are missing", known=False)
    if not all(np.isfinite(column).all() for column in known[:5]):
        return Shock(now, "a figure of its candles is missing", known=False)
    fell = last_fall(known, float(known.time[-1] + known.step), float(known.close[-1]), fall)
    wide = last_wide_range(known, period, multiple)
    if fell is not None and fell >= (wide or fell):
        return Shock(fell, f"it fell by {fall:.1%} or more within an hour")
    if wide is not None:
        return Shock(wide, f"a candle moved {multiple:g} times the usual range or more")
    return None


def last_wide_range(candles: IndexCandles, period: int, multiple: float) -> float | None:
    """Return when the last candle closed whose true range (Wilder 1978) is ``multiple`` times the
    mean of the ``period`` before it or more, or None."""
    before = candles.close[:-1]
    ranges = np.maximum(candles.high[1:], before) - np.minimum(candles.low[1:], before)
    usual = np.convolve(ranges, np.full(period, 1.0 / period), mode="valid")[:-1]
    wide = np.flatnonzero((ranges[period:] >= multiple * usual - 1e-12) & (ranges[period:] > 0))
    return float(candles.time[period + 1 + wide[-1]] + candles.step) if len(wide) else None


def window(candles: IndexCandles, now: float, pause: float, period: int) -> IndexCandles:
    """Return the candles that matter: those of the pause, and what they are compared with."""
    return candles.since(now - pause - HOUR_SECONDS - (period + 2) * candles.step)
