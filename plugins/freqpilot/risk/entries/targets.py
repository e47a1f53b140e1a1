"""The stake before any cap, by each of the methods of ``freqpilot.risk.sizing``.

A stake is own money: every method divides by the leverage, so that leverage does not raise risk.
"""

import math
from typing import NamedTuple

from freqpilot.risk.account.tiers import tier_in
from freqpilot.risk.soundness import is_number
from freqpilot.settings import RiskSettings, SizingSettings
from freqpilot.shapes import Book, Cut, Edge


class Target(NamedTuple):
    """A stake (NaN or 0 for none), what lowered it already, and why there is none."""

    stake: float
    cuts: tuple[Cut, ...] = ()
    veto: str | None = None


def target(
    distance: float, leverage: float, strength: float, book: Book, settings: RiskSettings
) -> Target:
    """Return the stake that the chosen method asks for; rises of the size are in it.

    - ``volatility``: equity × risk per trade / distance, so that the stop costs that risk.
    - ``blueprint``: equity × risk per trade × (win rate × mean win / mean loss) × strength.
    - ``kelly``: equity × ``kelly_share`` × (b p − q) / b, at most the volatility stake. p is the
      win rate, q = 1 − p, b = mean win / mean loss (J. L. Kelly, 1956).
    - ``fixed``: equity × ``fixed_share``.

    Blueprint and kelly stand back for volatility with fewer than ``min_trades`` trades or without
    a loss, where b has no value. An edge b p − q of 0 or less gives nothing.

    :param distance: of the stop, as a fraction of the rate.
    :param strength: of the signal, 0…1.
    """
    rise = math.prod(max(1.0, factor) for _, factor in book.factors)
    money = book.equity * rise / leverage
    risk = tier_in(book, settings).risk_per_trade
    volatility = money * risk / distance if distance > 0 else math.nan
    method = settings.sizing.method
    if method == "fixed":
        return Target(money * settings.sizing.fixed_share)
    if method == "volatility":
        return Target(volatility)
    if fault := _fault_of(book.edge):
        return Target(0.0, veto=fault)
    return _by_edge(money, volatility, risk * strength, book.edge, settings.sizing)


def _by_edge(
    money: float, volatility: float, risk: float, edge: Edge, settings: SizingSettings
) -> Target:
    if edge.trades < settings.min_trades or edge.mean_loss == 0:
        if not edge.tried:
            return Target(volatility)
        trial = volatility * settings.trial_share
        return Target(trial, (Cut("trial", trial),))
    ratio = edge.mean_win / edge.mean_loss
    gain = ratio * edge.win_rate - (1 - edge.win_rate)
    if shows_none(edge, settings):
        return Target(0.0, veto=_no_edge(edge))
    if settings.method == "blueprint":
        return Target(money * risk * edge.win_rate * ratio)
    stake = money * settings.kelly_share * gain / ratio
    if stake <= volatility:
        return Target(stake)
    return Target(volatility, (Cut("volatility", volatility),))  # a NaN has to stay one


def shows_none(edge: Edge, settings: SizingSettings) -> bool:
    """Tell whether a record has shown no edge: ``blueprint`` and ``kelly`` stake nothing then."""
    if edge.trades < settings.min_trades or edge.mean_loss == 0:
        return False
    return not edge.mean_win / edge.mean_loss * edge.win_rate - (1 - edge.win_rate) > 0


def no_edge_in(edge: Edge, settings: SizingSettings) -> str | None:
    """Return why the chosen method stakes nothing, or None."""
    if settings.method not in ("blueprint", "kelly") or not shows_none(edge, settings):
        return None
    return _no_edge(edge)


def _no_edge(edge: Edge) -> str:
    return (
        f"no edge: {edge.win_rate:.0%} of the last {edge.trades} trades won {edge.mean_win:.2%} of "
        f"equity on average, the others lost {edge.mean_loss:.2%}; entries wait until a person has "
        "looked and runs `freqpilot release`, which begins the count anew with small sizes"
    )


def _fault_of(edge: Edge) -> str | None:
    for name, figure in edge._asdict().items():
        if not is_number(figure) or figure < 0:
            return f"the record's {name} is {figure}, not a number from 0 on"
    if edge.win_rate > 1:
        return f"the record's win_rate is {edge.win_rate}, above 1"
    return None
