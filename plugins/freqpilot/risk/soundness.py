"""Whether the figures of an order and of the account can be trusted at all.

A comparison with NaN is false, so a limit that is checked as ``x > limit`` lets NaN through. Every
figure is therefore looked at here before any limit is.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from numbers import Real
from typing import Any, get_args

from freqpilot.shapes import Book, OrderPurpose, OrderRequest, Side


def fault_of(order: OrderRequest, book: Book) -> str | None:
    """Return the first fault of the figures in plain words, or None when all are sound."""
    return next(_faults(order, book), None)


def is_number(value: Any, *, above: float = -math.inf) -> bool:
    """Tell whether ``value`` is a finite real number (no bool, no None) greater than ``above``."""
    return (
        not isinstance(value, bool)
        and isinstance(value, Real)
        and math.isfinite(value)
        and float(value) > above
    )


ROUNDING = 1e-9
"""By how much two shares, or two amounts as a share, may differ and count as the same."""


def reached(loss: float, limit: float) -> bool:
    """Tell whether a loss or drawdown (a fraction) has come to its limit.

    Within 1e-9 counts as reached: 1 − 900/1000 is a little less than .1 in floating point.
    """
    return loss >= limit - ROUNDING


def is_utc_aware(value: Any) -> bool:
    """Tell whether ``value`` is a time that carries its time zone."""
    return isinstance(value, datetime) and value.tzinfo is not None


def _faults_of_stop(order: OrderRequest) -> Iterator[str]:
    if order.stop_distance is not None and not is_number(order.stop_distance, above=0):
        yield f"the order's stop distance is {order.stop_distance}, not a positive number"


def _faults(order: OrderRequest, book: Book) -> Iterator[str]:
    if not isinstance(order.pair, str) or not order.pair:
        yield f"the order's pair is {order.pair!r}"
    if order.side not in get_args(Side):
        yield f"the order's side is {order.side!r}, not long or short"
    if order.purpose not in get_args(OrderPurpose):
        yield f"the order's purpose is {order.purpose!r}, not entry, replace or add"
    for name in ("stake", "rate", "leverage"):
        if not is_number(getattr(order, name), above=0):
            yield f"the order's {name} is {getattr(order, name)}, not a positive number"
    yield from _faults_of_stop(order)
    for name in ("equity", "peak", "start", "day_start", "week_start"):
        if not is_number(getattr(book, name), above=0):
            yield f"the account's {name} is {getattr(book, name)}, not a positive number"
    for position in (*book.positions, *book.others):
        for name in ("stake", "value"):
            figure = getattr(position, name)
            if not is_number(figure) or figure < 0:
                yield f"the {name} of the open position in {position.pair} is {figure}"
    if not is_utc_aware(order.time):
        yield f"the order's time is {order.time}, without a time zone"
    if not is_utc_aware(book.stamp):
        yield f"the account was observed at {book.stamp}, without a time zone"
