"""Whether what a decision would be made on is of now."""

import math
from datetime import datetime, timedelta
from typing import NamedTuple

FREQAI_EXPIRED = 2
"""FreqAI's own ``do_predict`` when the model is older than ``expiration_hours``."""
EXPIRED = -3
"""What the pack's models say instead: FreqAI's 2 passes for trust where one asks for ``> 0``. Its
outlier checks give −2 … 1."""


class Freshness(NamedTuple):
    """When a pair's newest closed candle and newest analysed candle opened (None without one), and
    FreqAI's ``do_predict`` of the latter (NaN when it said nothing, None without FreqAI)."""

    candle: datetime | None
    analysed: datetime | None
    model: float | None = None


def staleness(seen: Freshness, now: datetime, limit: timedelta) -> str | None:
    """Return what is older than ``limit``, in plain words, or None when nothing is."""
    for name, opened in (("closed", seen.candle), ("analysed", seen.analysed)):
        if opened is None:
            return f"there is no {name} candle"
        if now - opened > limit:
            minutes, most = ((t.total_seconds() / 60) for t in (now - opened, limit))
            return f"the newest {name} candle opened {minutes:.0f} minutes ago, limit {most:.0f}"
    if seen.model is not None and (
        math.isnan(seen.model) or seen.model in (EXPIRED, FREQAI_EXPIRED)
    ):
        return "the model has said nothing of the newest candle or has expired"
    return None
