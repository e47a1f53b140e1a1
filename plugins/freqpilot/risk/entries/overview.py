"""The account's state beside its limits: what holds now, and what would trip next."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from freqpilot.risk.account.ledger import Ledger
from freqpilot.risk.account.responses import drawdown_factor, streak_phase
from freqpilot.risk.account.tiers import named, profit_factor
from freqpilot.risk.entries.targets import no_edge_in
from freqpilot.settings import RiskSettings, Tier


@dataclass(frozen=True)
class Gauge:
    """One limit: how much of it is used (fractions, or trades of a streak), at what it trips, what
    happens then, and how much equity may still be lost before that (NaN where it is no loss)."""

    name: str
    used: float
    limit: float
    then: str
    left: float = math.nan

    @property
    def share(self) -> float:
        """Used part of the limit, 1 when it has tripped."""
        return min(1.0, max(0.0, self.used / self.limit))


@dataclass(frozen=True)
class Requirement:
    """What the next tier needs, in words, with the figure now and whether it is enough."""

    name: str
    now: float
    limit: float
    met: bool


@dataclass(frozen=True)
class Overview:
    """The state of an account: ``factors`` multiply the next entry's size, ``gauges`` are sorted by
    what trips next; ``no_edge`` says why the sizing method stakes nothing, ``missing`` is money
    that is gone unexplained; ``usd`` is what the stake currency is worth in US dollars. ``next``
    names the next tier, empty in the last one, and ``needs`` are all that it takes."""

    stamp: datetime | None
    equity: float
    peak: float
    tier: str
    halted: str | None
    wait: str | None
    factors: tuple[tuple[str, float], ...]
    gauges: tuple[Gauge, ...]
    no_edge: str | None = None
    missing: float = 0.0
    usd: float | None = 1.0
    next: str = ""
    needs: tuple[Requirement, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "stamp": self.stamp.isoformat() if self.stamp else None,
            "equity": self.equity,
            "peak": self.peak,
            "tier": self.tier,
            "halted": self.halted,
            "wait": self.wait,
            "no_edge": self.no_edge,
            "missing": self.missing,
            "usd": self.usd,
            "factors": dict(self.factors),
            "next_tier": {
                "name": self.next,
                "needs": [
                    {**asdict(need), "now": need.now if math.isfinite(need.now) else None}
                    for need in self.needs
                ],
            },
            "gauges": [
                {
                    "name": gauge.name,
                    "used": gauge.used,
                    "limit": gauge.limit,
                    "share": gauge.share,
                    "left": None if math.isnan(gauge.left) else gauge.left,
                    "then": gauge.then,
                }
                for gauge in self.gauges
            ],
        }


def overview(state: Ledger, now: datetime, settings: RiskSettings) -> Overview:
    """Return the state of an account at ``now``."""
    response = state.response(now, settings)
    drawdown = 1 - state.equity / state.peak if state.peak else 0.0
    factors = (("drawdown", drawdown_factor(drawdown, settings)), *response.factors)
    gauges = [*_losses(state, settings), *_streaks(state, now, settings)]
    tier = named(state.tier, state.equity * (state.usd or math.nan), settings)
    above = [each for each in settings.tiers if each.equity_from > tier.equity_from][:1]
    return Overview(
        stamp=state.stamp,
        equity=state.equity,
        peak=state.peak,
        tier=tier.name,
        halted=state.halted,
        wait=response.wait,
        factors=tuple((name, factor) for name, factor in factors if factor != 1.0),
        gauges=tuple(sorted(gauges, key=lambda gauge: -gauge.share)),
        no_edge=no_edge_in(state.record.edge(), settings.sizing),
        missing=state.flows.missing,
        usd=state.usd,
        next=above[0].name if above else "",
        needs=tuple(_needs(state, above[0], settings)) if above else (),
    )


def _needs(state: Ledger, tier: Tier, settings: RiskSettings) -> Iterator[Requirement]:
    since, record = state.tier_record, state.record
    worth = state.equity * (state.usd or math.nan)
    floor, trades = tier.equity_from, settings.advance_trades
    yield Requirement("equity in US dollars", worth, floor, worth >= floor)
    yield Requirement("trades in this tier", since.trades, trades, since.trades >= trades)
    for name, now, limit in (
        ("win rate of the last 50", record.win_rate(50), settings.advance_win_rate),
        ("profit factor", profit_factor(since, record), settings.advance_profit_factor),
    ):
        yield Requirement(name, now, limit, now > limit)
    most = settings.advance_drawdown
    yield Requirement("worst drawdown in this tier", since.drawdown, most, since.drawdown < most)


def _losses(state: Ledger, settings: RiskSettings) -> list[Gauge]:
    drawdown = "drawdown from the peak"
    close = "everything is closed, no entry until a person releases it"
    rows = (
        ("loss of the day", state.day_start, settings.daily_loss, "no entry until midnight UTC"),
        ("loss of the week", state.week_start, settings.weekly_loss, "no entry until Monday"),
        ("loss since the start", state.start, 1 - settings.capital_floor, close),
        (drawdown, state.peak, settings.drawdown_alert, "a warning"),
        (drawdown, state.peak, settings.drawdown_cut, "smaller positions"),
        (drawdown, state.peak, settings.drawdown_half, "half positions, entries wait"),
        (drawdown, state.peak, settings.drawdown_halt, close),
    )
    return [
        Gauge(
            name,
            max(0.0, 1 - state.equity / base),
            limit,
            then,
            max(0.0, state.equity - base * (1 - limit)),
        )
        for name, base, limit, then in rows
        if base > 0
    ]


def _streaks(state: Ledger, now: datetime, settings: RiskSettings) -> list[Gauge]:
    streak, phase = state.record.losses_in_a_row, streak_phase(state.record, now, settings)
    rows = [
        (each.losses, f"positions at most {each.factor:.0%}")
        for each in settings.streak_phases
        if phase is None or each.losses > phase.losses
    ]
    rows.append((settings.streak_halt, "no entry until a person has looked"))
    return [Gauge("losing trades in a row", streak, losses, then) for losses, then in rows]
