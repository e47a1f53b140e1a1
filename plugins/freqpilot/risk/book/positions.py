"""The open positions taken together: how much more one of them may hold, and the figures of all.

Money is counted at the prices of now. A pair without enough history counts as linked with every
other, and its loss as that of a crash day of its class.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from freqpilot.risk.book import clusters, stress
from freqpilot.risk.book.comovement import View
from freqpilot.risk.book.stress import Line
from freqpilot.risk.book.value_at_risk import largest, tail
from freqpilot.risk.exits.plan import widest_stop
from freqpilot.risk.soundness import is_number
from freqpilot.risk.taxonomy import asset_of
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Book, Floats, OrderRequest, Position

TAIL = 0.99
LEVELS = (0.95, TAIL)


class Fit(NamedTuple):
    """The largest stake that fits in stake currency, and the rule and reason when it is less than
    was asked for."""

    stake: float
    rule: str = ""
    reason: str = ""


def fit(order: OrderRequest, book: Book, seen: View, settings: RiskSettings) -> Fit:
    """Return how much of the stake of ``order``, which :func:`freqpilot.risk.entries.limits.judge`
    allows, the rest of the book leaves room for."""
    if order.pair not in seen.fresh:
        return Fit(0.0, "book_data", f"there are no candles of {order.pair} of the last day")
    for position in book.positions:
        if not is_number(position.leverage, above=0):
            return Fit(0.0, "book_data", f"the leverage of {position.pair} is {position.leverage}")
    limits = settings.book
    held = _money(book)
    direction = 1 if order.side == "long" else -1
    crowd = clusters.crowd(
        order.pair, direction, held, seen.between, limits.max_correlation, limits.max_correlated
    )
    if crowd and not held.get(order.pair):
        return Fit(0.0, "max_correlated", _crowded(order.pair, crowd, seen, limits.max_correlation))
    fits = (
        _cluster_room(order, direction, held, book, seen, settings),
        _var_room(order, book, seen, settings),
        _stress_room(order, book, seen, settings),
    )
    return min(fits, key=lambda each: each.stake)


def lines(book: Book, seen: View, settings: RiskSettings) -> list[Line]:
    """Return the positions as stress and value at risk take them."""
    return [_line(each, book.equity, seen, settings) for each in book.positions if each.value]


def max_stress_loss(book: Book, settings: RiskSettings) -> float:
    """Return the most that a scenario may cost, as a share of equity: by default what is left
    until the total loss, and never more than that."""
    if settings.book.max_stress_loss is not None:
        return settings.book.max_stress_loss
    left = 1.0 - book.start * (1.0 - settings.total_loss) / book.equity
    return max(0.0, min(settings.total_loss, left))


@dataclass(frozen=True)
class Figures:
    """The book as a person reads it, all as shares of equity: own money by class and sector,
    clusters with what counts in them, VaR and CVaR of a day by method and confidence, the loss by
    scenario, and the limits."""

    classes: dict[str, float]
    sectors: dict[str, float]
    clusters: list[dict[str, Any]]
    tails: dict[str, dict[str, float]]
    stress: dict[str, float]
    limits: dict[str, float]
    unknown: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def figures(book: Book, seen: View, settings: RiskSettings) -> Figures:
    """Return the figures of the open positions."""
    classes: defaultdict[str, float] = defaultdict(float)
    sectors: defaultdict[str, float] = defaultdict(float)
    for position in book.positions:
        asset = asset_of(position.pair, settings)
        classes[asset.kind] += position.stake / book.equity
        sectors[asset.sector] += position.stake / book.equity
    found = lines(book, seen, settings)
    groups = clusters.clusters(_money(book), seen.between, settings.book.max_correlation)
    tails: dict[str, dict[str, float]] = {}
    for name, returns in (("historical", seen.history), ("monte_carlo", seen.drawn)):
        tails[name] = {}
        for level in LEVELS:
            cut = tail(_losses(found, seen, returns, settings), level)
            tails[name][f"var_{level * 100:.0f}"] = cut.var
            tails[name][f"cvar_{level * 100:.0f}"] = cut.cvar
    return Figures(
        classes=dict(classes),
        sectors=dict(sectors),
        clusters=[{"pairs": list(pairs), "share": money / book.equity} for pairs, money in groups],
        tails=tails,
        stress=stress.losses(found, settings.book),
        limits={
            "cluster_cap": settings.book.cluster_cap,
            "var_limit": settings.book.var_limit,
            "max_stress_loss": max_stress_loss(book, settings),
        },
        unknown=sorted({each.pair for each in book.positions if each.pair not in seen.known}),
    )


def _money(book: Book) -> dict[str, float]:
    """Return own money by pair as paid, shorts negative, as other caps count it."""
    held: dict[str, float] = {}
    for position in book.positions:
        sign = 1 if position.side == "long" else -1
        held[position.pair] = held.get(position.pair, 0.0) + sign * position.stake
    return held


def _line(position: Position, equity: float, seen: View, settings: RiskSettings) -> Line:
    kind = asset_of(position.pair, settings).kind
    if position.pair in seen.known:
        volatility = float(seen.volatility[seen.known.index(position.pair)])
    else:
        volatility = float(getattr(settings.book.crash_day, kind)) / 2
    stop = abs(1.0 - position.risk_stop / position.rate) if position.rate > 0 else np.nan
    widest = widest_stop(position.pair, position.side, settings)
    return Line(
        pair=position.pair,
        kind=kind,
        sign=1 if position.side == "long" else -1,
        share=position.value / equity,
        leverage=position.leverage,
        volatility=volatility,
        stop=stop if stop < widest else widest,
    )


def _asked(order: OrderRequest, book: Book, seen: View, settings: RiskSettings) -> Line:
    stake = order.stake
    position = Position(order.pair, order.side, stake, stake, leverage=order.leverage)
    return _line(position, book.equity, seen, settings)


def _cluster_room(
    order: OrderRequest,
    direction: int,
    held: dict[str, float],
    book: Book,
    seen: View,
    settings: RiskSettings,
) -> Fit:
    limits = settings.book
    most = limits.cluster_cap * book.equity
    left, members = clusters.room(
        order.pair, direction, held, seen.between, limits.max_correlation, most
    )
    others = ", ".join(pair for pair in members if pair != order.pair) or "nothing else"
    return Fit(
        max(0.0, left),
        "cluster_cap",
        f"{order.pair} moves with {others} (correlation above {limits.max_correlation:g} or not "
        f"known), at most {limits.cluster_cap:.0%} of equity may be in them",
    )


def _stress_room(order: OrderRequest, book: Book, seen: View, settings: RiskSettings) -> Fit:
    limit = max_stress_loss(book, settings)
    asked = _asked(order, book, seen, settings)
    left, scenario = stress.room(asked, lines(book, seen, settings), limit, settings.book)
    if scenario is None:
        return Fit(float("inf"))
    return Fit(
        max(0.0, left * book.equity),
        "stress",
        f"in the scenario {scenario.name} ({scenario.what}) the book would lose more than "
        f"{limit:.1%} of equity",
    )


def _var_room(order: OrderRequest, book: Book, seen: View, settings: RiskSettings) -> Fit:
    limit, wanted = settings.book.var_limit, order.stake / book.equity
    asked = _asked(order, book, seen, settings)
    found = lines(book, seen, settings)
    best = Fit(float("inf"))
    for name, returns in (("historical", seen.history), ("simulated", seen.drawn)):
        base = _losses(found, seen, returns, settings)
        more = _losses([asked._replace(share=1.0)], seen, returns, settings)

        def risk(share: float, base: Floats = base, more: Floats = more) -> float:
            return tail(base + share * more, TAIL).cvar

        most = largest(risk, limit, wanted)
        if most < wanted and most * book.equity < best.stake:
            reason = (
                f"the mean loss of the worst 1 % of days ({name}) would be "
                f"{risk(wanted):.1%} of equity, limit {limit:.1%}"
            )
            best = Fit(most * book.equity, "value_at_risk", reason)
    return best


def _losses(found: list[Line], seen: View, returns: Floats, settings: RiskSettings) -> Floats:
    weights = np.zeros(len(seen.known))
    certain = 0.0
    for line in found:
        if line.pair in seen.known:
            weights[seen.known.index(line.pair)] += line.sign * line.share * line.leverage
        else:
            shock = float(getattr(settings.book.crash_day, line.kind))
            certain += line.share * min(1.0, line.leverage * shock)
    result: Floats = certain - weights @ returns
    return result


def _crowded(pair: str, crowd: tuple[str, ...], seen: View, limit: float) -> str:
    shown = []
    for other in crowd:
        value = seen.between(pair, other)
        known_value = f"{value:+.2f}" if np.isfinite(value) else "not known"
        shown.append(f"{other} ({known_value})")
    return (
        f"{pair} would be one too many of assets that move together: its correlations with "
        f"{', '.join(shown)} and theirs are above {limit:g} or not known"
    )
