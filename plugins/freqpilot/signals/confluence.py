"""Confluence of timeframes: the bias of longer candles, made of the pair's own, at each candle.

A longer candle is known from its close on, never while it forms; candles are those of the UTC
clock, as exchanges cut them.
"""

import math
from typing import NamedTuple

import numpy as np

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.engine.graph import ratio, scale
from freqpilot.shapes import Bools, Candles, Floats, Ints

HOUR = 3_600_000_000_000
LEVELS = ((HOUR, 24), (4 * HOUR, 20), (24 * HOUR, 14))
"""Length of a longer candle, and over how many of them its bias looks back."""
STARTUP = 400
"""Candles of any length after which nothing before matters: a level that needs more has no say."""


class Closed(NamedTuple):
    """Longer candles that have closed: ``number`` counts their lengths since 1970, rising."""

    number: Ints
    close: Floats


def timeframe(candles: Candles) -> int:
    """Return the candles' length in nanoseconds, the shortest way between two; 0 of too few."""
    return int(np.diff(candles.date).min()) if len(candles) > 1 else 0


def longer(candles: Candles, step: int, length: int) -> Closed:
    """Return the candles of ``length`` that the candles of ``step`` make up, closed ones only.

    The first is left out unless it is whole at its beginning: where the data begin is no price.

    :raises ValueError: for a length that is no multiple of ``step``.
    """
    if step <= 0 or length % step:
        raise ValueError(f"candles of {length} ns cannot be made of candles of {step} ns")
    number = candles.date // length
    ends = (candles.date + step) // length > number  # its candle closes with the longer one
    # The last one of each number; what the exchange left out at the end does not keep it open.
    last = np.ones(len(number), dtype=np.bool_)
    last[:-1] = number[1:] != number[:-1]
    if len(last):
        last[-1] = ends[-1]
    if len(number) and candles.date[0] % length:
        last &= number != number[0]
    return Closed(number[last], candles.close[last])


def as_of(candles: Candles, step: int, length: int, closed: Closed, values: Floats) -> Floats:
    """Return for each candle the value of the longer one that closed last by its close; NaN where
    that one is missing, as after an outage."""
    if not len(closed.number):
        return np.full(len(candles), np.nan)
    wanted = (candles.date + step) // length - 1
    place = np.searchsorted(closed.number, wanted).clip(max=len(closed.number) - 1)
    return np.where(closed.number[place] == wanted, values[place], np.nan)


def direction(close: Floats, window: int) -> Floats:
    """Return over ``window`` candles in standard deviations of such a return, through tanh: −1…1;
    NaN before there are as many, 0 of a price that rests."""
    moved = ratio(f.log_return(window), scale(f.volatility(window), math.sqrt(window)))
    alone = Candles(np.arange(len(close)), close, close, close, close, close)
    return np.asarray(np.tanh(Workspace(alone).values(moved)))


def levels(step: int) -> tuple[tuple[int, int], ...]:
    """Return those of ``LEVELS`` that candles of ``step`` make up within ``STARTUP`` of them: 4h
    and 1d for those of an hour, 1h and 4h for 15 minutes."""
    return tuple(
        (length, window)
        for length, window in LEVELS
        if length > step and not length % step and (window + 2) * length <= STARTUP * step
    )


def bias(candles: Candles) -> Floats | None:
    """Return the mean direction of the longer timeframes at each candle, −1…1; NaN where one of
    them is not known, and None where there is none for candles of this length."""
    step = timeframe(candles)
    if not step:
        return np.full(len(candles), np.nan)
    each = []
    for length, window in levels(step):
        closed = longer(candles, step, length)
        each.append(as_of(candles, step, length, closed, direction(closed.close, window)))
    return np.asarray(np.mean(each, axis=0)) if each else None


def allowed(of: Floats, least: float) -> tuple[Bools, Bools]:
    """Tell where a long and a short go in the bias's direction; neither where it is NaN."""
    return of >= least, of <= -least


def surer(confidence: Floats, value: Floats, of: Floats, most: float) -> Floats:
    """Return the confidence, raised by up to the share ``most`` where the bias is of the value's
    direction; never above 1, and 0 stays 0."""
    agrees = np.nan_to_num(np.maximum(of * np.sign(value), 0.0))
    return np.minimum(confidence * (1.0 + most * agrees), 1.0)
