"""A live rehearsal against a backtest of the same candles, pairs, configs and strategy.

The comparison is on the decision clock: decisions from the first candle that opens in the rehearsal
to the last. A position that either side still holds at the end is open, whatever Freqtrade's
backtest does to close its books.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from freqpilot.errors import RefuseToStart
from freqpilot.journal.backtest import load_run
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest
from freqpilot.rehearsal.bot.live import STORE, WALLET, LiveSummary
from freqpilot.rehearsal.bot.run import user_config
from freqpilot.rehearsal.compare.deals import Deal, backtest_deals, live_deals, locks, refusals
from freqpilot.rehearsal.compare.differences import UNEXPLAINED, Difference, match
from freqpilot.rehearsal.compare.evidence import Evidence
from freqpilot.rehearsal.intervals import interval_name
from freqpilot.rehearsal.market.synthetic import MARKER
from freqpilot.rehearsal.market.tape import COLUMNS, Tape
from freqpilot.rehearsal.plan.session import DATABASE, RehearsalOptions, load_plan
from freqpilot.rehearsal.plan.stage import AFTER_CANDLE, Stage, build_stage
from freqpilot.rehearsal.venue.spot import FEE
from freqpilot.risk.account.tiers import tier_of
from freqpilot.settings import Settings

FOLDER = "backtest"


@dataclass(frozen=True)
class Comparison:
    """Positions that the rehearsal and the backtest opened, how many of them are the same decision,
    every difference with its cause, and the backtest's result file."""

    synthetic: bool
    live: int
    backtest: int
    matched: int
    differences: tuple[Difference, ...]
    result: Path

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """The differences for which no cause was found."""
        return tuple(d for d in self.differences if d.cause == UNEXPLAINED)


def check(options: RehearsalOptions) -> None:
    """Refuse what cannot be compared.

    :raises RefuseToStart: for faults, other markets than spot, or a model.
    """
    if options.faults != "none":
        raise RefuseToStart("a session with faults is no measure of a backtest; leave --faults out")
    user = user_config(options)
    if user.get("trading_mode", "spot") != "spot":
        raise RefuseToStart("only spot is compared with a backtest so far; leave --compare out")
    if user.get("freqai", {}).get("enabled"):
        raise RefuseToStart(
            "live and backtest train other models (FreqAI's windows differ), so their decisions "
            "cannot be compared; leave the freqai config out"
        )


def compare(summary: LiveSummary, on_line: Callable[[str], None] = lambda _: None) -> Comparison:
    """Run the backtest of a session that has ended, and compare the two.

    :param on_line: gets each line that the backtest logs.
    :raises RefuseToStart: when the session cannot be compared, or the backtest fails.
    """
    run_dir = summary.run.run_dir
    plan = load_plan(run_dir)
    check(plan)
    user = user_config(plan)
    tape, stage = build_stage(plan, user, run_dir)
    begin = stage.start - AFTER_CANDLE
    step = timedelta(minutes=tape.timeframe_minutes)
    folder = run_dir / FOLDER
    _write_candles(tape, folder / "data", stage.end)
    result = run_backtest(_options(plan, stage, folder, step), on_line)
    run = load_run(result)
    step = run.timeframe_step.to_pytimedelta()
    ours = live_deals(run_dir / DATABASE, summary.ledger, step)
    live = [_until(deal, stage.end) for deal in ours if begin <= deal.candle < stage.end]
    theirs = [_until(deal, stage.end) for deal in backtest_deals(run) if deal.candle < stage.end]
    wallet = float(user.get("dry_run_wallet", WALLET))
    evidence = Evidence(
        tape=tape,
        step=step,
        orders=summary.ledger,
        notes=[*refusals(run_dir / STORE, step), *locks(run_dir / DATABASE)],
        begin=stage.start,
        loop_seconds=stage.loop_seconds,
        slots=_slots(user, wallet),
        wallet=wallet,
        pairs=run.pairs,
    )
    matched, found = match(live, theirs, evidence)
    return Comparison(tape.synthetic, len(live), len(theirs), matched, found, result)


def _options(
    plan: RehearsalOptions, stage: Stage, folder: Path, step: timedelta
) -> BacktestOptions:
    return BacktestOptions(
        datadir=folder / "data",
        pairs=stage.pairs,
        # Freqtrade drops the first candle, whose signal it does not know.
        start=stage.start - AFTER_CANDLE - step,
        end=stage.end,
        user_data=plan.userdir,
        fee=float(FEE),
        strategy=plan.strategy,
        strategy_path=plan.strategy_path,
        timeframe=plan.timeframe,
        configs=plan.configs,
        output=folder,
    )


def _slots(user: Mapping[str, Any], wallet: float) -> float:
    """Return how many trades may be open: Freqtrade's limit or, where it supervises, the tier's."""
    given = float(user.get("max_open_trades", -1))
    slots = given if given >= 0 else math.inf
    settings = Settings.from_config(dict(user))
    if "freqpilot" in user and settings.supervisor:
        slots = min(slots, tier_of(wallet, settings.risk).max_open_trades)
    return slots


def _write_candles(tape: Tape, folder: Path, end: datetime) -> None:
    """Write the tape as Freqtrade's files, up to the candle that opens at ``end``: Freqtrade enters
    nothing in the last one. Where the tape has none there, the price rests for it."""
    folder.mkdir(parents=True, exist_ok=True)
    last = pd.Timestamp(end).as_unit("ms")
    timeframe = interval_name(tape.timeframe_minutes)
    for pair, candles in tape.pairs.items():
        frame = pd.DataFrame({column: getattr(candles.base, column) for column in COLUMNS})
        dates = pd.to_datetime(candles.base.date, unit="ms", utc=True).as_unit("ms")
        frame.insert(0, "date", dates)
        frame = frame[frame["date"] <= last]
        if frame["date"].iloc[-1] < last:
            close = frame["close"].iloc[-1]
            frame.loc[frame.index[-1] + 1] = [last, close, close, close, close, 0.0]
        name = f"{pair.replace('/', '_')}-{timeframe}.feather"
        frame.reset_index(drop=True).to_feather(folder / name)
    if tape.synthetic:
        (folder / MARKER).write_text("# SYNTHETIC\n\nInvented candles.\n", encoding="utf-8")


def _until(deal: Deal, end: datetime) -> Deal:
    """Return the position as it is at the end: what is left then or later is open."""
    if deal.closed is None or deal.closed < end:
        return deal
    return replace(deal, closed=None, exit=math.nan, reason="", profit=0.0)
