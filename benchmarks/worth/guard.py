"""How often the anomaly guard refuses candles of real pairs that it was not trained on.

``python -m benchmarks guard --datadir ../shared/data/candles/binance``

Every 60 days the guard is fitted on a pair's 180 days before, as FreqAI would, and judges the 30
days after. Prints Markdown and one JSON object last; ``--page docs/results.md`` writes its
section.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.support.candles import data_digest, frame_of
from benchmarks.support.options import Period, add_candle_options, add_page_option, parser
from benchmarks.support.result import Result, finish
from freqpilot import __version__
from freqpilot.features.bank.library import FeatureBank
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.models import autoencoder
from freqpilot.settings import Settings
from freqpilot.shapes import Bools

BEGIN, END = "<!-- guard: written by the benchmark -->", "<!-- end of guard -->"
TRAIN, SERVED, EVERY = 180 * 24, 30 * 24, 60 * 24
LARGE = 0.99
"""Quantile of a window's hourly moves from which on a candle counts as a large move."""


def main() -> int:
    """Fit, judge and print; returns the exit status."""
    made = parser("guard", __doc__)
    add_candle_options(made, "20210701-20250101", needs=("BTC/USDT",))
    add_page_option(made)
    made.add_argument("--pairs", default="BTC,ETH,SOL,DOGE", help="coins, by commas")
    options = made.parse_args()
    if options.timerange.days * 24 < TRAIN + SERVED:
        made.error(f"--timerange: {(TRAIN + SERVED) // 24} days are needed to train and to judge")
    coins = options.pairs.split(",")
    begun = time.process_time()
    windows = [
        window for coin in coins for window in judged(options.datadir, coin, options.timerange)
    ]
    found = {
        "windows": len(windows),
        **figures(windows),
        "cpu_seconds": round(time.process_time() - begun, 1),
    }
    about = {
        "pairs": coins,
        "period": list(options.timerange.dates),
        "quantile": Settings().models.guard.quantile,
        "version": __version__,
        "data_digest": data_digest(options.datadir, [f"{coin}/USDT" for coin in coins]),
    }
    return finish(Result("guard", found, about=about), options, section({**about, **found}))


def judged(datadir: Path, coin: str, period: Period) -> list[tuple[Bools, Bools]]:
    """Return for each window which candles were refused, and which of them moved a lot."""
    frame = frame_of(datadir, f"{coin}/USDT")
    candles = candles_from_frame(frame[frame["date"] < period.end])
    x = FeatureBank().compute(candles).values
    move = np.abs(np.diff(np.log(candles.close), prepend=np.nan))
    settings = Settings()
    first = int(np.searchsorted(candles.date, pd.Timestamp(period.begin).value))
    found = []
    for start in range(first, len(x) - TRAIN - SERVED + 1, EVERY):
        known, served = x[start : start + TRAIN], slice(start + TRAIN, start + TRAIN + SERVED)
        labels = settings.labels
        guard = autoencoder.fit(
            known, settings.models.guard, labels.validation_share, labels.embargo, settings.seed
        )
        large = move[served] >= np.nanquantile(move[served], LARGE)
        found.append((~guard.accepts(x[served]), large))
    return found


def figures(windows: list[tuple[Bools, Bools]]) -> dict[str, Any]:
    """Return the shares of refused candles: of all, of the windows by quantile, of large moves."""
    shares = np.asarray([refused.mean() for refused, _ in windows])
    refused = np.concatenate([window[0] for window in windows])
    large = np.concatenate([window[1] for window in windows])
    return {
        "candles": len(refused),
        "refused": float(refused.mean()),
        "refused_by_window": {
            str(share): float(np.quantile(shares, share)) for share in (0.1, 0.5, 0.9, 1.0)
        },
        "refused_of_large_moves": float(refused[large].mean()),
    }


def section(document: dict[str, Any]) -> str:
    """Return the section in Markdown, with its markers."""
    by = document["refused_by_window"]
    return "\n".join(
        [
            BEGIN,
            "## How often the anomaly guard refuses",
            "",
            f"`python -m benchmarks guard`, {', '.join(document['pairs'])} against USDT, 1h "
            f"candles {document['period'][0]} – {document['period'][1]}, {document['windows']} "
            f"windows: fitted on {TRAIN // 24} days, judged on the {SERVED // 24} after, "
            f"{document['candles']} candles, Freqpilot {document['version']}, data "
            f"`{document['data_digest']}`, {document['cpu_seconds']:.0f} CPU seconds. The "
            f"threshold is the {document['quantile'] * 100:g} % quantile of the error on the "
            "training window's newest tenth, so "
            f"{(1 - document['quantile']) * 100:.2g} % would be refused if nothing changed.",
            "",
            "| refused | of all | median window | 10 % of windows below | 10 % above | worst "
            "window | of the 1 % largest hourly moves |",
            "|---|---:|---:|---:|---:|---:|---:|",
            f"| share | {_percent(document['refused'])} | {_percent(by['0.5'])} | "
            f"{_percent(by['0.1'])} | {_percent(by['0.9'])} | {_percent(by['1.0'])} | "
            f"{_percent(document['refused_of_large_moves'])} |",
            END,
            "",
        ]
    )


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
