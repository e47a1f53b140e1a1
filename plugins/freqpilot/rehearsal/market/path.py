"""The price inside a candle: a stated, deterministic path.

A candle opens, visits its two extremes and closes: straight lines from open (at 0) to the first
extreme (at 1/4), to the second (at 3/4), to the close (at 1). Which extreme comes first is a coin
hashed from the candle's open time, so that the start of a running candle does not tell its close.
The path is a fiction: its slope does tell how far a running candle will go, so nothing learned from
inside a candle of the stand-in is evidence of anything.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIRST_TURN, SECOND_TURN = TURNS = 0.25, 0.75


class Legs(NamedTuple):
    """The four corners of each candle's path; arrays of one length."""

    open: Floats
    first: Floats
    second: Floats
    close: Floats


def low_first(date: Ints) -> NDArray[np.bool_]:
    """Return whether the low comes first, by a hash of the open time (SplitMix64's finaliser)."""
    with np.errstate(over="ignore"):
        mixed = date.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    coin: NDArray[np.bool_] = ((mixed >> np.uint64(63)) & np.uint64(1)) == 1
    return coin


def legs(date: Ints, open_: Floats, high: Floats, low: Floats, close: Floats) -> Legs:
    """Return the corners of the candles' paths; ``date`` is the open time in milliseconds."""
    coin = low_first(date)
    return Legs(open_, np.where(coin, low, high), np.where(coin, high, low), close)


def at(corners: Legs, share: Floats) -> Floats:
    """Return the price at ``share`` (0…1) of each candle's time."""
    to_first = corners.open + (corners.first - corners.open) * (share / FIRST_TURN)
    middle = (share - FIRST_TURN) / (SECOND_TURN - FIRST_TURN)
    to_second = corners.first + (corners.second - corners.first) * middle
    last = (share - SECOND_TURN) / (1.0 - SECOND_TURN)
    to_close = corners.second + (corners.close - corners.second) * last
    price: Floats = np.where(
        share <= FIRST_TURN, to_first, np.where(share <= SECOND_TURN, to_second, to_close)
    )
    return price


def piece(corners: Legs, begin: Floats, end: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return open, high, low and close of the part ``begin``…``end`` (shares) of each candle."""
    opened, closed = at(corners, begin), at(corners, end)
    high, low = np.maximum(opened, closed), np.minimum(opened, closed)
    for turn, corner in ((FIRST_TURN, corners.first), (SECOND_TURN, corners.second)):
        inside = (begin <= turn) & (turn <= end)
        high = np.where(inside, np.maximum(high, corner), high)
        low = np.where(inside, np.minimum(low, corner), low)
    return opened, high, low, closed
