"""Real crashes with the worst strategy that fits through the gate: how far does equity fall?

python -m benchmarks crashes --datadir ../shared/data/candles/binance
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from freqpilot.journal.backtest import BacktestRun, halts_released, load_run
from freqpilot.journal.measures import drawdown
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest

STRATEGIES = Path(__file__).parents[1] / "strategies"
LAYERS = ("base", "freqpilot")
CRASHES = {
    "March 2020": ("2020-02-15", "2020-04-15"),
    "May 2021": ("2021-04-15", "2021-07-31"),
    "November 2022": ("2022-10-15", "2022-12-31"),
}
LIMIT = 0.20
CANDLES = 2
"""From the candle whose close breaks the limit to the fills: known at the next one's open, sold at
that open."""


def play(datadir: Path, begin: datetime, end: datetime, work: Path, **risk: Any) -> BacktestRun:
    """Return the backtest of Reckless over one period on all pairs of a folder."""
    tail = "_USDT-1h.feather"
    pairs = [path.name.removesuffix(tail) + "/USDT" for path in sorted(datadir.glob(f"*{tail}"))]
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
        pairs=pairs,
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datadir", type=Path, required=True)
    parser.add_argument("--wide", type=Path, help="folder of many pairs, one year")
    given = parser.parse_args()
    found = measure(given.datadir, given.wide)
    print(json.dumps(found))
    return 0 if all(target["ok"] for target in found["targets"].values()) else 1


def measure(datadir: Path, wide: Path | None) -> dict[str, Any]:
    """Play every crash with each variant; return the JSON object."""
    periods = [(name, datadir, *_days(span)) for name, span in CRASHES.items()]
    if wide:
        periods.append(("2024, many pairs", wide, *_days(("2024-01-02", "2024-09-07"))))
    figures: dict[str, Any] = {}
    targets: dict[str, Any] = {}
    for name, folder, begin, end in periods:
        for label, risk in _variants():
            work = Path(tempfile.mkdtemp(prefix="crash-"))
            found = figures_of(play(folder.resolve(), begin, end, work, **risk))
            figures[f"{name}, {label}"] = found
            print(f"{name}, {label}: {found}", file=sys.stderr, flush=True)
            if label == "supervised":
                gap = found["largest fall of equity in two candles"]
                targets[f"{name}: deepest drawdown"] = {
                    "value": round(found["deepest drawdown"], 4),
                    "target": round(LIMIT + gap, 4),
                    "ok": found["deepest drawdown"] <= LIMIT + gap,
                }
    return {"name": "crashes", "parity": True, "targets": targets, "figures": figures}


def _variants() -> Sequence[tuple[str, dict[str, Any]]]:
    # Nobody releases the halt: what was lost by then is all that can be lost.
    forever = {"simulated_operator_hours": 1_000_000}
    return (
        ("supervised", {**forever, "daily_loss": 1.0, "weekly_loss": 1.0}),
        ("supervised as it ships", {}),
        ("alone", {"supervisor": False}),
    )


def _days(span: tuple[str, str]) -> tuple[datetime, datetime]:
    begin, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in span)
    return begin, end


if __name__ == "__main__":
    sys.exit(main())
