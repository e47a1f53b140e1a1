"""Every rule-based strategy on real candles, with costs, beside the trend baseline and holding.

``python -m benchmarks strategies --datadir ../shared/data/candles/binance --json``

Plain ``freqtrade backtesting``, as many open trades as pairs, with the supervisor off and, for
``--supervised`` (all unless named), on; then what each costs over an empty one, 16 pairs × 1 year
of 1h candles, its kernels compiled before. Strategies on facts are not here: there is no history.
Prints progress, writes its section of the results page and, with ``--json``, prints one JSON object
last. Exits non-zero when the trend lines of the library and of the backtest do not agree: then no
figure here is worth reading.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.support.page import data_digest, finite, write_section
from benchmarks.worth.baselines import held_figures, run_figures
from benchmarks.worth.strategies_page import BEGIN, END, section
from benchmarks.worth.trend_lines import PUBLISHED, lines, panel
from freqpilot import __version__
from freqpilot.errors import FreqpilotError
from freqpilot.features.warm import warm
from freqpilot.journal.backtest import BacktestRun, halts_released, load_run
from freqpilot.journal.candles import is_synthetic, prices
from freqpilot.journal.measures import buy_and_hold
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest

NAME = "strategies"
FEE = 0.001
WALLET = 100_000
PERIODS = (("2018-06-01", "2021-01-01"), ("2021-01-01", "2025-01-01"))
YEAR = ("2023-01-01", "2024-01-01")
STRATEGIES = (
    "TrendFollowing",
    "MeanReversion",
    "Breakout",
    "MomentumRotation",
    "DcaGrid",
    "Rebalancer",
    "Ensemble",
)
TOLERANCE = 0.15
"""Of the Sharpe ratio, between two ways to the same line."""

Say = Callable[[str], None]


def main() -> int:
    """Run everything, write the section and print the JSON object."""
    options = _arguments()
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", file=sys.stderr, flush=True)

    try:
        document = _document(options, say)
    except FreqpilotError as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return error.exit_code
    write_section(options.out, BEGIN, END, section(document))
    say(f"section written to {options.out}")
    if options.json:
        print(json.dumps(finite(document)))
    return 0 if all(document["checks"].values()) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"benchmarks {NAME}", description=__doc__)
    parser.add_argument("--datadir", type=Path, required=True, help="folder of 1h feather candles")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    parser.add_argument("--only", nargs="*", default=STRATEGIES, metavar="STRATEGY")
    parser.add_argument("--supervised", nargs="*", default=STRATEGIES, metavar="STRATEGY")
    parser.add_argument("--overhead", nargs="*", default=STRATEGIES, metavar="STRATEGY")
    parser.add_argument("--resume", action="store_true", help="take runs that --userdir holds")
    parser.add_argument("--jobs", type=int, default=1, help="backtests at the same time")
    parser.add_argument("--pairs", nargs="*", help="default: every USDT pair in the folder")
    parser.add_argument("--out", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--userdir", type=Path, default=Path("user_data/benchmark-strategies"))
    options = parser.parse_args()
    options.datadir, options.userdir = options.datadir.resolve(), options.userdir.resolve()
    options.pairs = options.pairs or [
        file.name.removesuffix("-1h.feather").replace("_", "/")
        for file in sorted(options.datadir.glob("*_USDT-1h.feather"))
    ]
    if not options.pairs:
        parser.error(f"no *_USDT-1h.feather in {options.datadir}")
    for named in (options.only, options.supervised, options.overhead):
        if unknown := set(named) - set(STRATEGIES):
            parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(STRATEGIES)}")
    return options


def _backtest(
    options: argparse.Namespace,
    strategy: str,
    period: tuple[str, str],
    *,
    supervisor: bool,
    resume: bool,
) -> tuple[BacktestRun, float]:
    """Return a backtest and the CPU seconds that Freqtrade took for it."""
    begin, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in period)
    folder = options.userdir / f"{strategy}-{begin:%Y}-{supervisor}"
    results = folder / "backtest_results"
    took = folder / "cpu_seconds"
    if resume and list(results.glob("*.zip")):
        return load_run(results), float(took.read_text()) if took.is_file() else float("nan")
    before = _cpu()
    result = run_backtest(
        BacktestOptions(
            datadir=options.datadir,
            pairs=options.pairs,
            start=begin,
            end=end,
            user_data=folder,
            fee=FEE,
            layers=("base", "freqpilot"),
            overlay={
                "pairlists": [{"method": "StaticPairList"}],
                "max_open_trades": len(options.pairs),
                "dry_run_wallet": WALLET,
                "tradable_balance_ratio": 1.0,
                "freqpilot": {"supervisor": supervisor},
            },
            strategy=strategy,
            strategy_path=Path(__file__).parents[1] / NAME if strategy == "Empty" else None,
        )
    )
    seconds = _cpu() - before
    took.write_text(f"{seconds}")
    return load_run(result), seconds


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _document(options: argparse.Namespace, say: Say) -> dict[str, Any]:
    figures = _runs(options, say)
    library = lines(panel(options.datadir, options.pairs), PERIODS, FEE)
    return {
        "name": NAME,
        "synthetic": is_synthetic(options.datadir),
        "periods": [list(period) for period in PERIODS],
        "pairs": list(options.pairs),
        "fee": FEE,
        "figures": figures,
        "held": [_held(options, period) for period in PERIODS],
        "library": library,
        "published": {name: [list(row) for row in rows] for name, rows in PUBLISHED.items()},
        "checks": _checks(figures, library),
        "overhead": _overhead(options, say),
        "versions": {"freqpilot": __version__, "freqtrade": version("freqtrade")},
        "data_digest": data_digest(options.datadir, options.pairs),
    }


def _runs(options: argparse.Namespace, say: Say) -> dict[str, Any]:
    """Return the figures of every strategy, ``alone`` and ``supervised``, a row a period."""
    asked = [
        (name, kind, period)
        for name in options.only
        for kind in ("alone", "supervised")
        for period in PERIODS
        if kind == "alone" or name in options.supervised
    ]

    def one(job: tuple[str, str, tuple[str, str]]) -> dict[str, Any]:
        name, kind, period = job
        run, _ = _backtest(
            options, name, period, supervisor=kind == "supervised", resume=options.resume
        )
        found = _figures(run)
        shown = {k: round(v, 2) for k, v in found.items() if isinstance(v, float)}
        say(f"{name} {kind}, {period[0]}: {shown}")
        return found

    figures: dict[str, Any] = {name: {} for name in options.only}
    with ThreadPoolExecutor(options.jobs) as pool:
        for (name, kind, _), row in zip(asked, pool.map(one, asked), strict=True):
            figures[name].setdefault(kind, []).append(row)
    return figures


def _figures(run: BacktestRun) -> dict[str, Any]:
    facts = run.config.get("freqpilot", {}).get("run", {})
    wins = (run.trades["profit_abs"] > 0).mean() if len(run.trades) else float("nan")
    return run_figures(run) | {
        "win_rate": float(wins),
        "halts": halts_released(facts) + bool(facts.get("halted")),
    }


def _held(options: argparse.Namespace, period: tuple[str, str]) -> dict[str, Any]:
    begin, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in period)
    found = prices(options.datadir, options.pairs, "1h", (begin, end))
    held = buy_and_hold(found, WALLET, FEE)
    return held_figures(held, WALLET, FEE, (end - begin).days)


def _checks(
    figures: Mapping[str, Any], library: Mapping[str, Sequence[Mapping[str, float]]]
) -> dict[str, bool]:
    """Return which ways to the same line agree within :data:`TOLERANCE`."""
    checks = {}
    for name, key in (("long and short", "sharpe"), ("long only", "log_sharpe")):
        near = [
            abs(row[key] - published[0]) <= TOLERANCE
            for row, published in zip(library[name], PUBLISHED[name], strict=True)
        ]
        checks[f"library_{name.replace(' ', '_')}_by_{key}"] = all(near)
    if "TrendFollowing" in figures:
        ours = figures["TrendFollowing"]["alone"]
        near = [
            abs(row["sharpe"] - other["sharpe"]) <= TOLERANCE
            for row, other in zip(ours, library["long only"], strict=True)
        ]
        checks["backtest_is_the_library"] = all(near)
    return checks


def _overhead(options: argparse.Namespace, say: Say) -> dict[str, float]:
    """Return the CPU seconds of a year's backtest, supervisor on, of each strategy."""
    warm()  # the first of them would pay for all kernels otherwise
    seconds = {}
    for name in ("Empty", *options.overhead):
        seconds[name] = _backtest(options, name, YEAR, supervisor=True, resume=options.resume)[1]
        say(f"{name}: {seconds[name]:.1f} s of CPU for {len(options.pairs)} pairs × 1 year")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
