"""Meme momentum: attention to a coin rises while its price breaks out of a quiet range.

The rules are those of the specification, its thresholds judgements that nobody has fitted. What is
not known is no entry; for an exit it leaves that one rule silent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from freqpilot.shapes import Bools, Floats

LEAVES = ("sentiment", "influencers", "inflow", "failed_breakout")
"""Why a position is left, in the order in which the reason is told."""


@dataclass(frozen=True)
class MemeRules:
    """The thresholds. ``mention_growth`` and ``consolidation_range`` are shares, ``market_cap`` is
    in US dollars, ``young_days`` and ``listing_days`` are days."""

    mention_growth: float = 5.0
    listing_days: float = 7.0
    young_days: float = 30.0
    min_zscore: float = 3.0
    consolidation_range: float = 0.25
    volume_multiple: float = 5.0
    market_cap: float = 100e6


@dataclass(frozen=True)
class MemeLeaves:
    """When to leave: a sentiment that changes by less than ``velocity`` a day, influencers silent
    who spoke within ``quiet_hours``, an inflow to exchanges ``inflow_zscore`` deviations above its
    mean, a close below a breakout of the last ``breakout_candles``."""

    velocity: float = 0.0
    quiet_hours: float = 72.0
    inflow_zscore: float = 3.0
    breakout_candles: int = 60


@dataclass(frozen=True)
class Attention:
    """What was known at each candle's close, NaN where nothing was. Shares of a day:
    ``mention_growth``, ``holder_growth``, ``velocity`` (of the sentiment, −1…1); deviations from
    the usual: ``zscore`` (of mentions), ``inflow`` (to exchanges); ``influencers``, ``narrative``
    and ``influencer_sales`` count, ``spoke_hours`` is the time since influencers last spoke.
    ``safe`` is 1 where all rug-pull checks pass, 0 where one fails or is not known."""

    mention_growth: Floats
    zscore: Floats
    listed_days: Floats
    influencers: Floats
    narrative: Floats
    token_days: Floats
    holder_growth: Floats
    market_cap: Floats
    safe: Floats
    velocity: Floats
    spoke_hours: Floats
    influencer_sales: Floats
    inflow: Floats


class Breakout(NamedTuple):
    """Where a candle breaks above its consolidation on volume, and the consolidations' tops."""

    out: Bools
    top: Floats


def detected(seen: Attention, rules: MemeRules) -> Bools:
    """Tell where anything shows that a coin begins to move."""
    listed, token = seen.listed_days, seen.token_days
    found: Bools = (
        (seen.mention_growth >= rules.mention_growth)
        | ((listed >= 0) & (listed <= rules.listing_days))
        | (seen.influencers > 0)
        | (seen.narrative > 0)
        | ((token >= 0) & (token < rules.young_days) & (seen.holder_growth > 0))
    )
    return found


def breakout(
    high: Floats, low: Floats, close: Floats, volume: Floats, candles: int, rules: MemeRules
) -> Breakout:
    """Return which candles close above the ``candles`` before them, whose highest high is at most
    ``consolidation_range`` above their lowest low, on more than ``volume_multiple`` times their
    mean volume. A missing price in any of them is no breakout."""
    top, bottom = _before(high, candles, np.max), _before(low, candles, np.min)
    usual = _before(volume, candles, np.mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        quiet = (bottom > 0) & (top / bottom - 1 <= rules.consolidation_range)
        loud = (usual > 0) & (volume > rules.volume_multiple * usual)
    known = np.isfinite(usual) & np.isfinite(volume) & np.isfinite(close)
    return Breakout(known & quiet & loud & (close > top), top)


def entry(seen: Attention, out: Bools, rules: MemeRules) -> Bools:
    """Tell where all conditions of an entry hold; unknown counts as no."""
    small = (seen.market_cap > 0) & (seen.market_cap < rules.market_cap)
    found: Bools = (
        detected(seen, rules) & (seen.zscore > rules.min_zscore) & small & (seen.safe == 1) & out
    )
    return found


def leaves(seen: Attention, found: Breakout, close: Floats, rules: MemeLeaves) -> Bools:
    """Return which rule of :data:`LEAVES` wants out at each candle (n_candles × n_rules)."""
    silent = (seen.influencers == 0) & (seen.spoke_hours <= rules.quiet_hours)
    return np.column_stack(
        (
            seen.velocity < rules.velocity,
            silent | (seen.influencer_sales > 0),
            seen.inflow > rules.inflow_zscore,
            close < _last(found, rules.breakout_candles),
        )
    )


def _before(x: Floats, candles: int, what: Callable[..., Floats]) -> Floats:
    """Return ``what`` of the ``candles`` before each, NaN where there are fewer."""
    out = np.full(len(x), np.nan)
    if len(x) > candles:
        windows = np.lib.stride_tricks.sliding_window_view(x[:-1], candles)
        out[candles:] = what(windows, axis=1)
    return out


def _last(found: Breakout, candles: int) -> Floats:
    """Return the level that was broken last, within ``candles``; NaN without one."""
    rows = np.arange(len(found.out))
    place = np.maximum.accumulate(np.where(found.out, rows, -1)) if len(rows) else rows
    recent = (place >= 0) & (rows - place <= candles)
    return np.where(recent, found.top[place], np.nan)
