"""What the account's past does to the next entry: smaller, later, or not at all.

Cuts of different causes multiply, and one cause cuts once. A rise never lifts a stake above a cap.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from freqpilot.risk.account.record import Record, burst
from freqpilot.risk.soundness import reached
from freqpilot.settings import RiskSettings, StreakPhase
from freqpilot.shapes import Book


@dataclass(frozen=True)
class Response:
    """``factors`` by cause multiply the size of the next entry; ``threshold`` is the least
    composite it needs (0: the strategy's own); ``wait`` says why there is no entry now."""

    factors: tuple[tuple[str, float], ...] = ()
    threshold: float = 0.0
    wait: str | None = None


def cap_factor(book: Book, settings: RiskSettings) -> float:
    """Return what a position's cap is multiplied by: every cut, and no rise."""
    cuts = (min(1.0, factor) for _, factor in book.factors)
    return drawdown_factor(book.drawdown, settings) * math.prod(cuts)


def drawdown_factor(drawdown: float, settings: RiskSettings) -> float:
    """Return the factor for a drawdown (fraction of the peak): 1, the cut's, or the half's."""
    factor = 1.0
    if reached(drawdown, settings.drawdown_cut):
        factor = settings.drawdown_cut_factor
    if reached(drawdown, settings.drawdown_half):
        factor = min(factor, settings.drawdown_half_factor)
    return factor


def streak_phase(record: Record, now: datetime, settings: RiskSettings) -> StreakPhase | None:
    """Return the phase that the losing streak has come to, or None.

    The first phase begins as well with ``streak_losses`` of the last ten trades, or with a net
    loss of ``burst_loss`` within ``burst_hours``. Its threshold may let no entry through that
    could end it, so it lapses ``streak_lapse_days`` after the last close: the next trade is a
    trial, and where it loses the phase is back, the streak one longer. Later phases wait for a
    person.
    """
    found = None
    for phase in settings.streak_phases:
        if record.losses_in_a_row >= phase.losses:
            found = phase
    first = settings.streak_phases[0] if settings.streak_phases else None
    if found is None and (
        record.losses_of(10) >= settings.streak_losses
        or reached(burst(record, now, settings.burst_hours), settings.burst_loss)
    ):
        found = first
    lapsed = found is first and record.quiet(now) >= timedelta(days=settings.streak_lapse_days)
    return None if lapsed else found


def win_rate_factor(record: Record, settings: RiskSettings) -> float:
    """Return the cut for few wins among the last 20 trades, or the rise for many of the last 50."""
    if record.win_rate(20) < settings.low_win_rate:
        return settings.low_win_rate_factor
    if record.win_rate(50) > settings.high_win_rate:
        return settings.high_win_rate_factor
    return 1.0


def respond(
    record: Record,
    restore: float,
    wait_until: datetime | None,
    now: datetime,
    settings: RiskSettings,
) -> Response:
    """Return the response to the account's past, the drawdown's own factor apart.

    :param restore: share of the normal size since a halt was released, 1 when it is restored.
    :param wait_until: until when entries wait for a person who acknowledges a drawdown.
    """
    phase = streak_phase(record, now, settings)
    factors = (
        ("restore", restore),
        ("streak", phase.factor if phase else 1.0),
        ("win_rate", win_rate_factor(record, settings)),
    )
    wait = None
    if wait_until is not None and now < wait_until:
        wait = (
            f"the drawdown reached {settings.drawdown_half:.0%}: entries wait for `freqpilot "
            f"release` or until {wait_until:%Y-%m-%d %H:%M} UTC"
        )
    return Response(
        tuple((name, factor) for name, factor in factors if factor != 1.0),
        phase.threshold if phase else 0.0,
        wait,
    )
