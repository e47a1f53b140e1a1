"""What the risk supervisor remembers of the account: peak, period starts and the halt latch.

The state is immutable; each observation gives a new one at constant cost. The same functions run
live and in backtests; only who releases a latch differs.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from freqpilot.errors import RefuseToStart
from freqpilot.risk.soundness import is_number, is_utc_aware, reached
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Book, Position

TOTAL_LOSS, DRAWDOWN = "total_loss", "drawdown_halt"


@dataclass(frozen=True)
class Ledger:
    """The account's memory, money in stake currency.

    ``stamp`` is the last observation, None before the first. ``day`` and ``week`` are the UTC day
    and the Monday that ``day_start`` and ``week_start`` belong to. ``halted`` says why entries are
    forbidden, ``cause`` which limit it was and ``halted_at`` since when. ``releases`` counts how
    often a latch was released and ``rebased_at`` is the last time.
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

    @classmethod
    def empty(cls) -> Self:
        """Return the ledger of an account that was not observed yet."""
        return cls()

    def book(self, positions: tuple[Position, ...] = ()) -> Book | None:
        """Return the account as last observed, or None before the first observation."""
        if self.stamp is None:
            return None
        return Book(
            stamp=self.stamp,
            equity=self.equity,
            peak=self.peak,
            start=self.start,
            day_start=self.day_start,
            week_start=self.week_start,
            positions=positions,
            halted=self.halted,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON has it; times and days in ISO 8601."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Self:
        """Return the state that :meth:`to_dict` gave.

        :raises RefuseToStart: when it is not such a state: without it a latch could be lost.
        """
        try:
            state = cls(**{name: _parsed(name, value) for name, value in saved.items()})
            _check(state)
        except (TypeError, ValueError, KeyError) as error:
            raise RefuseToStart(
                f"the saved risk ledger cannot be read ({error}); open trades are untouched. "
                "Restore freqpilot's database from a backup, or remove its risk_state row to "
                "start a new ledger without peak and latches"
            ) from None
        return state


def observe(state: Ledger, now: datetime, equity: float, settings: RiskSettings) -> Ledger:
    """Return the ledger after the account was seen with ``equity`` at ``now``.

    A figure that is no finite number, or a time before the last one, leaves no stamp: the state
    comes back unchanged and entries are refused once it is too old. The first equity of a UTC day
    and of a week that begins on Monday are their starts. A drawdown or total loss at its limit
    sets the latch, which no observation resets.

    :raises ValueError: when ``now`` has no time zone.
    """
    if not is_utc_aware(now):
        raise ValueError(f"the time {now} has no time zone; the ledger counts days in UTC")
    if not is_number(equity) or (state.stamp is not None and now < state.stamp):
        return state
    if state.stamp is None and equity <= 0:
        return state  # an account without money has no drawdown to measure
    day = now.astimezone(UTC).date()
    monday = day - timedelta(days=day.weekday())
    first = state.stamp is None
    seen = replace(
        state,
        stamp=now,
        equity=float(equity),
        start=float(equity) if first else state.start,
        peak=max(state.peak, float(equity)),
        day=day,
        day_start=state.day_start if day == state.day else float(equity),
        week=monday,
        week_start=state.week_start if monday == state.week else float(equity),
    )
    return seen if seen.halted else _latched(seen, settings)


def release(state: Ledger, now: datetime) -> Ledger:
    """Return the ledger without its latch; unchanged when there is none, or no money is left.

    The peak is re-based to the last equity, and after a total loss the start as well: otherwise
    the same loss would set the latch again at once. Entries still wait for the other limits.
    """
    if state.halted is None or state.equity <= 0:
        return state
    return replace(
        state,
        halted=None,
        cause=None,
        halted_at=None,
        peak=state.equity,
        start=state.equity if state.cause == TOTAL_LOSS else state.start,
        releases=state.releases + 1,
        rebased_at=now,
    )


def operate(state: Ledger, now: datetime, settings: RiskSettings) -> Ledger:
    """Act as the simulated operator of a backtest: release a latch after
    ``simulated_operator_hours``. Live, only a person does that."""
    if state.halted_at is None:
        return state
    if now - state.halted_at < timedelta(hours=settings.simulated_operator_hours):
        return state
    return release(state, now)


def durable(state: Ledger) -> tuple[Any, ...]:
    """Return what of the state must be saved when it changes: all but the last observation."""
    return tuple(
        getattr(state, field.name) for field in fields(state) if field.name not in _VOLATILE
    )


_VOLATILE = ("stamp", "equity")
_TIMES = ("stamp", "halted_at", "rebased_at")
_DAYS = ("day", "week")
_FIGURES = ("equity", "start", "peak", "day_start", "week_start")


def _latched(state: Ledger, settings: RiskSettings) -> Ledger:
    loss, drawdown = 1.0 - state.equity / state.start, 1.0 - state.equity / state.peak
    if reached(loss, settings.total_loss):
        cause = TOTAL_LOSS
        text = (
            f"total loss of {loss:.1%} (limit {settings.total_loss:.1%}): equity "
            f"{state.equity:.2f}, start {state.start:.2f}"
        )
    elif reached(drawdown, settings.drawdown_halt):
        cause = DRAWDOWN
        text = (
            f"drawdown of {drawdown:.1%} (limit {settings.drawdown_halt:.1%}): equity "
            f"{state.equity:.2f}, peak {state.peak:.2f}"
        )
    else:
        return state
    return replace(state, halted=text, cause=cause, halted_at=state.stamp)


def _parsed(name: str, value: Any) -> Any:
    if value is None:
        return None
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
    if not isinstance(state.releases, int) or not math.isfinite(state.releases):
        raise ValueError(f"releases is {state.releases}")
