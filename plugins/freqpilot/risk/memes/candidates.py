"""Which memecoins are candidates, and when one may be entered (pure). The same rules
for columns of candles are in :mod:`freqpilot.signals.memes`."""

from typing import NamedTuple

import numpy as np

from freqpilot.shapes import Floats
from freqpilot.signals.memes import MemeRules


class MemeFigures(NamedTuple):
    """What is known of a coin; NaN where nothing is.

    ``mention_growth`` and ``holder_growth`` are over a day, ``zscore`` is of the newest count of
    mentions, ``influencers`` and ``narrative`` count endorsements, ``listed_days`` is the time
    since the listing, ``token_days`` since the token was made.
    """

    mention_growth: float
    zscore: float
    listed_days: float
    influencers: float
    narrative: float
    token_days: float
    holder_growth: float
    market_cap: float


def detected(figures: MemeFigures, rules: MemeRules) -> str | None:
    """Return why a coin is a candidate, None when it is none; unknown counts as no."""
    reasons = {
        "mentions rise": figures.mention_growth >= rules.mention_growth,
        "new listing": 0 <= figures.listed_days <= rules.listing_days,
        "influencers": figures.influencers > 0,
        "narrative": figures.narrative > 0,
        "young with more holders": 0 <= figures.token_days < rules.young_days
        and figures.holder_growth > 0,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def refusal(figures: MemeFigures, breaks: str | None, rules: MemeRules) -> str | None:
    """Return the first condition of an entry that does not hold, None when all do.

    :param breaks: what :func:`no_breakout` says of the candles.
    """
    if np.isnan(figures.zscore):
        return "mentions and their usual number are not known"
    if not figures.zscore > rules.min_zscore:
        return f"mentions are {figures.zscore:.1f} deviations above their mean"
    if breaks is not None:
        return breaks
    if np.isnan(figures.market_cap):
        return "the market capitalisation is not known"
    if not 0 < figures.market_cap < rules.market_cap:
        return f"the market capitalisation is {figures.market_cap:,.0f}"
    return None


def no_breakout(
    high: Floats, low: Floats, close: Floats, volume: Floats, candles: int, rules: MemeRules
) -> str | None:
    """Return why the last closed candle is no break above a consolidation, None when it is one.

    The ``candles`` before it are the consolidation: their highest high is at most
    ``consolidation_range`` above their lowest low. The last must close above that high on more than
    ``volume_multiple`` times their mean volume.
    """
    if close.size <= candles:
        return f"there are {close.size} candles"
    before = slice(-candles - 1, -1)
    top, bottom = float(high[before].max()), float(low[before].min())
    mean = float(volume[before].mean())
    if not np.isfinite([top, bottom, mean, close[-1], volume[-1]]).all() or not bottom > 0:
        return "a candle has no price"
    if top / bottom - 1 > rules.consolidation_range:
        return f"it ranged over {top / bottom - 1:.0%}, which is no consolidation"
    if not close[-1] > top:
        return "it has not broken above its consolidation"
    if not (mean > 0 and volume[-1] > rules.volume_multiple * mean):
        return f"volume is {volume[-1] / mean if mean > 0 else 0:.1f} times its mean"
    return None
