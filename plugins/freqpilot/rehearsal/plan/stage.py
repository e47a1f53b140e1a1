"""The market, the period and the length of a loop of one rehearsal."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.intervals import DAY_MS, MINUTE_MS, interval_minutes
from freqpilot.rehearsal.market.synthetic import DEFAULT_PAIRS, SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import is_futures
from freqpilot.rehearsal.plan.session import STATE, RehearsalOptions
from freqpilot.rehearsal.venue.perpetuals import future_name, spot_name

SYNTHETIC_START = datetime(2026, 1, 1, tzinfo=UTC)
AFTER_CANDLE = timedelta(seconds=1)
"""Freqtrade looks one second after a candle's close; the first loop does as well."""


@dataclass(frozen=True)
class Stage:
    """A rehearsal's period, pairs and length of a loop; it stays the same when resumed. After its
    end follow ``drain`` more loops, a second apart."""

    synthetic: bool
    start: datetime
    end: datetime
    begin: datetime
    loop_seconds: int
    pairs: list[str]
    history_days: int
    drain: int = 0


def build_stage(plan: RehearsalOptions, user: dict[str, Any], run_dir: Path) -> tuple[Tape, Stage]:
    """Load or invent the market and lay the period on it.

    A perpetual is played by the tape of its spot pair.
    """
    saved: dict[str, Any] = {}
    if plan.resume:
        saved = json.loads((run_dir / STATE).read_text(encoding="utf-8"))
    whitelist = user.get("exchange", {}).get("pair_whitelist", [])
    listed = [name for name in whitelist if "*" not in name]
    pairs = [spot_name(pair) for pair in saved.get("pairs") or plan.pairs or listed]
    history = saved.get("history_days") or _history_days(plan, user)
    minutes = interval_minutes(plan.timeframe)
    if plan.datadir:
        tape = Tape.from_folder(plan.datadir, plan.timeframe, pairs or None)
        start = plan.start or _at(tape.end) - timedelta(days=plan.days)
        start = _floor(start, minutes)
    else:
        start = _floor(plan.start or SYNTHETIC_START, minutes)
        tape = _invented(plan, pairs or list(DEFAULT_PAIRS), start, minutes, history)
    end = start + timedelta(days=plan.days)
    if start < _at(tape.start) or end > _at(tape.end):
        raise RefuseToStart(
            f"the candles reach from {_at(tape.start)} to {_at(tape.end)}, the rehearsal from "
            f"{start} to {end}; choose another start or fewer days"
        )
    start += AFTER_CANDLE
    begin = datetime.fromisoformat(saved["now"]) if saved else start
    if begin >= end:
        raise RefuseToStart(f"the rehearsal of {run_dir} has reached its end; start a new one")
    loop = saved.get("loop_seconds") or plan.loop_seconds or min(900, minutes * 15)
    traded = [future_name(pair) if is_futures(user) else pair for pair in tape.pairs]
    return tape, Stage(tape.synthetic, start, end, begin, loop, traded, history)


def _invented(
    plan: RehearsalOptions, pairs: list[str], start: datetime, minutes: int, history: int
) -> Tape:
    first = start - timedelta(days=history)
    candles = int((history + plan.days) * 1_440 / minutes) + 2
    first = _floor(first, minutes)
    return Tape.from_market(SyntheticMarket(pairs, minutes, first, candles, plan.seed))


def _history_days(plan: RehearsalOptions, user: dict[str, Any]) -> int:
    """Days before the start: what was asked for, and more where FreqAI trains on more."""
    training = user.get("freqai", {})
    needed = int(training.get("train_period_days", 0)) + 60 if training.get("enabled") else 0
    return max(plan.history_days, needed)


def _at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _floor(moment: datetime, minutes: int) -> datetime:
    step = min(minutes * MINUTE_MS, DAY_MS)
    return _at(int(moment.timestamp() * 1000) // step * step)
