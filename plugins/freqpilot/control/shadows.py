"""Shadow orders as a person or a program reads them, with what the price did since."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np

from freqpilot.shapes import Candles
from freqpilot.store import ShadowKind, ShadowOrder

WORDS: Mapping[ShadowKind, str] = {
    "watch": "sent (watch)",
    "reported": "sent (reported)",
    "paper": "on paper",
    "refused": "refused",
    "challenger": "challenger",
}


class Outcome(NamedTuple):
    """What a price did after an order was asked for: the ``change`` to the last close, and the
    ``best`` and ``worst`` price on the way, as fractions of the order's rate in its direction;
    ``candles`` is of how many. Costs, stops and leverage are left out."""

    change: float
    best: float
    worst: float
    candles: int


def outcome(order: ShadowOrder, candles: Candles, hours: float) -> Outcome | None:
    """Return what the price did in the ``hours`` after an order; None where no candle tells.

    Only candles count that open at the order's own time or later: what the candle held in which it
    was asked for may have been before.
    """
    if not (math.isfinite(order.rate) and order.rate > 0):
        return None
    begin = int(order.time.timestamp() * 1e9)
    end = begin + int(timedelta(hours=hours).total_seconds() * 1e9)
    rows = slice(*np.searchsorted(candles.date, [begin, end]))
    close, high, low = candles.close[rows], candles.high[rows], candles.low[rows]
    if not len(close) or not np.isfinite(close[-1]):
        return None
    sign = -1.0 if order.side == "short" else 1.0
    highest, lowest = float(np.nanmax(high)), float(np.nanmin(low))
    best, worst = (lowest, highest) if sign < 0 else (highest, lowest)
    change, best, worst = (
        sign * (price / order.rate - 1) for price in (float(close[-1]), best, worst)
    )
    return Outcome(change, best, worst, len(close))


def record(order: ShadowOrder, after: Outcome | None) -> dict[str, Any]:
    """Return a shadow order for ``--json``; figures that are missing are null."""
    figures = {
        name: value if math.isfinite(value) else None
        for name in ("rate", "leverage", "stake", "allowed")
        for value in [getattr(order, name)]
    }
    words = ("ledger", "kind", "pair", "purpose", "rule", "side", "tag", "reason")
    return {
        "time": order.time.isoformat(),
        "candle": order.candle.isoformat(),
        **{name: getattr(order, name) for name in words},
        **figures,
        "sent": order.was_sent,
        "since": None if after is None else after._asdict(),
    }


def print_shadows(
    found: Sequence[tuple[ShadowOrder, Outcome | None]], hours: float, console: Any
) -> None:
    """Print shadow orders, and what came of them by rule."""
    from rich.table import Table
    from rich.text import Text

    table = Table("time (UTC)", "what", "pair", "order", "tag", "rule")
    for name in ("asked", "left", f"after {hours:g} h", "best", "worst"):
        table.add_column(name, justify="right")
    for order, after in found:
        words = f"{order.purpose} {order.side}"
        asked = f"{order.stake:,.2f}" if math.isfinite(order.stake) else "–"
        money = (asked, f"{order.allowed:,.2f}")
        cells = (f"{order.time:%Y-%m-%d %H:%M}", WORDS[order.kind], order.pair, words)
        table.add_row(*cells, Text(order.tag or ""), order.rule, *money, *_shares(after))
    console.print(table)
    rules = Table("what", "rule", title="by rule", title_justify="left")
    for name in ("orders", "with candles", f"mean after {hours:g} h", "would have gained"):
        rules.add_column(name, justify="right")
    for row in by_rule(found):
        rules.add_row(*row)
    console.print(rules)


def _shares(after: Outcome | None) -> tuple[str, str, str]:
    if after is None:
        return "–", "–", "–"
    return f"{after.change:+.1%}", f"{after.best:+.1%}", f"{after.worst:+.1%}"


def by_rule(found: Sequence[tuple[ShadowOrder, Outcome | None]]) -> list[tuple[str, ...]]:
    """Return a row for each kind and rule, most orders first: how many, of how many the price since
    is known, its mean change and how many of those were gains."""
    groups: dict[tuple[str, str], list[Outcome | None]] = defaultdict(list)
    for order, after in found:
        groups[WORDS[order.kind], order.rule].append(after)
    rows: list[tuple[str, ...]] = []
    for (kind, rule), outcomes in sorted(groups.items(), key=lambda item: -len(item[1])):
        changes = [after.change for after in outcomes if after is not None]
        mean = f"{sum(changes) / len(changes):+.1%}" if changes else "–"
        gained = f"{sum(change > 0 for change in changes)}" if changes else "–"
        rows.append((kind, rule, f"{len(outcomes)}", f"{len(changes)}", mean, gained))
    return rows
