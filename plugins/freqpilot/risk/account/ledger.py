"""What the risk supervisor remembers of the account: peak, period starts and the halt latch.

The state is immutable; each observation gives a new one at constant cost. The same functions run
live and in backtests; only who releases a latch differs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, Self

from freqpilot.errors import RefuseToStart
from freqpilot.risk.account.dollars import money
from freqpilot.risk.account.flows import Flows
from freqpilot.risk.account.record import Outcome, Record
from freqpilot.risk.account.responses import Response, respond
from freqpilot.risk.account.tiers import TierRecord, named, stepped
from freqpilot.risk.soundness import ROUNDING, is_number, is_utc_aware, reached
from freqpilot.settings import RiskSettings, Tier
from freqpilot.shapes import Book, Position

TOTAL_LOSS, DRAWDOWN, CAPITAL, STREAK = "total_loss", "drawdown_halt", "capital_floor", "streak"
STREAK_REVIEW = "streak_review"
"""What the simulated operator's look at a streak that set no latch is counted as."""
CLOSING = (TOTAL_LOSS, DRAWDOWN, CAPITAL)
"""Causes that close what is open; a losing streak only ends entries."""


TIER_STEP = 0.001
"""Steps in which the worst drawdown of a tier is kept."""


class Sure(NamedTuple):
    """What is sure of an equity that was seen more than once: it was at ``least`` and at ``most``
    so much, and the latch is judged by ``low``."""

    least: float
    most: float
    low: float


@dataclass(frozen=True)
class Ledger:
    """The account's memory, money in stake currency.

    ``stamp`` is the last observation, None before the first. ``day`` and ``week`` are the UTC day
    and the Monday that ``day_start`` and ``week_start`` belong to. ``halted`` says why entries are
    forbidden, ``cause`` which limit it was and ``halted_at`` since when. ``releases`` counts how
    often a latch was released and ``rebased_at`` is the last time. ``summit`` is the highest equity
    ever, which no release re-bases; ``level`` how far the drawdown has come since the last peak (0
    none, 1 alert, 2 cut, 3 half). ``wait_until`` is until when entries wait for a person.
    ``restore`` is the share of the normal size since a release, raised step by step from
    ``restore_at`` and ``restore_equity`` on. ``record`` holds the last closed trades.
    ``tier`` names the tier whose limits hold, ``tier_peak`` is the highest equity since it began,
    ``tier_drawdown`` the worst fall from there, a fraction, and ``tier_trades`` how many trades the
    record had when it began.
    ``flows`` are the deposits and withdrawals that are not settled. ``usd`` is how many US dollars
    one unit of the stake currency is worth, None while that is not known: tiers begin at dollars.
    """

    stamp: datetime | None = None
    equity: float = 0.0
    start: float = 0.0
    peak: float = 0.0
    day: date | None = None
    day_start: float = 0.0
    week: date | None = None
    week_start: float = 0.0
    halted: str | None = None
    cause: str | None = None
    halted_at: datetime | None = None
    releases: int = 0
    rebased_at: datetime | None = None
    summit: float = 0.0
    level: int = 0
    wait_until: datetime | None = None
    restore: float = 1.0
    restore_at: datetime | None = None
    restore_equity: float = 0.0
    record: Record = field(default_factory=Record)
    tier: str | None = None
    tier_peak: float = 0.0
    tier_drawdown: float = 0.0
    tier_trades: int = 0
    flows: Flows = field(default_factory=Flows)
    usd: float | None = 1.0

    @classmethod
    def empty(cls) -> Self:
        """Return the ledger of an account that was not observed yet."""
        return cls()

    def book(
        self, positions: tuple[Position, ...] = (), response: Response | None = None
    ) -> Book | None:
        """Return the account as last observed, or None before the first observation."""
        if self.stamp is None:
            return None
        response = response or Response()
        return Book(
            stamp=self.stamp,
            equity=self.equity,
            peak=self.peak,
            start=self.start,
            day_start=self.day_start,
            week_start=self.week_start,
            positions=positions,
            halted=self.halted,
            factors=response.factors,
            threshold=response.threshold,
            wait=response.wait,
            edge=self.record.edge(),
            tier=self.tier,
            usd=self.usd,
        )

    @property
    def tier_record(self) -> TierRecord:
        """What the account has shown since its tier began."""
        return TierRecord(self.record.total - self.tier_trades, self.tier_drawdown)

    @property
    def drawdown(self) -> float:
        """Fall from the peak as a fraction of it, as the book's."""
        return max(0.0, 1.0 - self.equity / self.peak) if self.peak > 0 else 1.0

    def response(self, now: datetime, settings: RiskSettings) -> Response:
        """Return what the account's past does to the next entry."""
        return respond(self.record, self.restore, self.wait_until, now, settings)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON has it; times and days in ISO 8601."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        plain["record"] = self.record.to_list()
        plain["flows"] = self.flows.to_dict()
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in plain.items()
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Return the state that :meth:`to_dict` gave.

        :raises RefuseToStart: when it is not such a state: without it a latch could be lost.
        """
        try:
            state = cls(**{name: _parsed(name, value) for name, value in saved.items()})
            if "tier_trades" not in saved:
                # Of an earlier version, which did not keep what its tier has shown: it counts from
                # now on, with the drawdown that is there.
                fall = max(0.0, 1 - state.equity / state.tier_peak) if state.tier_peak > 0 else 0.0
                state = replace(state, tier_trades=state.record.total, tier_drawdown=fall)
            _check(state)
        except (TypeError, ValueError, KeyError) as error:
            raise RefuseToStart(
                f"the saved risk ledger cannot be read ({error}); open trades are untouched. "
                "Restore freqpilot's database from a backup, or remove its risk_state row to "
                "start a new ledger without peak and latches"
            ) from None
        return state


def observe(
    state: Ledger,
    now: datetime,
    equity: float,
    settings: RiskSettings,
    worst: float | None = None,
    sure: Sure | None = None,
) -> Ledger:
    """Return the ledger after the account was seen with ``equity`` at ``now``.

    A figure that is no finite number, or a time before the last one, leaves no stamp: the state
    comes back unchanged and entries are refused once it is too old. The first equity of a UTC day
    and of a week that begins on Monday are their starts. A drawdown or total loss at its limit
    sets the latch, which no observation resets.

    :param worst: the equity without what nobody can value, where that is less: the latch is judged
        by it, also where ``equity`` is no number.
    :param sure: what more than one look agree on (:mod:`freqpilot.risk.account.looks`): a high is
        made by its least, a drawdown by its most. Without it ``equity`` is taken as it is, as in a
        backtest.
    :raises ValueError: when ``now`` has no time zone.
    """
    if not is_utc_aware(now):
        raise ValueError(f"the time {now} has no time zone; the ledger counts days in UTC")
    if state.stamp is not None and now < state.stamp:
        return state
    if not is_number(equity):
        return state if worst is None else _latched_by(state, worst, now, settings)
    if state.stamp is None and equity <= 0:
        return state  # an account without money has no drawdown to measure
    day = now.astimezone(UTC).date()
    monday = day - timedelta(days=day.weekday())
    first = state.stamp is None
    if sure is None:
        sure = Sure(equity, equity, equity if worst is None else min(equity, worst))
    peak = max(state.peak, float(sure.least))
    seen = replace(
        state,
        stamp=now,
        equity=float(equity),
        start=float(equity) if first else state.start,
        peak=peak,
        summit=max(state.summit, peak),
        day=day,
        day_start=state.day_start if day == state.day else float(equity),
        week=monday,
        week_start=state.week_start if monday == state.week else float(equity),
        flows=state.flows.seen(float(sure.least)),
    )
    seen = _restored(_waiting(seen, sure, settings), sure.least, settings)
    return _latched_by(_tiered(seen, sure, settings), sure.low, now, settings)


def closed(state: Ledger, outcome: Outcome, settings: RiskSettings) -> Ledger:
    """Return the ledger after a trade was closed; a streak at its end sets the latch."""
    seen = replace(state, record=state.record.add(outcome))
    streak = seen.record.losses_in_a_row
    if seen.halted or streak < settings.streak_halt:
        return seen
    text = f"{streak} losing trades in a row (limit {settings.streak_halt})"
    return replace(seen, halted=text, cause=STREAK, halted_at=outcome.time)


def durable(state: Ledger) -> tuple[Any, ...]:
    """Return what of the state must be saved when it changes: all but the last observation."""
    return tuple(getattr(state, each.name) for each in fields(state) if each.name not in _VOLATILE)


_VOLATILE = ("stamp", "equity", "usd")
_TIMES = ("stamp", "halted_at", "rebased_at", "wait_until", "restore_at")
_DAYS = ("day", "week")
_FIGURES = (
    "equity",
    "start",
    "peak",
    "day_start",
    "week_start",
    "summit",
    "restore",
    "restore_equity",
    "tier_peak",
    "tier_drawdown",
)


def _waiting(state: Ledger, sure: Sure, settings: RiskSettings) -> Ledger:
    """Return the ledger with the level of its drawdown; the half begins the wait for a person."""
    drawdown = 1.0 - sure.most / state.peak
    limits = (settings.drawdown_alert, settings.drawdown_cut, settings.drawdown_half)
    level = sum(reached(drawdown, limit) for limit in limits)
    if sure.least >= state.peak:
        return replace(state, level=0) if state.level else state
    if level <= state.level:
        return state
    assert state.stamp is not None
    until = state.stamp + timedelta(hours=settings.drawdown_wait_hours)
    half = level == len(limits)
    return replace(state, level=level, wait_until=until if half else state.wait_until)


def _restored(state: Ledger, equity: float, settings: RiskSettings) -> Ledger:
    """Return the ledger with sizes a step nearer to the normal one: at once with a new highest
    equity, else after ``restore_days`` that did not lose."""
    if state.restore >= 1.0 or state.restore_at is None or state.stamp is None:
        return state
    # A deposit or a withdrawal scales both sides, which rounding may set a little apart: that is
    # neither a gain nor a loss.
    lost = equity < state.restore_equity * (1 - ROUNDING)
    gained = equity > state.restore_equity * (1 + ROUNDING)
    if gained and equity >= state.summit * (1 - ROUNDING):
        return replace(state, restore=1.0, restore_at=None)
    if state.restore <= 0.0:
        return replace(state, restore=settings.restore_steps[0])
    due = state.stamp - state.restore_at >= timedelta(days=settings.restore_days)
    if not due or lost:
        return state
    higher = [step for step in settings.restore_steps if step > state.restore]
    return replace(
        state,
        restore=higher[0] if higher else 1.0,
        restore_at=state.stamp if higher else None,
        restore_equity=float(equity),
    )


def _tiered(state: Ledger, sure: Sure, settings: RiskSettings) -> Ledger:
    """Return the ledger with its tier: lost by what the equity was at most, gained by the least,
    and its worst drawdown by what is sure of it."""
    peak, usd = max(state.tier_peak, float(sure.least)), state.usd
    if peak <= 0 or usd is None:
        return state
    # In steps, as each new worst is written down: a fall is not to cost a write in every loop.
    fall = math.floor((1 - sure.most / peak) / TIER_STEP + ROUNDING) * TIER_STEP
    worst = max(state.tier_drawdown, fall)
    since = TierRecord(state.tier_record.trades, max(worst, 1 - sure.least / peak))
    tier = stepped(state.tier, sure.least * usd, since, state.record, settings)
    if sure.most > sure.least:
        held = stepped(state.tier, sure.most * usd, since, state.record, settings)
        now = named(state.tier, sure.most * usd, settings)
        tier = max(tier, min(held, now, key=_floor), key=_floor)
    if tier.name != state.tier:
        return replace(
            state,
            tier=tier.name,
            tier_peak=float(sure.least),
            tier_drawdown=0.0,
            tier_trades=state.record.total,
        )
    if (peak, worst) == (state.tier_peak, state.tier_drawdown):
        return state
    return replace(state, tier_peak=peak, tier_drawdown=worst)


def _floor(tier: Tier) -> float:
    return tier.equity_from


def _latched_by(state: Ledger, equity: float, now: datetime, settings: RiskSettings) -> Ledger:
    """Return the ledger with the latch that an equity sets, one that was never seen apart."""
    if state.halted or state.stamp is None or not is_number(equity):
        return state
    loss, drawdown = 1.0 - equity / state.start, 1.0 - equity / state.peak
    if reached(loss, settings.total_loss):
        cause = TOTAL_LOSS
        text = (
            f"total loss of {loss:.1%} (limit {settings.total_loss:.1%}): equity "
            f"{money(equity, state.usd)}, start {money(state.start, state.usd)}"
        )
    elif reached(loss, 1.0 - settings.capital_floor):
        cause = CAPITAL
        text = (
            f"equity of {money(equity, state.usd)} is below {settings.capital_floor:.0%} of the "
            f"start, {money(state.start, state.usd)}"
        )
    elif reached(drawdown, settings.drawdown_halt):
        cause = DRAWDOWN
        text = (
            f"drawdown of {drawdown:.1%} (limit {settings.drawdown_halt:.1%}): equity "
            f"{money(equity, state.usd)}, peak {money(state.peak, state.usd)}"
        )
    else:
        return state
    return replace(state, halted=text, cause=cause, halted_at=now)


def _parsed(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "record":
        return Record.from_list(value)
    if name == "flows":
        return Flows.from_dict(value)
    if name in _TIMES:
        return datetime.fromisoformat(value)
    if name in _DAYS:
        return date.fromisoformat(value)
    return value


def _check(state: Ledger) -> None:
    for name in _FIGURES:
        if not is_number(getattr(state, name)):
            raise ValueError(f"{name} is {getattr(state, name)}")
    if state.stamp is not None and min(state.start, state.peak) <= 0:
        raise ValueError(f"start {state.start} and peak {state.peak} must be positive")
    for name in _TIMES:
        time = getattr(state, name)
        if time is not None and not is_utc_aware(time):
            raise ValueError(f"{name} {time} has no time zone")
    if (state.halted is None) != (state.halted_at is None):
        raise ValueError("halted and halted_at must be there together")
    if state.usd is not None and not is_number(state.usd, above=0):
        raise ValueError(f"usd is {state.usd!r}")
    if state.tier is not None and not isinstance(state.tier, str):
        raise ValueError(f"tier is {state.tier!r}")
    known = isinstance(state.tier_trades, int) and 0 <= state.tier_trades <= state.record.total
    if not known or state.tier_drawdown < 0:
        raise ValueError(f"tier_trades {state.tier_trades}, tier_drawdown {state.tier_drawdown}")
    if not isinstance(state.releases, int) or not math.isfinite(state.releases):
        raise ValueError(f"releases is {state.releases}")
