"""Real crashes with the worst strategy that fits through the gate: how far does equity fall?

``python -m benchmarks crashes --datadir ../shared/data/candles/binance``
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.support.candles import pairs_in
from benchmarks.support.options import Period, add_candle_options, candle_folder, parser
from benchmarks.support.result import Result, Target, at_most, finish, progress
from freqpilot.journal.backtest import BacktestRun, halts_released, load_run
from freqpilot.journal.measures import drawdown
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest

STRATEGIES = Path(__file__).parents[1] / "strategies"
LAYERS = ("base", "freqpilot")
CRASHES = {
    "March 2020": Period.parse("20200215-20200415"),
    "May 2021": Period.parse("20210415-20210731"),
    "November 2022": Period.parse("20221015-20221231"),
}
WIDE = Period.parse("20240102-20240907")
LIMIT = 0.20
CANDLES = 2
"""From the candle whose close breaks the limit to the fills: known at the next one's open, sold at
that open."""


def play(datadir: Path, begin: datetime, end: datetime, work: Path, **risk: Any) -> BacktestRun:
    """Return the backtest of Reckless over one period on all pairs of a folder."""
    supervisor = risk.pop("supervisor", True)
    overlay = {
        "strategy_path": str(STRATEGIES),
        "dry_run_wallet": 1_000,
        "max_open_trades": 10,
        "pairlists": [{"method": "StaticPairList"}],
        "freqpilot": {"risk": risk, "supervisor": supervisor},
    }
    options = BacktestOptions(
        datadir=datadir,
        pairs=pairs_in(datadir),
        start=begin,
        end=end,
        user_data=work,
        layers=LAYERS,
        overlay=overlay,
        strategy="Reckless",
    )
    return load_run(run_backtest(options))


def figures_of(run: BacktestRun) -> dict[str, Any]:
    """Return what became of the account."""
    fall = -drawdown(run.equity)
    worst = float(fall.max())
    over = fall[fall > LIMIT]
    facts = run.config.get("freqpilot", {}).get("run", {})
    return {
        "deepest drawdown": worst,
        "overshoot": max(0.0, worst - LIMIT),
        "candles beyond the limit": len(over),
        "largest fall of equity in two candles": float(_fall_in(run.equity, CANDLES).max()),
        "halts released": halts_released(facts),
        "halted at the end": bool(facts.get("halted")),
        "trades": len(run.trades),
        "closed by the halt": int((run.trades["exit_reason"] == "freqpilot_halt").sum()),
        "final": float(run.equity.iloc[-1]),
    }


def _fall_in(equity: pd.Series, candles: int) -> pd.Series:
    return (1 - equity / equity.shift(candles)).fillna(0.0)


def main() -> int:
    """Run it; returns the exit status."""
    made = parser("crashes", __doc__)
    add_candle_options(made, None, default="each of the three crashes")
    made.add_argument("--wide", type=candle_folder, help="folder of many pairs, 2024")
    given = made.parse_args()
    crashes = {str(given.timerange): given.timerange} if given.timerange else CRASHES
    return finish(measure(given.datadir, given.wide, crashes), given)


def measure(datadir: Path, wide: Path | None, crashes: Mapping[str, Period] = CRASHES) -> Result:
    """Play every crash with each variant; return what became of the account."""
    say = progress()
    periods = [(name, datadir, period) for name, period in crashes.items()]
    if wide:
        periods.append(("2024, many pairs", wide, WIDE))
    figures: dict[str, Any] = {}
    targets: dict[str, Target] = {}
    for name, folder, period in periods:
        for label, risk in _variants():
            work = Path(tempfile.mkdtemp(prefix="crash-"))
            found = figures_of(play(folder, period.begin, period.end, work, **risk))
            figures[f"{name}, {label}"] = found
            say(f"{name}, {label}: {found}")
            if label == "supervised":
                gap = found["largest fall of equity in two candles"]
                targets[f"{name}: deepest drawdown"] = at_most(
                    found["deepest drawdown"], LIMIT + gap
                )
    return Result("crashes", figures, targets, strict=True)


def _variants() -> Sequence[tuple[str, dict[str, Any]]]:
    # Nobody releases the halt: what was lost by then is all that can be lost.
    forever = {"simulated_operator_hours": 1_000_000}
    return (
        ("supervised", {**forever, "daily_loss": 1.0, "weekly_loss": 1.0}),
        ("supervised as it ships", {}),
        ("alone", {"supervisor": False}),
    )


if __name__ == "__main__":
    sys.exit(main())
