"""Whether the market is fit for an entry: book, newest candle, price. It fails closed."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

from freqpilot.risk.soundness import is_number
from freqpilot.settings import MarketSettings

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class MarketView:
    """A pair as it is right before an entry.

    ``entry_depth`` and ``exit_depth`` are what the book holds near its middle on the side that
    the order takes and on the one by which the position will leave, in quote currency;
    ``candle_age`` is the time since the newest closed candle opened, ``timeframe`` its length, in
    seconds; ``close`` is its close, ``before`` that of the candle before; ``atr`` is a price.
    """

    bid: float
    ask: float
    entry_depth: float
    exit_depth: float
    candle_age: float
    timeframe: float
    close: float
    before: float
    atr: float

    @property
    def mid(self) -> float:
        """The middle of the book."""
        return (self.bid + self.ask) / 2


class Entry(NamedTuple):
    """What is about to be sent: its rate, and the value of the position that it leads to, in quote
    currency, leverage counted."""

    rate: float
    value: float


class Refusal(NamedTuple):
    """The rule that refuses an entry, and why in plain words."""

    rule: str
    reason: str


def check(view: MarketView, entry: Entry, settings: MarketSettings) -> Refusal | None:
    """Return the first reason against an entry, or None."""
    if fault := _fault(view, entry):
        return Refusal("market_data", fault)
    for rule, asked in RULES.items():
        if reason := asked(view, entry, settings):
            return Refusal(rule, reason)
    return None


def depth_within(levels: Iterable[Sequence[float]], mid: float, band: float) -> float:
    """Return the value of the levels (price, amount) within ``band`` (a share) of ``mid``, in
    quote currency; NaN when a figure is missing."""
    total = 0.0
    for price, amount, *_ in levels:
        if not abs(price / mid - 1) > band + 1e-9:  # so that NaN is counted and spoils the sum
            total += price * amount
    return total


def average_true_range(
    high: Sequence[float], low: Sequence[float], close: Sequence[float], period: int
) -> float:
    """Return the plain mean of the last ``period`` true ranges (Wilder 1978), a price; NaN when
    there are fewer candles than ``period`` + 1, or one of them lacks a figure."""
    count = len(close)
    if count <= period:
        return math.nan
    ranges = 0.0
    for i in range(count - period, count):
        if not all(map(math.isfinite, (high[i], low[i], close[i - 1]))):
            return math.nan
        ranges += max(high[i], close[i - 1]) - min(low[i], close[i - 1])
    return ranges / period


def _fault(view: MarketView, entry: Entry) -> str | None:
    for field in fields(view):
        figure, name = getattr(view, field.name), field.name.replace("_", " ")
        may_be_zero = field.name in ("entry_depth", "exit_depth", "candle_age", "atr")
        if not (is_number(figure) and figure >= 0 if may_be_zero else is_number(figure, above=0)):
            return f"the market's {name} is {figure}, not a figure to go by"
    for name, figure in entry._asdict().items():
        if not is_number(figure, above=0):
            return f"the entry's {name} is {figure}, not a positive number"
    if view.bid > view.ask:
        return f"the book is crossed: bid {view.bid:g} above ask {view.ask:g}"
    return None


def _candle_age(view: MarketView, _: Entry, settings: MarketSettings) -> str | None:
    limit = 2 * view.timeframe + settings.candle_grace_seconds
    if view.candle_age <= limit:
        return None
    return (
        f"the newest closed candle opened {view.candle_age:.0f} s ago, limit {limit:.0f} s: "
        "candles are missing"
    )


def _price_jump(view: MarketView, _: Entry, settings: MarketSettings) -> str | None:
    for name, now, then in (
        ("close", view.close, view.before),
        ("price", view.mid, view.close),
    ):
        jump = now / then - 1
        if abs(jump) >= settings.max_jump - 1e-9:
            return (
                f"the {name} went from {then:g} to {now:g} ({jump:+.0%}) in a candle, limit "
                f"{settings.max_jump:.0%}: taken for an error"
            )
    return None


def _rate(view: MarketView, entry: Entry, settings: MarketSettings) -> str | None:
    distance = entry.rate / view.mid - 1
    if abs(distance) <= settings.max_rate_distance + 1e-9:
        return None
    return (
        f"the order's rate {entry.rate:g} is {distance:+.1%} from the book's middle {view.mid:g}, "
        f"limit {settings.max_rate_distance:.1%}"
    )


def _spread(view: MarketView, _: Entry, settings: MarketSettings) -> str | None:
    spread = (view.ask - view.bid) / view.mid
    if spread <= settings.max_spread + 1e-9:
        return None
    return f"the spread is {spread:.2%}, limit {settings.max_spread:.2%}"


def _depth(view: MarketView, entry: Entry, settings: MarketSettings) -> str | None:
    for name, depth in (("enter", view.entry_depth), ("leave", view.exit_depth)):
        most = settings.max_depth_share * depth
        if entry.value > most * (1 + 1e-6):
            return (
                f"the position would be worth {entry.value:.2f}; the book to {name} by holds "
                f"{depth:.2f} within {settings.depth_band:.1%}, limit {most:.2f}"
            )
    return None


def _volatility(view: MarketView, _: Entry, settings: MarketSettings) -> str | None:
    share = view.atr / view.close * math.sqrt(DAY_SECONDS / view.timeframe)
    if share <= settings.max_volatility:
        return None
    return (
        f"the ATR is {view.atr / view.close:.1%} of the price a candle, {share:.0%} scaled to a "
        f"day, limit {settings.max_volatility:.0%}"
    )


RULES: dict[str, Callable[[MarketView, Entry, MarketSettings], str | None]] = {
    "candle_age": _candle_age,
    "price_jump": _price_jump,
    "rate": _rate,
    "spread": _spread,
    "depth": _depth,
    "volatility": _volatility,
}
"""The rules by name, in the order they are asked; the first that trips gives the reason."""
