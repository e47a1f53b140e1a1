"""Autopilot on real candles beside what it must beat, through plain ``freqtrade backtesting``.

``python -m benchmarks realdata_backtest --datadir ../shared/data/candles/binance``

Variants: Autopilot as it ships; the same without its model; equal-weight buy and hold of the same
pairs; random entries with Autopilot's trades, pairs, stakes and holding times (100 seeds). Prints
progress and one JSON object last; writes its section of the results page. Exits non-zero when a
parity check fails: then no figure here is worth reading.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.page import data_digest, finite, write_section
from benchmarks.worth.baselines import grid, held_figures, random_entries, run_figures, spread
from freqpilot import __version__
from freqpilot.errors import FreqpilotError
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
    """Run every variant, write the section and print the JSON object."""
    options = _arguments()
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", flush=True)

    try:
        runs = {name: _run(options, name, say) for name in ("autopilot", "without_model")}
    except FreqpilotError as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return error.exit_code
    document = _document(options, runs, say)
    write_section(options.out, BEGIN, END, section(document))
    say(f"section written to {options.out}")
    print(json.dumps(finite(document)))
    return 0 if document["parity"] else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=NAME, description=__doc__)
    parser.add_argument("--datadir", type=Path, required=True, help="folder of 1h feather candles")
    parser.add_argument("--timerange", default="20230101-20241231", help="YYYYMMDD-YYYYMMDD, UTC")
    parser.add_argument("--pairs", nargs="*", help="default: every USDT pair in the folder")
    parser.add_argument("--out", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--userdir", type=Path, default=Path("user_data/benchmark"))
    parser.add_argument("--strategy", default="Autopilot")
    parser.add_argument("--strategy-path", type=Path, help="folder of another strategy")
    options = parser.parse_args()
    options.datadir, options.userdir = options.datadir.resolve(), options.userdir.resolve()
    options.pairs = options.pairs or [
        file.name.removesuffix("-1h.feather").replace("_", "/")
        for file in sorted(options.datadir.glob("*_USDT-1h.feather"))
    ]
    if not options.pairs:
        parser.error(f"no *_USDT-1h.feather in {options.datadir}")
    try:
        options.start, options.end = (
            datetime.strptime(part, "%Y%m%d").replace(tzinfo=UTC)
            for part in options.timerange.split("-")
        )
    except ValueError:
        parser.error(f"timerange {options.timerange!r} is not YYYYMMDD-YYYYMMDD")
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


def _run(options: argparse.Namespace, name: str, say: Callable[[str], None]) -> BacktestRun:
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
            start=options.start,
            end=options.end,
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

    Console(width=120).print(summary_table(run))
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


def _document(
    options: argparse.Namespace, runs: Mapping[str, BacktestRun], say: Callable[[str], None]
) -> dict[str, Any]:
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
    return {
        "name": NAME,
        "synthetic": is_synthetic(options.datadir) or ours.synthetic,
        "parity": all(all(group.values()) for group in checks.values()),
        "checks": checks,
        "targets": _targets(figures, drawn),
        "figures": figures,
        "period": [f"{time:%Y-%m-%d}" for time in ours.timerange],
        "pairs": list(ours.pairs),
        "fee": FEE,
        "seed": Settings().seed,
        "versions": {"freqpilot": __version__, "freqtrade": version("freqtrade")},
        "data_digest": data_digest(options.datadir, ours.pairs),
    }


def _targets(
    figures: Mapping[str, Mapping[str, Any]], drawn: Sequence[Mapping[str, float]]
) -> dict[str, dict[str, Any]]:
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
        name: {"value": value, "target": target, "ok": bool(sign * value >= sign * target)}
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
