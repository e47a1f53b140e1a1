"""What moves Autopilot's weights, beside what does not: regimes by rules, by models, scorecards.

``python -m benchmarks adaptive --datadir ../shared/data/candles/binance``

Autopilot without its model through plain ``freqtrade backtesting``: as it ships, and without the
supervisor at lower thresholds, which gives more trades. Regime models are fitted walk-forward on
four pairs first. Prints progress and one JSON object last; ``--page docs/results.md`` writes its
section. Exits non-zero when a parity check of an export fails.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.support.candles import data_digest, pairs_in
from benchmarks.support.options import add_candle_options, add_page_option, parser
from benchmarks.support.result import Result, finish, progress
from benchmarks.worth.baselines import run_figures
from benchmarks.worth.realdata_backtest import FEE, parity
from benchmarks.worth.regimes import PAIRS
from freqpilot.host.commands.regimes import Plan, write_series
from freqpilot.host.frames.regimes import folder_of
from freqpilot.journal.backtest import load_run
from freqpilot.rehearsal.bot.backtest import LAYERS, BacktestOptions, run_backtest

NAME = "adaptive"
BEGIN, END = f"<!-- {NAME}: written by the benchmark -->", f"<!-- end of {NAME} -->"
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "regimes by rules (the default)": {},
    "regimes by models": {"regimes": {"method": "hmm"}},
    "no regimes": {"regimes": {"enabled": False}},
    "regimes by rules, scorecards": {"scorecards": {"enabled": True}},
}
LOWERED = {"threshold": 0.3, "min_confidence": 0.4}
TITLES = {
    "supervised": "as it ships",
    "alone": "without the supervisor, `threshold` .3, `min_confidence` .4",
}


def main() -> int:
    """Run every variant, print and write the section; returns the exit status."""
    made = parser(NAME, __doc__)
    add_candle_options(made, "20230101-20241231", needs=PAIRS)
    add_page_option(made)
    made.add_argument("--kinds", nargs="*", choices=list(TITLES), default=list(TITLES))
    made.add_argument("--userdir", type=Path, default=Path("user_data/adaptive"))
    options = made.parse_args()
    options.userdir = options.userdir.resolve()
    say, pairs, period = progress(), pairs_in(options.datadir), options.timerange
    plan = Plan(options.datadir, PAIRS, period.begin - timedelta(days=90), period.end)
    models = sum(well for _, _, well in write_series(plan, folder_of(options.userdir)))
    runs: dict[str, dict[str, Any]] = {}
    for kind in options.kinds:
        for name, signals in VARIANTS.items():
            figures = _run(options, pairs, kind, signals)
            runs.setdefault(kind, {})[name] = figures
            say(f"{kind}, {name}: {figures}")
    about = {
        "period": list(period.dates),
        "pairs": list(pairs),
        "models": models,
        "fee": FEE,
        "data_digest": data_digest(options.datadir, pairs),
    }
    sound = all(each["parity"] for kind in runs.values() for each in kind.values())
    result = Result(NAME, {"runs": runs}, parity=sound, about=about)
    return finish(result, options, section({**about, "runs": runs}))


def _run(
    options: argparse.Namespace, pairs: Sequence[str], kind: str, signals: Mapping[str, Any]
) -> dict[str, Any]:
    changed: dict[str, Any] = {"signals": {"weights": {"model_forecast": 0.0}, **signals}}
    if kind == "alone":
        changed["signals"] |= LOWERED
        changed["supervisor"] = False
    result = run_backtest(
        BacktestOptions(
            datadir=options.datadir,
            pairs=pairs,
            start=options.timerange.begin,
            end=options.timerange.end,
            user_data=options.userdir,
            fee=FEE,
            layers=[layer for layer in LAYERS if layer != "freqai"],
            overlay={"pairlists": [{"method": "StaticPairList"}], "freqpilot": changed},
        )
    )
    run = load_run(result)
    return {**run_figures(run), "parity": all(parity(run).values())}


def section(document: Mapping[str, Any]) -> str:
    """Return the section in Markdown, with its markers."""
    lines = [
        BEGIN,
        "## What moves the weights",
        "",
        f"`python -m benchmarks adaptive`, {' – '.join(document['period'])}, Autopilot without its "
        f"model, {len(document['pairs'])} pairs, 1h candles, fee {document['fee']:.1%} of each "
        f"fill, data `{document['data_digest']}`, one run each; {document['models']} "
        "regime models, each fitted on what was known then.",
    ]
    for kind, runs in document["runs"].items():
        lines += [
            "",
            f"Autopilot {TITLES[kind]}:",
            "",
            "| | return | Sharpe | max drawdown | turnover | trades |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for name, row in runs.items():
            lines.append(
                f"| {name} | {row['return']:.1%} | {row['sharpe']:.2f} | "
                f"{row['max_drawdown']:.1%} | {row['turnover']:.2f} | {row['trades']} |"
            )
    return "\n".join([*lines, END, ""])


if __name__ == "__main__":
    sys.exit(main())
