"""Stock FreqAI against the pack's models: ``python -m benchmarks freqai --datadir DIR [--json]``.

Plain ``freqtrade backtesting`` in processes of their own, one after another, on the same real
candles (1h, and 4h made of them), windows, features and target: Freqtrade's example strategy with
its LightGBM regressor and default pipeline, without the pack; ``FreqpilotRegressor``, one model a
pair; ``FreqpilotPooled``, one model for all. Whether skill is lost is asked on SYNTHETIC candles
with a planted signal, where there is some to lose. On a busy machine LightGBM's threads wait for
each other: ``OMP_NUM_THREADS=1`` takes that from stock FreqAI's time, the pack's trees have one
thread anyway. Prints one JSON object last; exits non-zero when windows, rows, features or pairs
differ, or the planted signal is not found.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from benchmarks.speed import freqai_page
from benchmarks.support.candles import data_digest
from benchmarks.support.freqai_stage import (
    FREQAI,
    LABEL,
    STEP_DAYS,
    TRAIN_DAYS,
    Run,
    Variant,
    backtest,
    measured,
    outcomes,
    planted,
    prepare,
)
from benchmarks.support.options import add_candle_options, add_page_option, parser
from benchmarks.support.result import Result, Say, Target, at_least, at_most, finish, progress
from freqpilot import __version__
from freqpilot.features.warm import warm
from freqpilot.shapes import Floats

VARIANTS = (
    Variant("stock", "LightGBMRegressor", pack=False),
    Variant("pair", "FreqpilotRegressor", pack=True),
    Variant("pooled", "FreqpilotPooled", pack=True),
)
COINS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "LINK")
PAIRS = tuple(f"{coin}/USDT" for coin in COINS)
TIMERANGE = "20230601-20230803"
"""Nine weekly windows."""
PLANTED_START = datetime(2023, 6, 1, tzinfo=UTC)
PLANTED_PAIRS, PLANTED_WINDOWS = 4, 3
PLANTED_DAYS = 28
"""Days of a planted window: trainings are what costs, and more rows tell more of each."""
CELL = 24 * STEP_DAYS
"""Rows that a rank IC is taken of."""
MARGIN = 0.02
"""Rank IC that may be lost on the planted signal."""
LEAST_SKILL = 0.1
"""Rank IC below which stock FreqAI has not found the planted signal, so nothing is compared."""
SEED = 7
TARGETS = {"pair": 3.0, "pooled": 6.0}
MEMORY = 0.5
STOCK = (
    "import freqtrade.main, freqtrade.optimize.backtesting, freqtrade.templates."
    "FreqaiExampleStrategy, freqtrade.freqai.prediction_models.LightGBMRegressor"
)
"""What stock FreqAI imports before it has read a candle."""

Runs = Mapping[str, Run]


def same_work(runs: Runs, pairs: Sequence[str], windows: int) -> dict[str, bool]:
    """Return whether all variants had the same pairs, windows, features and rows.

    The pack forecasts the last candle of a backtest too, which FreqAI leaves out.
    """
    stock = runs["stock"]
    cells = set(stock.predictions)
    checks = {"every pair and window": len(cells) == len(pairs) * windows}
    for name, run in runs.items():
        checks[f"{name}: the same windows"] = set(run.predictions) == cells
        checks[f"{name}: the same features"] = run.features == stock.features
        checks[f"{name}: forecasts of the target"] = all(
            LABEL in frame for frame in run.predictions.values()
        )
        checks[f"{name}: the same rows"] = all(
            0 <= len(frame) - len(stock.predictions[cell]) <= 1
            and frame["date"].iloc[: len(stock.predictions[cell])].tolist()
            == stock.predictions[cell]["date"].tolist()
            for cell, frame in run.predictions.items()
            if cell in cells
        )
    return checks


def skill(run: Run, datadir: Path) -> Floats:
    """Return the rank IC of each pair and week out of sample, by the order of their names."""
    known = {pair: outcomes(datadir, pair) for pair, _ in run.predictions}
    out = []
    for pair, stop in sorted(run.predictions):
        frame = run.predictions[pair, stop]
        truth = known[pair].reindex(frame["date"]).to_numpy()
        asked = np.isfinite(truth) & (frame["do_predict"].to_numpy() == 1)
        forecast = frame[LABEL].to_numpy()
        for begin in range(0, len(frame) - CELL + 1, CELL):
            rows = begin + np.flatnonzero(asked[begin : begin + CELL])
            flat = not len(rows) or np.ptp(forecast[rows]) == 0
            one, other = rankdata(forecast[rows]), rankdata(truth[rows])
            out.append(0.0 if flat else float(np.corrcoef(one, other)[0, 1]))
    return np.array(out)


def lost(ours: Floats, stock: Floats, draws: int = 10_000) -> dict[str, float]:
    """Return the mean of ``ours`` less ``stock`` over the cells, with its 95 % interval by a
    bootstrap of the cells, which have candles of their own."""
    gap = ours - stock
    chosen = np.random.default_rng(SEED).integers(0, len(gap), (draws, len(gap)))
    low, high = np.quantile(gap[chosen].mean(axis=1), [0.025, 0.975])
    return {"mean": float(gap.mean()), "low": float(low), "high": float(high)}


def compare(
    options: argparse.Namespace, work: Path, say: Say
) -> tuple[Runs, dict[str, Floats], dict[str, bool], int]:
    """Return the runs on real candles, the skill on planted ones by variant, the checks of both,
    and what the imports take."""
    imports = measured([sys.executable, "-c", STOCK], work / "imports.log").peak
    real, fake = work / "real", work / "planted"
    pairs, some = PAIRS[: options.pairs], PAIRS[: options.planted_pairs]
    prepare(options.datadir, real, pairs)
    hours = 24 * (TRAIN_DAYS + PLANTED_DAYS * options.planted_windows + 30)
    planted(work / "candles", some, PLANTED_START - timedelta(days=TRAIN_DAYS + 20), hours, SEED)
    prepare(work / "candles", fake, some)
    (fake / "SYNTHETIC.md").write_text("# SYNTHETIC\n", encoding="utf-8")
    runs, found = {}, {}
    start = options.timerange.begin
    for variant in VARIANTS:
        run = backtest(variant, real, work / "runs", pairs, start, options.windows, synthetic=False)
        runs[variant.name] = run
        say(
            f"{variant.name}: {run.seconds:.1f} s, {run.cpu:.1f} s of CPU, "
            f"{(run.peak - imports) / 2**20:.0f} MiB above the imports"
        )
    for variant in VARIANTS:
        found[variant.name] = backtest(
            *(variant, fake, work / "planted runs", some, PLANTED_START, options.planted_windows),
            days=PLANTED_DAYS,
            synthetic=True,
        )
        say(f"{variant.name} on the planted signal: {found[variant.name].seconds:.1f} s")
    skills = {name: skill(run, fake) for name, run in found.items()}
    checks = {
        **{f"real, {name}": ok for name, ok in same_work(runs, pairs, options.windows).items()},
        **{
            f"planted, {name}": ok
            for name, ok in same_work(found, some, options.planted_windows).items()
        },
        "the planted signal is found": bool(skills["stock"].mean() >= LEAST_SKILL),
    }
    seconds = {f"{name} planted": run.seconds for name, run in found.items()}
    options.planted_seconds = seconds
    return runs, skills, checks, imports


def measure(options: argparse.Namespace, work: Path, say: Say) -> Result:
    """Return what is printed."""
    runs, skills, checks, imports = compare(options, work, say)
    stock = runs["stock"]
    targets: dict[str, Target] = {}
    figures: dict[str, Any] = {}
    for name, run in runs.items():
        above = run.peak - imports
        real = skill(run, work / "real")
        figures |= {
            f"{name}, s": round(run.seconds, 1),
            f"{name}, s of CPU": round(run.cpu, 1),
            f"{name}, peak, MiB": round(run.peak / 2**20),
            f"{name}, above the imports, MiB": round(above / 2**20),
            f"{name}, rank IC on real candles": round(float(real.mean()), 4),
            f"{name}, rank IC on the planted signal": round(float(skills[name].mean()), 4),
            f"{name}, planted, s": round(options.planted_seconds[f"{name} planted"], 1),
        }
        if name == "stock":
            continue
        gap = lost(skills[name], skills["stock"])
        targets[f"{name}, times stock"] = at_least(stock.seconds / run.seconds, TARGETS[name])
        targets[f"{name}, times stock by CPU time"] = at_least(stock.cpu / run.cpu, TARGETS[name])
        targets[f"{name}, share of stock's memory"] = at_most(
            above / (stock.peak - imports), MEMORY
        )
        targets[f"{name}, planted rank IC less stock's, lower end"] = at_least(gap["low"], -MARGIN)
        figures[f"{name}, planted rank IC less stock's"] = [round(gap[k], 4) for k in gap]
        figures[f"{name}, times stock on the planted signal"] = round(
            options.planted_seconds["stock planted"] / options.planted_seconds[f"{name} planted"], 2
        )
    figures |= {
        "imports, MiB": round(imports / 2**20),
        "features": max(stock.features.values(), default=0),
        "OpenMP threads": os.environ.get("OMP_NUM_THREADS", "as many as cores"),
        "trees": FREQAI["model_training_parameters"]["n_estimators"],
    }
    about = {
        "checks": checks,
        "pairs": list(PAIRS[: options.pairs]),
        "windows": options.windows,
        "planted": {
            "pairs": options.planted_pairs,
            "windows": options.planted_windows,
            "days": PLANTED_DAYS,
        },
        "margin": MARGIN,
        "start": options.timerange.dates[0],
        "seed": SEED,
        "versions": {"freqpilot": __version__, "freqtrade": version("freqtrade")},
        "data_digest": data_digest(options.datadir, PAIRS[: options.pairs]),
    }
    return Result("freqai", figures, targets, all(checks.values()), about)


def main() -> int:
    """Run, print, write the page; returns the exit status."""
    made = parser("freqai", __doc__)
    add_candle_options(made, TIMERANGE)
    add_page_option(made)
    made.add_argument("--pairs", type=int, default=len(PAIRS), help="at least 3")
    made.add_argument("--windows", type=int, help="default: the weeks of the timerange")
    made.add_argument("--planted-pairs", type=int, default=PLANTED_PAIRS)
    made.add_argument("--planted-windows", type=int, default=PLANTED_WINDOWS)
    options = made.parse_args()
    options.windows = options.windows or options.timerange.days // STEP_DAYS
    if not options.windows:
        made.error(f"--timerange {options.timerange} is shorter than {STEP_DAYS} days")
    say = progress()
    warm()  # a cold pack compiles its kernels, once an installation
    work = Path(tempfile.mkdtemp(prefix="freqpilot-freqai-"))
    try:
        found = measure(options, work, say)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return finish(found, options, freqai_page.section(found.raw()))


if __name__ == "__main__":
    sys.exit(main())
