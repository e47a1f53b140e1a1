"""What the market's volatility does to an entry: its size, and how far away its stop is.

It is one cause, so of its cuts the largest counts. With that of a regime it does not multiply
either: :func:`larger_cut`.
"""

import math
from dataclasses import dataclass, replace

from freqpilot.risk.soundness import is_number
from freqpilot.settings import RiskSettings, VolatilitySettings
from freqpilot.shapes import Book

CAUSE = "volatility"


@dataclass(frozen=True)
class Scaling:
    """What the size and the ATR multiple of the stop are multiplied by; NaN: not known."""

    size: float = 1.0
    stop: float = 1.0


UNSCALED = Scaling()


def scaling(
    ratio: float, day: float, adx: float, settings: VolatilitySettings, *, trends: bool = False
) -> Scaling:
    """Return what the volatility does to an entry; NaN where a figure is missing.

    :param ratio: the last day's volatility over the week's.
    :param day: the last day's volatility, the standard deviation of a day's log return.
    :param adx: strength of the trend, 0…1.
    :param trends: whether the trend is in the entry's direction.
    """
    if not settings.enabled:
        return Scaling()
    if not all(is_number(figure) and figure >= 0 for figure in (ratio, day, adx)):
        return Scaling(math.nan, math.nan)
    found = Scaling()
    for step in settings.steps:
        if ratio > step.above:
            found = Scaling(step.size, step.stop)
    if ratio < settings.calm:
        found = Scaling(stop=settings.calm_stop)
        if trends and adx >= settings.trend_adx:
            found = replace(found, size=settings.calm_trend_size)
    if day >= settings.extreme:
        found = replace(found, size=larger_cut(found.size, settings.extreme_size))
    return found


def larger_cut(*factors: float) -> float:
    """Return the factor of several that have one cause: the smallest of the cuts, else the
    largest rise. NaN when one is missing."""
    if any(math.isnan(factor) for factor in factors):
        return math.nan
    least = min(factors, default=1.0)
    return least if least < 1.0 else max(factors, default=1.0)


def with_regime(found: Scaling, size: float, stop: float) -> Scaling:
    """Return ``found`` with what a regime multiplies size and stop by: of the cuts the larger
    counts, of the stops the wider; a stop of 1 says nothing. NaN when a figure is missing, or when
    the regime would enlarge the size."""
    both = larger_cut(found.size, size if 0 < size <= 1 else math.nan)
    if math.isnan(found.stop) or math.isnan(stop):
        return Scaling(both, math.nan)
    return Scaling(both, found.stop if stop == 1.0 else max(found.stop, stop))


def sized(book: Book, size: float) -> Book:
    """Return the book whose next entry is multiplied by ``size`` as well; its caps by a cut."""
    if size == 1.0:
        return book
    return replace(book, factors=(*book.factors, (CAUSE, size)))


def with_stop(settings: RiskSettings, stop: float) -> RiskSettings:
    """Return the settings whose ATR stop is ``stop`` times as far away; ``hard_stop`` holds. A
    factor that is not known changes nothing."""
    if stop == 1.0 or not is_number(stop, above=0):
        return settings
    return settings.model_copy(update={"stop_atr_multiple": settings.stop_atr_multiple * stop})
