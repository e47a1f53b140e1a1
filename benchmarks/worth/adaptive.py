"""What moves Autopilot's weights, beside what does not: regimes by rules, by models, scorecards.

``python -m benchmarks adaptive --datadir ../shared/data/candles/binance``

Autopilot without its model through plain ``freqtrade backtesting``: as it ships, and without the
supervisor at lower thresholds, which gives more trades. Regime models are fitted walk-forward on
four pairs first. Prints progress and one JSON object last; writes its section of the results page.
Exits non-zero when a parity check of an export fails.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.support.page import data_digest, finite, write_section
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
    """Run every variant, write the section and print the JSON object."""
    parser = argparse.ArgumentParser(prog=NAME, description=__doc__)
    parser.add_argument("--datadir", type=Path, required=True, help="folder of 1h feather candles")
    parser.add_argument("--start", default="2023-01-01")
    parser.add_argument("--end", default="2024-12-31")
    parser.add_argument("--kinds", nargs="*", choices=list(TITLES), default=list(TITLES))
    parser.add_argument("--out", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--userdir", type=Path, default=Path("user_data/adaptive"))
    options = parser.parse_args()
    options.datadir, options.userdir = options.datadir.resolve(), options.userdir.resolve()
    files = sorted(options.datadir.glob("*_USDT-1h.feather"))
    pairs = [file.name.removesuffix("-1h.feather").replace("_", "/") for file in files]
    if not pairs:
        parser.error(f"no *_USDT-1h.feather in {options.datadir}")
    period = options.start, options.end
    start, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in period)
    plan = Plan(options.datadir, PAIRS, start - timedelta(days=90), end)
    models = sum(well for _, _, well in write_series(plan, folder_of(options.userdir)))
    runs: dict[str, dict[str, Any]] = {}
    for kind in options.kinds:
        for name, signals in VARIANTS.items():
            begun = time.monotonic()
            figures = _run(options, pairs, (start, end), kind, signals)
            runs.setdefault(kind, {})[name] = figures
            print(f"{kind}, {name}: {figures} ({time.monotonic() - begun:.0f} s)", flush=True)
    document = {
        "name": NAME,
        "period": [options.start, options.end],
        "pairs": pairs,
        "models": models,
        "fee": FEE,
        "data_digest": data_digest(options.datadir, pairs),
        "runs": runs,
    }
    write_section(options.out, BEGIN, END, section(document))
    print(json.dumps(finite(document)))
    return 0 if all(each["parity"] for kind in runs.values() for each in kind.values()) else 1


def _run(
    options: argparse.Namespace,
    pairs: list[str],
    period: tuple[datetime, datetime],
    kind: str,
    signals: Mapping[str, Any],
) -> dict[str, Any]:
    changed: dict[str, Any] = {"signals": {"weights": {"model_forecast": 0.0}, **signals}}
    if kind == "alone":
        changed["signals"] |= LOWERED
        changed["supervisor"] = False
    result = run_backtest(
        BacktestOptions(
            datadir=options.datadir,
            pairs=pairs,
            start=period[0],
            end=period[1],
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
