"""What the detectors of regimes say of real candles: names, how long they last, what follows what.

``python -m benchmarks regimes --datadir ../shared/data/candles/binance``

The rules, and hidden Markov models that are fitted walk-forward on four pairs, both on the candles
from the first model on. Checks first that the regimes of all candles are those of the candles cut
at random places (no candle sees a later one). Prints Markdown and one JSON object last; ``--page``
puts the Markdown into the page of results. Exits non-zero when the check fails, or when BTC's
capitulation by the rules misses one of the months of the timerange that it is meant for.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmarks.support.candles import candles_of, data_digest, pairs_in
from benchmarks.support.options import Period, add_candle_options, add_page_option, parser
from benchmarks.support.result import Result, Target, finish
from freqpilot.errors import Degraded
from freqpilot.features.bank.workspace import Workspace
from freqpilot.host.commands.regimes import Plan, fit_one, part_of
from freqpilot.models.regimes import RegimeModel
from freqpilot.settings import RegimeSettings
from freqpilot.shapes import Candles, Signal
from freqpilot.signals.analysts import opinions
from freqpilot.signals.hmm import STARTUP, detect
from freqpilot.signals.regimes import NAMES, NONE, Regimes

MONTHS = ("2020-03", "2021-05", "2022-11")
"""Crashes that capitulation is meant for."""
BEGIN, END = "<!-- regimes: written by the benchmark -->", "<!-- end of regimes -->"
METHODS: tuple[Literal["rules"], Literal["hmm"]] = ("rules", "hmm")
ANALYSTS = ("technical_momentum", "mean_reversion")
NEUTRAL = 0.2
PAIRS = ("BTC/USDT", "ETH/USDT", "LTC/USDT", "XRP/USDT")
"""The oldest, which have two years of candles the earliest."""
TIMERANGE = "20180701-20250101"
"""Of the models; their candles are those of two years before."""
DAY, WEEK = 24, 168
CUTS = 5
SEEN = 3_000
"""Candles of the part that is compared."""


def main() -> int:
    """Detect, check, print and write; returns the exit status."""
    made = parser("regimes", __doc__)
    add_candle_options(made, TIMERANGE, needs=PAIRS)
    add_page_option(made)
    made.add_argument("--every", type=int, default=30, help="days between models")
    options = made.parse_args()
    pairs, period = pairs_in(options.datadir), options.timerange
    begun = time.process_time()
    models, failed = fitted(options.datadir, period, options.every)
    fitting = time.process_time() - begun
    if not models:
        made.error(f"--timerange {period}: no model could be fitted on the two years before it")
    methods, sound = detected(options.datadir, pairs, period, models)
    figures: dict[str, Any] = {
        "models": len(models),
        "models_failed": failed,
        "fitting_seconds": round(fitting, 1),
        "no_future": sound,
        "same_regime": _same(methods),
        "methods": {name: described(*each) for name, each in methods.items()},
    }
    about = {
        "pairs": len(pairs),
        "first_model": str(pd.Timestamp(models[0].fitted_until, tz="UTC").date()),
        "until": period.dates[1],
        "fitted_on": list(PAIRS),
        "every": options.every,
        "data_digest": data_digest(options.datadir, pairs),
    }
    hours = figures["methods"]["rules"]["btc_capitulation_hours"]
    meant = [month for month in MONTHS if about["first_model"][:7] < month < about["until"][:7]]
    targets = {
        f"hours of capitulation in {month}": Target(hours.get(month, 0), 1, month in hours)
        for month in meant
    }
    result = Result("regimes", figures, targets, sound, about, strict=True)
    return finish(result, options, section({**about, **figures}))


def detected(
    datadir: Path, pairs: Sequence[str], period: Period, models: Sequence[RegimeModel]
) -> tuple[dict[str, tuple[pd.DataFrame, float]], bool]:
    """Return by method the rows of :func:`table` from the first model to the end of ``period`` and
    the CPU seconds; and whether no candle saw a later one."""
    methods = {name: RegimeSettings(method=name) for name in METHODS}
    few = candles_of(datadir, pairs[0]).window(0, 700)
    detect(Workspace(few), methods["hmm"], models)  # compiles
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in METHODS}
    seconds, sound = dict.fromkeys(METHODS, 0.0), True
    end = pd.Timestamp(period.end).value
    for pair in pairs:
        candles = candles_of(datadir, pair)
        candles = candles.window(0, int(np.searchsorted(candles.date, end)))
        moves = opinions(Workspace(candles), names=ANALYSTS)
        for name, settings in methods.items():
            begun = time.process_time()
            found, told = detect(Workspace(candles), settings, models)
            seconds[name] += time.process_time() - begun
            sound = sound and _sees_no_future(candles, found, settings, models)
            rows = table(pair.partition("/")[0], candles, found, moves)
            parts[name].append(rows.assign(told=told)[candles.date >= models[0].fitted_until])
    return {name: (pd.concat(each), seconds[name]) for name, each in parts.items()}, sound


def fitted(datadir: Path, period: Period, every: int) -> tuple[list[RegimeModel], int]:
    """Return the models of a walk forward, and how many could not be fitted."""
    found = Plan(datadir, PAIRS, period.begin, period.end, every)
    parts = [part_of(found, pair, None) for pair in found.pairs]
    models, failed = [], 0
    for until in found.boundaries():
        try:
            models.append(fit_one(parts, found, until))
        except Degraded as error:
            print(f"{until:%Y-%m-%d}: {error}", file=sys.stderr)
            failed += 1
    return models, failed


def described(rows: pd.DataFrame, seconds: float) -> dict[str, Any]:
    """Return the figures of one method."""
    return {
        "candles": len(rows),
        "told_by_model": round(float(rows["told"].mean()), 4),
        "seconds": round(seconds, 3),
        "regimes": summary(rows),
        "transitions": transitions(rows),
        "btc_capitulation_hours": capitulation(rows[rows["coin"] == "BTC"]),
    }


def table(
    coin: str, candles: Candles, found: Regimes, moves: Sequence[Signal] = ()
) -> pd.DataFrame:
    """Return a row for each candle: its regime, whether that acts, the day that followed, and what
    that was worth in the direction of each analyst's opinion, in the day's usual moves."""
    logged = np.log(candles.close)
    step = np.diff(logged, prepend=np.nan)
    following = pd.Series(logged).diff(DAY).shift(-DAY)
    loudness = pd.Series(step).rolling(DAY).std().shift(-DAY)
    changed = np.diff(found.place, prepend=-2) != 0
    usual = pd.Series(step).rolling(WEEK).std() * np.sqrt(DAY)
    worth = {
        each.analyst: (np.sign(each.value) * following / usual).where(
            (np.abs(each.value) > NEUTRAL) & (each.confidence > 0) & (usual > 0)
        )
        for each in moves
    }
    return pd.DataFrame(
        {
            "coin": coin,
            "month": pd.to_datetime(candles.date, utc=True).strftime("%Y-%m"),
            "place": found.place,
            "acts": found.probability >= RegimeSettings().min_probability,
            "stretch": [f"{coin} {number}" for number in np.cumsum(changed)],
            "following": following.to_numpy(),
            "loudness": loudness.to_numpy() * np.sqrt(365 * DAY),
            **worth,
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
            **{
                f"worth_{name}": round(float(of.loc[of["acts"], name].mean()), 4)
                for name in ANALYSTS
            },
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
    """Return the section in Markdown, with its markers."""
    rules, models = (document["methods"][name] for name in METHODS)
    pairs = ", ".join(pair.split("/")[0] for pair in document["fitted_on"])
    failed = document["models_failed"]
    return "\n".join(
        [
            BEGIN,
            "## Regimes on real candles",
            "",
            f"`python -m benchmarks regimes`, 1h candles of {document['first_model']} – "
            f"{document['until']} (from their listing on), {document['pairs']} USDT pairs of "
            f"Binance spot, data `{document['data_digest']}`. The rules' numbers are judgements "
            "and not fitted, with one exception: that a fall is looked for over a week as well as "
            "over two days was added after May 2021 had been missed. The models are fitted "
            "walk-forward, "
            f"one every {document['every']} days on at most two years of {pairs} before it: "
            f"{document['models']} models in {document['fitting_seconds']} CPU s, "
            f"{failed or 'none'} failed; {models['told_by_model']:.1%} of the candles have one. "
            "What followed a regime is a description of the past; nothing was tested on it.",
            "",
            "The last two columns: the next day's move in the direction of the analyst's opinion, "
            "in standard deviations, where the regime acts. The table of adaptation means momentum "
            "to be worth more in trends and breakouts, mean reversion in ranges.",
            "",
            "### By the rules (the default)",
            "",
            *_tables(rules),
            "",
            f'### By hidden Markov models (`"method": "{METHODS[1]}"`)',
            "",
            *_tables(models),
            "",
            f"Both say the same of {document['same_regime']:.0%} of the candles. No candle sees a "
            f"later one: {'yes' if document['no_future'] else 'NO'}.",
            END,
            "",
        ]
    )


def _tables(found: dict[str, Any]) -> list[str]:
    lines = [
        "| regime | share | acts (above .7) | stretches | hours: 5 %, median, 95 % | next day's "
        "mean return | its median volatility, a year | momentum | mean reversion |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in found["regimes"].items():
        lasted = ", ".join(f"{row[f'dwell_{part}']:.0f}" for part in ("p5", "median", "p95"))
        worth = " | ".join(f"{row[f'worth_{analyst}']:+.3f}" for analyst in ANALYSTS)
        lines.append(
            f"| {_words(name)} | {row['share']:.1%} | {row['acts']:.0%} | {row['stretches']} | "
            f"{lasted} | {row['next_day_return']:+.2%} | {row['next_day_volatility']:.0%} | "
            f"{worth} |"
        )
    lines += [
        "",
        f"| then | {' | '.join(map(_words, NAMES))} |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in found["transitions"].items():
        lines.append(f"| {_words(name)} | {' | '.join(f'{row[to]:.0%}' for to in NAMES)} |")
    hours = found["btc_capitulation_hours"]
    told = ", ".join(f"{month} {hours.get(month, 0)} h" for month in MONTHS)
    lines += [
        "",
        f"BTC's capitulation: {told}; in {len(hours)} months in all, {sum(hours.values())} h. "
        f"{found['candles']} candles in {found['seconds']} CPU s.",
    ]
    return lines


def _words(name: str) -> str:
    return name.replace("_", " ")


def _sees_no_future(
    candles: Candles, found: Regimes, settings: RegimeSettings, models: Sequence[RegimeModel]
) -> bool:
    cuts = np.random.default_rng(len(candles)).integers(1, len(candles), CUTS)
    for cut in cuts.tolist():
        begin = max(0, cut - SEEN)
        part, _ = detect(Workspace(candles.window(begin, cut)), settings, models)
        settled = slice(min(STARTUP, cut - begin) if begin else 0, None)
        if not np.array_equal(part.place[settled], found.place[begin:cut][settled]):
            return False
    return True


def _same(methods: Mapping[str, tuple[pd.DataFrame, float]]) -> float:
    rules, models = (methods[name][0]["place"].to_numpy() for name in METHODS)
    return round(float((rules == models).mean()), 4)


if __name__ == "__main__":
    sys.exit(main())
