"""What the regime detector says of real candles: names, how long they last, what follows what.

``python -m benchmarks.regimes --datadir ../shared/data/candles/binance``

Checks first that the regimes of all candles are those of the candles cut at random places (no
candle sees a later one). Prints Markdown and one JSON object last. Exits non-zero when the check
fails, or when BTC's capitulation misses one of the months that it is meant for.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.features.candles import candles_from_frame
from freqpilot.features.workspace import Workspace
from freqpilot.settings import RegimeSettings
from freqpilot.shapes import Candles
from freqpilot.signals.regimes import NAMES, NONE, Regimes, detect

MONTHS = ("2020-03", "2021-05", "2022-11")
"""Crashes that capitulation is meant for."""
DAY = 24
CUTS = 5


def main() -> int:
    """Detect, check and print."""
    parser = argparse.ArgumentParser(prog="regimes", description=__doc__)
    parser.add_argument("--datadir", type=Path, required=True, help="folder of 1h feather candles")
    options = parser.parse_args()
    files = sorted(options.datadir.glob("*_USDT-1h.feather"))
    if not files:
        parser.error(f"no *_USDT-1h.feather in {options.datadir}")
    dwell = RegimeSettings().min_dwell
    detect(Workspace(_candles(files[0]).window(0, 500)), dwell)  # compiles
    parts, seconds, sound = [], 0.0, True
    for file in files:
        candles = _candles(file)
        begun = time.perf_counter()
        found = detect(Workspace(candles), dwell)
        seconds += time.perf_counter() - begun
        sound = sound and _sees_no_future(candles, found, dwell)
        parts.append(table(file.name.partition("_")[0], candles, found))
    rows = pd.concat(parts)
    months = capitulation(rows[rows["coin"] == "BTC"])
    document: dict[str, Any] = {
        "name": "regimes",
        "pairs": len(files),
        "candles": len(rows),
        "seconds": round(seconds, 3),
        "no_future": sound,
        "regimes": summary(rows),
        "transitions": transitions(rows),
        "btc_capitulation_hours": months,
    }
    print(section(document))
    print(json.dumps(document))
    met = all(months.get(month, 0) for month in MONTHS)
    return 0 if sound and met else 1


def table(coin: str, candles: Candles, found: Regimes) -> pd.DataFrame:
    """Return a row for each candle: its regime, whether that acts, and the day that followed."""
    logged = np.log(candles.close)
    step = np.diff(logged, prepend=np.nan)
    following = pd.Series(logged).diff(DAY).shift(-DAY)
    loudness = pd.Series(step).rolling(DAY).std().shift(-DAY)
    changed = np.diff(found.place, prepend=-2) != 0
    return pd.DataFrame(
        {
            "coin": coin,
            "month": pd.to_datetime(candles.date, utc=True).strftime("%Y-%m"),
            "place": found.place,
            "acts": found.probability >= RegimeSettings().min_probability,
            "stretch": [f"{coin} {number}" for number in np.cumsum(changed)],
            "following": following.to_numpy(),
            "loudness": loudness.to_numpy() * np.sqrt(365 * DAY),
        }
    )


def summary(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return figures of each regime over all pairs; dwell in hours without its first and last."""
    stretches = rows.groupby("stretch", sort=False).agg(
        coin=("coin", "first"), place=("place", "first"), hours=("place", "size")
    )
    inner = stretches[stretches["coin"].duplicated() & stretches["coin"].duplicated(keep="last")]
    out: dict[str, dict[str, float]] = {}
    for place, name in enumerate(NAMES):
        of, lasted = rows[rows["place"] == place], inner.loc[inner["place"] == place, "hours"]
        out[name] = {
            "share": round(len(of) / len(rows), 4),
            "acts": round(float(of["acts"].mean()), 3),
            "stretches": len(lasted),
            "dwell_p5": float(lasted.quantile(0.05)),
            "dwell_median": float(lasted.median()),
            "dwell_p95": float(lasted.quantile(0.95)),
            "next_day_return": round(float(of["following"].mean()), 5),
            "next_day_volatility": round(float(of["loudness"].median()), 3),
        }
    return out


def transitions(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return for each regime the shares of those that came next."""
    first = rows.drop_duplicates("stretch")
    pairs = pd.DataFrame({"of": first["place"], "to": first.groupby("coin")["place"].shift(-1)})
    pairs = pairs[(pairs["of"] != NONE) & (pairs["to"] >= 0)]
    shares = pd.crosstab(pairs["of"], pairs["to"], normalize="index")
    shares = shares.reindex(index=range(6), columns=range(6), fill_value=0.0)
    table = shares.to_numpy(dtype=np.float64).round(3).tolist()
    return {
        name: {to: row[j] for j, to in enumerate(NAMES)}
        for name, row in zip(NAMES, table, strict=True)
    }


def capitulation(rows: pd.DataFrame) -> dict[str, int]:
    """Return the hours of capitulation by month."""
    place = NAMES.index("capitulation")
    hours = rows[rows["place"] == place].groupby("month").size()
    return {str(month): int(count) for month, count in hours.items()}


def section(document: dict[str, Any]) -> str:
    """Return the figures in Markdown."""
    lines = [
        "| regime | share | acts (above .7) | stretches | hours: 5 %, median, 95 % | next day's "
        "mean return | its median volatility, a year |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in document["regimes"].items():
        lasted = ", ".join(f"{row[f'dwell_{part}']:.0f}" for part in ("p5", "median", "p95"))
        lines.append(
            f"| {_words(name)} | {row['share']:.1%} | {row['acts']:.0%} | {row['stretches']} | "
            f"{lasted} | {row['next_day_return']:+.2%} | {row['next_day_volatility']:.0%} |"
        )
    lines += [
        "",
        f"| then | {' | '.join(map(_words, NAMES))} |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in document["transitions"].items():
        lines.append(f"| {_words(name)} | {' | '.join(f'{row[to]:.0%}' for to in NAMES)} |")
    hours = document["btc_capitulation_hours"]
    told = ", ".join(f"{month} {hours.get(month, 0)} h" for month in MONTHS)
    lines += [
        "",
        f"BTC's capitulation: {told}; in {len(hours)} months in all, {sum(hours.values())} h.",
        f"{document['candles']} candles of {document['pairs']} pairs in {document['seconds']} s; "
        f"no candle sees a later one: {'yes' if document['no_future'] else 'NO'}.",
    ]
    return "\n".join(lines)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _sees_no_future(candles: Candles, found: Regimes, dwell: int) -> bool:
    cuts = np.random.default_rng(len(candles)).integers(1, len(candles), CUTS)
    for cut in cuts.tolist():
        part = detect(Workspace(candles.window(0, cut)), dwell)
        if not np.array_equal(part.place, found.place[:cut]):
            return False
    return True


def _candles(file: Path) -> Candles:
    return candles_from_frame(pd.read_feather(file))


if __name__ == "__main__":
    sys.exit(main())
