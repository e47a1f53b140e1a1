"""Autopilot on real candles beside what it must beat, through plain ``freqtrade backtesting``.

``python -m benchmarks realdata_backtest --datadir ../shared/data/candles/binance``

Variants: Autopilot as it ships; the same without its model; equal-weight buy and hold of the same
pairs; random entries with Autopilot's trades, pairs, stakes and holding times (100 seeds). Prints
progress and one JSON object last; ``--page docs/results.md`` writes its section. Exits non-zero
when a parity check fails: then no figure here is worth reading.
"""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.candles import data_digest, pairs_in
from benchmarks.support.options import add_candle_options, add_page_option, parser
from benchmarks.support.result import Result, Say, Target, finish, progress
from benchmarks.worth.baselines import grid, held_figures, random_entries, run_figures, spread
from freqpilot import __version__
from freqpilot.journal.backtest import BacktestRun, load_run
from freqpilot.journal.candles import is_synthetic, prices
from freqpilot.journal.measures import buy_and_hold, costs, performance, profits
from freqpilot.journal.report import summary_table, write_report
from freqpilot.rehearsal.bot.backtest import LAYERS, BacktestOptions, run_backtest
from freqpilot.rehearsal.demo import MATCHES
from freqpilot.settings import Settings

NAME = "realdata_backtest"
FEE = 0.001
SEEDS = range(100)
BEGIN, END = f"<!-- {NAME}: written by the benchmark -->", f"<!-- end of {NAME} -->"
COLUMNS = ("return", "return_a_year", "sharpe", "sortino", "max_drawdown", "turnover")
PERCENT = ("return", "return_a_year", "max_drawdown")
TITLES = {
    "autopilot": "Autopilot",
    "without_model": "Autopilot without its model",
    "buy_and_hold": "Buy and hold, equal weights",
}


def main() -> int:
    """Run every variant, print and write the section; returns the exit status."""
    options, say = _arguments(), progress()
    runs = {name: _run(options, name, say) for name in ("autopilot", "without_model")}
    result = _result(options, runs, say)
    return finish(result, options, section(result.raw()))


def _arguments() -> argparse.Namespace:
    made = parser(NAME, __doc__)
    add_candle_options(made, "20230101-20241231")
    add_page_option(made)
    made.add_argument("--pairs", nargs="*", help="default: every USDT pair in the folder")
    made.add_argument("--userdir", type=Path, default=Path("user_data/benchmark"))
    made.add_argument("--strategy", default="Autopilot")
    made.add_argument("--strategy-path", type=Path, help="folder of another strategy")
    options = made.parse_args()
    options.userdir = options.userdir.resolve()
    options.pairs = options.pairs or pairs_in(options.datadir)
    return options


def overlay(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return what a variant changes in the pack's configs.

    All pairs trade in every variant; without the model the other analysts share its weight.
    """
    changed: dict[str, Any] = {"pairlists": [{"method": "StaticPairList"}]}
    if options.strategy_path:
        changed["strategy_path"] = str(options.strategy_path.resolve())
    if name == "without_model":
        changed["freqpilot"] = {"signals": {"weights": {"model_forecast": 0.0}}}
    return changed


def _run(options: argparse.Namespace, name: str, say: Say) -> BacktestRun:
    """Backtest one variant, write its report and return it."""
    say(f"{name}: {options.strategy}, {len(options.pairs)} pairs, {options.timerange}")
    layers = [layer for layer in LAYERS if name != "without_model" or layer != "freqai"]
    user_data = options.userdir / name

    def on_line(line: str) -> None:
        text = " ".join(line.split())
        for pattern, shown in MATCHES:
            if found := pattern.search(text):
                say(f"{name}: {found.expand(shown)}")
                return

    result = run_backtest(
        BacktestOptions(
            datadir=options.datadir,
            pairs=options.pairs,
            start=options.timerange.begin,
            end=options.timerange.end,
            user_data=user_data,
            fee=FEE,
            layers=layers,
            overlay=overlay(name, options),
            strategy=options.strategy,
        ),
        on_line,
    )
    run = load_run(result)
    report = write_report(run, options.datadir, user_data / "report.html")
    from rich.console import Console

    Console(width=120, stderr=True).print(summary_table(run))
    say(f"{name}: {len(run.trades)} trades; report {report}")
    return run


def parity(run: BacktestRun) -> dict[str, bool]:
    """Return which checks of the export against itself hold."""
    trades, stats = run.trades, run.stats
    net = costs(run).net
    start = run.starting_balance
    near = 1e-6 * start
    again = profits(trades)
    stake = trades["stake_amount"].clip(lower=1.0)
    fees = trades[["fee_open", "fee_close"]].to_numpy(dtype=float)
    begin, end = run.timerange
    inside = (trades["open_date"] >= begin) & (trades["close_date"] <= end)
    checks = {
        "profits_sum_to_the_reported": abs(net - float(stats["profit_total_abs"])) <= near,
        "balance_is_start_plus_profits": abs(start + net - run.equity.iloc[-1]) <= near,
        "profits_follow_from_fills": ((again - trades["profit_abs"]).abs() / stake).lt(1e-6).all(),
        "fee_is_charged_on_each_fill": (np.abs(fees - FEE) < 1e-12).all(),
        "trades_lie_in_the_period": inside.all(),
        "equity_is_positive": (run.equity > 0).all(),
        "return_is_that_of_the_balance": abs(performance(run.equity).total - net / start) < 1e-6,
    }
    return {name: bool(holds) for name, holds in checks.items()}


def _result(options: argparse.Namespace, runs: Mapping[str, BacktestRun], say: Say) -> Result:
    ours = runs["autopilot"]
    found = prices(options.datadir, ours.pairs, ours.timeframe, ours.timerange)
    start = ours.starting_balance
    held = buy_and_hold(found, start, FEE)
    figures: dict[str, Any] = {name: run_figures(run) for name, run in runs.items()}
    figures["buy_and_hold"] = held_figures(held, start, FEE, ours.days)
    say(f"random entries: {len(SEEDS)} seeds")
    drawn = random_entries(ours.trades, grid(found), start, FEE, SEEDS) if len(ours.trades) else []
    figures["random_entries"] = spread(drawn)
    checks = {name: parity(run) for name, run in runs.items()}
    checks["candles"] = {"every_pair_has_candles": set(found) == set(ours.pairs)}
    for name, group in checks.items():
        for check in (check for check, holds in group.items() if not holds):
            say(f"PARITY FAILED: {name}: {check}")
    about = {
        "synthetic": is_synthetic(options.datadir) or ours.synthetic,
        "checks": checks,
        "period": [f"{time:%Y-%m-%d}" for time in ours.timerange],
        "pairs": list(ours.pairs),
        "fee": FEE,
        "seed": Settings().seed,
        "versions": {"freqpilot": __version__, "freqtrade": version("freqtrade")},
        "data_digest": data_digest(options.datadir, ours.pairs),
    }
    sound = all(all(group.values()) for group in checks.values())
    return Result(NAME, figures, _targets(figures, drawn), sound, about)


def _targets(
    figures: Mapping[str, Mapping[str, Any]], drawn: Sequence[Mapping[str, float]]
) -> dict[str, Target]:
    """Return what the strategy should reach; missing one is a result, not a failure."""
    sharpe = float(figures["autopilot"]["sharpe"])
    luck = np.array([result["sharpe"] for result in drawn])
    beaten = float(np.mean(luck < sharpe)) if luck.size else math.nan
    rows = [
        ("sharpe", sharpe, 1.5, 1),
        ("max_drawdown", float(figures["autopilot"]["max_drawdown"]), 0.25, -1),
        ("sharpe_over_buy_and_hold", sharpe - figures["buy_and_hold"]["sharpe"], 0.0, 1),
        ("sharpe_over_no_model", sharpe - figures["without_model"]["sharpe"], 0.0, 1),
        ("share_of_random_entries_beaten", beaten, 0.95, 1),
    ]
    return {
        name: Target(value, target, bool(sign * value >= sign * target))
        for name, value, target, sign in rows
    }


def section(document: Mapping[str, Any]) -> str:
    """Return the section of the results page, in Markdown, with its markers."""
    begin, end = document["period"]
    mark = "**SYNTHETIC candles: nothing here says how a real market went.**\n\n"
    lines = [
        BEGIN,
        "## Autopilot on real candles" if not document["synthetic"] else "## Autopilot",
        "",
        (mark if document["synthetic"] else "")
        + f"`python -m benchmarks {NAME}`, {begin} – {end}, {len(document['pairs'])} pairs "
        f"({', '.join(pair.split('/')[0] for pair in document['pairs'])}), 1h candles, fee "
        f"{document['fee'] * 100:g} % of each fill, Freqtrade {document['versions']['freqtrade']}, "
        f"Freqpilot {document['versions']['freqpilot']}, seed {document['seed']}, data "
        f"`{document['data_digest']}`. Ratios are of daily returns × √365, turnover is traded "
        "value over mean equity a year. The pairs are known to have survived, which favours them.",
        "",
        "| | return | a year | Sharpe | Sortino | max drawdown | turnover | trades | fees |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        *_rows(document["figures"]),
        "",
        "| target | measured | wanted | |",
        "|---|---:|---:|---|",
        *(
            f"| {name.replace('_', ' ')} | {_number(row['value'])} | {row['target']:g} | "
            f"{'reached' if row['ok'] else 'missed'} |"
            for name, row in document["targets"].items()
        ),
        "",
        f"Parity checks of the export: {'all hold' if document['parity'] else 'FAILED'}.",
        END,
    ]
    return "\n".join(lines) + "\n"


def _rows(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows = []
    for name, title in TITLES.items():
        cells = [_shown(column, figures[name][column]) for column in COLUMNS]
        cells += [f"{figures[name]['trades']}", f"{figures[name]['fees']:.2f}"]
        rows.append(f"| {title} | {' | '.join(cells)} |")
    for key, title in (("p50", "median"), ("p5", "5 %"), ("p95", "95 %")):
        drawn = figures["random_entries"]
        cells = [_shown(c, drawn[c][key]) if c in drawn else "as Autopilot" for c in COLUMNS]
        if drawn:
            rows.append(f"| Random entries, {title} of 100 | {' | '.join(cells)} | | |")
    return rows


def _shown(column: str, value: float) -> str:
    return f"{value * 100:.1f} %" if column in PERCENT else _number(value)


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "–"


if __name__ == "__main__":
    sys.exit(main())
