"""Every rule-based strategy on real candles, with costs, beside the trend baseline and holding.

``python -m benchmarks strategies --datadir ../shared/data/candles/binance --json``

Plain ``freqtrade backtesting``, as many open trades as pairs, with the supervisor off and, for
``--supervised`` (all unless named), on; then what each costs over an empty one, 16 pairs × 1 year
of 1h candles, its kernels compiled before. Strategies on facts are not here: there is no history.
``--timerange`` takes another period for everything, for which no published line is known. Prints
progress and one JSON object last; ``--page docs/results.md`` writes its section. Exits non-zero
when the trend lines of the library and of the backtest do not agree: then no figure here is worth
reading.
"""

import argparse
import resource
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.support.candles import data_digest, pairs_in
from benchmarks.support.options import Period, add_candle_options, add_page_option, parser
from benchmarks.support.result import Result, Say, finish, progress
from benchmarks.worth.baselines import held_figures, run_figures
from benchmarks.worth.strategies_page import section
from benchmarks.worth.trend_lines import PUBLISHED, lines, panel
from freqpilot import __version__
from freqpilot.features.warm import warm
from freqpilot.journal.backtest import BacktestRun, halts_released, load_run
from freqpilot.journal.candles import is_synthetic, prices
from freqpilot.journal.measures import buy_and_hold
from freqpilot.rehearsal.bot.backtest import BacktestOptions, run_backtest

NAME = "strategies"
FEE = 0.001
WALLET = 100_000
PERIODS = (Period.parse("20180601-20210101"), Period.parse("20210101-20250101"))
"""Those of the published figures."""
YEAR = Period.parse("20230101-20240101")
STRATEGIES = (
    "TrendFollowing",
    "MeanReversion",
    "Breakout",
    "MomentumRotation",
    "DcaGrid",
    "Rebalancer",
    "Ensemble",
)
STRATEGIES_HERE = Path(__file__).parents[1] / "strategies"
TOLERANCE = 0.15
"""Of the Sharpe ratio, between two ways to the same line."""


def main() -> int:
    """Run everything, print and write the section; returns the exit status."""
    options = _arguments()
    result = _result(options, progress())
    return finish(result, options, section(result.raw()))


def _arguments() -> argparse.Namespace:
    made = parser(NAME, __doc__)
    default = f"{' and '.join(map(str, PERIODS))}; what they cost: {YEAR}"
    add_candle_options(made, None, default=default)
    add_page_option(made)
    made.add_argument("--only", nargs="*", default=STRATEGIES, metavar="STRATEGY")
    made.add_argument("--supervised", nargs="*", default=STRATEGIES, metavar="STRATEGY")
    made.add_argument("--overhead", nargs="*", default=STRATEGIES, metavar="STRATEGY")
    made.add_argument("--resume", action="store_true", help="take runs that --userdir holds")
    made.add_argument("--jobs", type=int, default=1, help="backtests at the same time")
    made.add_argument("--pairs", nargs="*", help="default: every USDT pair in the folder")
    made.add_argument("--userdir", type=Path, default=Path("user_data/benchmark-strategies"))
    options = made.parse_args()
    options.userdir = options.userdir.resolve()
    options.pairs = options.pairs or pairs_in(options.datadir)
    options.periods = (options.timerange,) if options.timerange else PERIODS
    options.year = options.timerange or YEAR
    for named in (options.only, options.supervised, options.overhead):
        if unknown := set(named) - set(STRATEGIES):
            made.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(STRATEGIES)}")
    return options


def _backtest(
    options: argparse.Namespace,
    strategy: str,
    period: Period,
    *,
    supervisor: bool,
    resume: bool,
) -> tuple[BacktestRun, float]:
    """Return a backtest and the CPU seconds that Freqtrade took for it."""
    folder = options.userdir / f"{strategy}-{period}-{supervisor}"
    results = folder / "backtest_results"
    took = folder / "cpu_seconds"
    if resume and list(results.glob("*.zip")):
        return load_run(results), float(took.read_text()) if took.is_file() else float("nan")
    before = _cpu()
    result = run_backtest(
        BacktestOptions(
            datadir=options.datadir,
            pairs=options.pairs,
            start=period.begin,
            end=period.end,
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
            strategy_path=STRATEGIES_HERE if strategy == "Empty" else None,
        )
    )
    seconds = _cpu() - before
    took.write_text(f"{seconds}")
    return load_run(result), seconds


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _result(options: argparse.Namespace, say: Say) -> Result:
    figures = _runs(options, say)
    periods = [period.dates for period in options.periods]
    library = lines(panel(options.datadir, options.pairs), periods, FEE)
    checks = _checks(figures, library, options.periods)
    published = PUBLISHED if options.periods == PERIODS else {}
    about = {
        "synthetic": is_synthetic(options.datadir),
        "periods": [list(period) for period in periods],
        "pairs": list(options.pairs),
        "fee": FEE,
        "held": [_held(options, period) for period in options.periods],
        "library": library,
        "published": {name: [list(row) for row in rows] for name, rows in published.items()},
        "checks": checks,
        "overhead": _overhead(options, say),
        "overhead_days": options.year.days,
        "versions": {"freqpilot": __version__, "freqtrade": version("freqtrade")},
        "data_digest": data_digest(options.datadir, options.pairs),
    }
    return Result(NAME, figures, parity=all(checks.values()), about=about)


def _runs(options: argparse.Namespace, say: Say) -> dict[str, Any]:
    """Return the figures of every strategy, ``alone`` and ``supervised``, a row a period."""
    asked = [
        (name, kind, period)
        for name in options.only
        for kind in ("alone", "supervised")
        for period in options.periods
        if kind == "alone" or name in options.supervised
    ]

    def one(job: tuple[str, str, Period]) -> dict[str, Any]:
        name, kind, period = job
        run, _ = _backtest(
            options, name, period, supervisor=kind == "supervised", resume=options.resume
        )
        found = _figures(run)
        shown = {k: round(v, 2) for k, v in found.items() if isinstance(v, float)}
        say(f"{name} {kind}, {period}: {shown}")
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


def _held(options: argparse.Namespace, period: Period) -> dict[str, Any]:
    found = prices(options.datadir, options.pairs, "1h", period)
    held = buy_and_hold(found, WALLET, FEE)
    return held_figures(held, WALLET, FEE, period.days)


def _checks(
    figures: Mapping[str, Any],
    library: Mapping[str, Sequence[Mapping[str, float]]],
    periods: Sequence[Period],
) -> dict[str, bool]:
    """Return which ways to the same line agree within :data:`TOLERANCE`."""
    checks = {}
    lines_published = (("long and short", "sharpe"), ("long only", "log_sharpe"))
    for name, key in lines_published if periods == PERIODS else ():
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
    """Return the CPU seconds of a backtest of a year, or of the timerange, supervisor on."""
    warm()  # the first of them would pay for all kernels otherwise
    seconds = {}
    for name in ("Empty", *options.overhead):
        seconds[name] = _backtest(
            options, name, options.year, supervisor=True, resume=options.resume
        )[1]
        say(f"{name}: {seconds[name]:.1f} s of CPU, {len(options.pairs)} pairs × {options.year}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
