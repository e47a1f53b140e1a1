"""What each model's forecasts are worth on real candles, walked forward, after luck and fees.

``python -m benchmarks edge --datadir ../shared/data/candles/binance``

Every quarter of 2021–2024 each model is fitted on the 540 days before and forecasts the quarter.
Prints Markdown and one JSON object last, and with ``--page docs/results.md`` writes its section.
``--ledger`` keeps the names of all trials ever made, by whose number figures are deflated.
"""

import argparse
import itertools
import json
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.support.candles import data_digest
from benchmarks.support.edge_panel import HOUR, Panel, read
from benchmarks.support.options import add_candle_options, add_page_option, parser
from benchmarks.support.result import Result, finish
from benchmarks.worth.edge_lead import lead, verdicts
from benchmarks.worth.edge_page import EDGE, TITLES, command, named, section
from freqpilot import __version__
from freqpilot.features.bank.core import CORE
from freqpilot.models.base.fitted import Model
from freqpilot.models.base.heads import Forecast
from freqpilot.models.base.window import TooShort
from freqpilot.models.catalogue import BASELINES, MODELS, SEQUENCES
from freqpilot.models.ensemble.whole import Whole
from freqpilot.models.linear import LastValue, Ridge
from freqpilot.models.pooled import Pooled
from freqpilot.models.trees.boosting import TreesRegressor
from freqpilot.research import edge, stats
from freqpilot.settings import LabelSettings, SequenceSettings, Settings
from freqpilot.shapes import Floats, Ints

DAYS = 540
EVERY = 3
TIMERANGE = "20210101-20250101"
KNOWN = "2024-01-01"
"""End of the years of the figure to beat, .048 at 4 h: one LightGBM for the 16 pairs, 66 features,
a refit a month."""
HORIZONS = (4, 24)
DECAY = (4, 12, 24)
FEE = 0.001
SURE = 0.6
REVERSAL = "reversal"
"""The last hour's return turned round, a baseline: what a model of short horizons finds first."""
WHOLE = "linear, whole window"
"""The ridge that learns again from the whole window, as the stack's members do: a baseline."""
BLOCK = 20 * 24 // EVERY
DAYS_A_YEAR = 365.0


@dataclass(frozen=True)
class Variant:
    """A model with its universe: ``pooled`` one fit for all pairs, with the ranks of ``ranked``
    across them, or one fit a pair."""

    name: str
    model: Model
    pooled: bool = True
    ranked: tuple[str, ...] = tuple(CORE)


CANDLES = 16
"""Candles of context that a sequence model reads here, each :data:`EVERY` hours."""


NOTE = (
    f" A sequence model reads {CANDLES} of these candles; its settings are the defaults. When "
    "its training ends was chosen on 2020 and 2021, so 2021 is no test of that."
)
"""What the page says where sequence models were tried."""


def sequences() -> list[Variant]:
    """Return the sequence models, which are tried only where they are named: they take long."""
    made = SequenceSettings(length=CANDLES)
    return [Variant(name, replace(model, settings=made)) for name, model in SEQUENCES.items()]


def chosen(horizon: int, names: list[str]) -> list[Variant]:
    """Return the variants of ``names`` at a horizon; without names all but the sequence models.

    :raises SystemExit: for a name that is none.
    """
    known = variants(horizon)
    if not names:
        return known
    found = {variant.name: variant for variant in (*known, *sequences())}
    if unknown := sorted({*names} - {*found}):
        raise SystemExit(f"no model {', '.join(unknown)}; there are {', '.join(sorted(found))}")
    return [found[name] for name in names]


def hours_ahead(text: str) -> tuple[int, ...]:
    """Return the horizons of an option.

    :raises ArgumentTypeError: for one whose outcomes are not read.
    """
    wanted = text.split(",")
    found = tuple(hours for hours in DECAY if str(hours) in wanted)
    if len(found) != len(wanted):
        raise argparse.ArgumentTypeError(f"{text}: give some of {', '.join(map(str, DECAY))}")
    return found


def variants(horizon: int) -> list[Variant]:
    """Return what is tried at a horizon."""
    nearest = LastValue(column="return_24" if horizon >= 24 else "return_6")
    pooled = [
        Variant(name, nearest if name == "last_value" else model) for name, model in MODELS.items()
    ]
    pooled.append(Variant(REVERSAL, LastValue(column="return_1", against=True)))
    pooled.append(Variant(WHOLE, Whole(Ridge())))
    if horizon == max(HORIZONS):
        return pooled
    return [
        *pooled,
        Variant("trees_regressor, every feature", TreesRegressor(selected=False)),
        Variant(
            "trees_regressor, every feature, whole window", Whole(TreesRegressor(selected=False))
        ),
        Variant("trees_regressor, one a pair", MODELS["trees_regressor"], pooled=False, ranked=()),
    ]


@dataclass(frozen=True)
class Walk:
    """Forecasts of all steps by field of :class:`Forecast` (steps × pairs), and CPU seconds."""

    parts: dict[str, Floats]
    seconds: float
    fits: int


def arguments() -> argparse.Namespace:
    """Return the options."""
    made = parser("edge", __doc__)
    add_candle_options(made, TIMERANGE, needs=("BTC/USDT",))
    add_page_option(made)
    made.add_argument("--months", type=int, default=3, help="between refits")
    made.add_argument("--fast", action="store_true", help="one horizon, a refit a year")
    made.add_argument("--models", default="", help="names, by commas; all but the slow ones")
    made.add_argument("--pairs", default="", help="coins, by commas; all by default")
    made.add_argument(
        "--horizons", type=hours_ahead, help="of 4, 12 and 24 hours, by commas; 4 and 24 by default"
    )
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--section", choices=sorted(TITLES), default=EDGE, help="of the page")
    made.add_argument("--ledger", type=Path, default=Path("docs/edge_trials.json"))
    options = made.parse_args()
    options.horizons = options.horizons or (HORIZONS[:1] if options.fast else HORIZONS)
    options.months = 12 if options.fast else options.months
    options.coins = [*filter(None, options.pairs.split(","))]
    if len(refits(options)) < 2:
        made.error(f"--timerange {options.timerange} has no {options.months} whole months")
    return options


def refits(options: argparse.Namespace) -> list[int]:
    """Return the hours of the refits, and that of the end."""
    period = options.timerange.begin, options.timerange.end
    moments = pd.date_range(*period, freq=f"{options.months}MS")
    return [int(moment.value // HOUR) for moment in moments]


def main() -> int:
    """Walk, measure and print; returns the exit status."""
    options = arguments()
    result = walked(options)
    return finish(result, options, section({**result.about, **result.figures}, options.section))


def walked(options: argparse.Namespace) -> Result:
    """Walk each model forward at each horizon and return what its forecasts are worth."""
    begun = time.process_time()
    first = options.timerange.begin - timedelta(days=DAYS)
    stop = options.timerange.dates[1]
    panel = read(options.datadir, DECAY, EVERY, f"{first:%Y-%m-%d}", stop, options.coins)
    edges, names, seed = refits(options), named(options.models), Settings().seed
    jobs = [
        (horizon, variant) for horizon in options.horizons for variant in chosen(horizon, names)
    ]
    with ThreadPoolExecutor(options.threads) as pool:
        walks = [
            pool.submit(walk, panel, variant, horizon, edges, seed) for horizon, variant in jobs
        ]
        done = [job.result() for job in walks]
    trials = ledger(options.ledger, [trial(options, *job) for job in jobs])
    rows = [
        {
            "horizon": horizon,
            "model": variant.name,
            "baseline": variant.name in (*BASELINES, REVERSAL, WHOLE),
            "classes": variant.model.classes,
        }
        | measure(panel, found, horizon, edges, len(trials), seed)
        for (horizon, variant), found in zip(jobs, done, strict=True)
    ]
    figures = {
        "trials": trials,
        "cpu_seconds": round(time.process_time() - begun, 1),
        "rows": rows,
        "verdicts": [
            found | above(panel, edges, found, rows, done, seed) for found in verdicts(rows)
        ],
    }
    about = {
        "command": command(sys.argv[1:]),
        "note": NOTE if {*names} & {*SEQUENCES} else "",
        "period": list(options.timerange.dates),
        "months": options.months,
        "days": DAYS,
        "every": EVERY,
        "fee": FEE,
        "pairs": list(panel.pairs),
        "features": len(panel.names),
        "ranked": len(CORE),
        "version": __version__,
        "seed": seed,
        "data_digest": data_digest(options.datadir, list(panel.pairs)),
    }
    return Result("edge", figures, about=about)


def trial(options: argparse.Namespace, horizon: int, variant: Variant) -> str:
    """Return the name under which the ledger keeps a trial."""
    cut = f", {','.join(options.coins)}" if options.coins else ""
    if str(options.timerange) != TIMERANGE:
        cut += f", {' – '.join(options.timerange.dates)}"
    return f"{variant.name} at {horizon} h, {options.months} months{cut}"


def ledger(file: Path, keys: list[str]) -> list[str]:
    """Return all trials that were ever made, with ``keys`` among them, and keep them."""
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    known = [*before, *(key for key in keys if key not in before)]
    file.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    return known


def hours(edges: list[int]) -> Ints:
    """Return the hours of all steps from the first refit to the end."""
    return np.asarray([h for h in range(edges[0], edges[-1]) if h % EVERY == 0], np.int64)


def walk(panel: Panel, variant: Variant, horizon: int, edges: list[int], seed: int) -> Walk:
    """Return what ``variant`` forecast, each quarter from the days before it alone."""
    begun, fits = time.thread_time(), 0
    grid = hours(edges)
    parts = {field: np.full((len(grid), len(panel.pairs)), np.nan) for field in Forecast._fields}
    place = {pair: column for column, pair in enumerate(panel.pairs)}
    settings = LabelSettings(horizon=horizon, purge=horizon, embargo=horizon)
    lead = (int(getattr(variant.model, "length", 1)) - 1) * EVERY
    for begin, stop in itertools.pairwise(edges):
        served = panel.features(begin - lead, stop)
        for fitted in _fits(panel, variant, horizon, begin - 1, settings, seed):
            fits += 1
            asked = {pair: served[pair] for pair in fitted.layout.pairs if pair in served}
            for pair, forecast in fitted.predict(asked).items():
                inside = asked[pair][0] >= begin
                rows = np.searchsorted(grid, asked[pair][0][inside])
                for field, values in zip(Forecast._fields, forecast, strict=True):
                    parts[field][rows, place[pair]] = values[inside]
    return Walk(parts, time.thread_time() - begun, fits)


def _fits(
    panel: Panel, variant: Variant, horizon: int, last: int, settings: LabelSettings, seed: int
) -> Iterator[Pooled]:
    members = panel.members(horizon, variant.model.classes, last + 1 - DAYS * 24, last)
    groups = [members] if variant.pooled else [{pair: own} for pair, own in members.items()]
    for group in groups:
        try:
            yield Pooled.fit(
                variant.model, group, panel.names, variant.ranked, last, settings, seed, step=EVERY
            )
        except TooShort:
            continue


def measure(
    panel: Panel, found: Walk, horizon: int, edges: list[int], trials: int, seed: int
) -> dict[str, Any]:
    """Return every figure of one walk."""
    grid, mean = hours(edges), found.parts["mean"]
    outcome = panel.grid(grid, {p: s.returns[horizon] for p, s in panel.pairs.items()})
    weights = edge.counts(mean, outcome)
    overall = edge.products(mean, outcome)
    years = pd.to_datetime(grid * HOUR, utc=True).year.to_numpy()
    ic = edge.figure(overall, weights, BLOCK, seed, trials)
    across = edge.figure(
        edge.cross_products(mean, outcome), np.ones(len(grid)), BLOCK, seed, trials
    )
    by_year = {
        str(year): edge.figure(
            edge.products(mean[years == year], outcome[years == year]),
            weights[years == year], BLOCK, seed,
        )
        for year in np.unique(years)
    }  # fmt: skip
    early = grid < pd.Timestamp(KNOWN, tz="UTC").value // HOUR
    compared = edge.figure(edge.products(mean[early], outcome[early]), weights[early], BLOCK, seed)
    return {
        "ic": _figure(ic),
        "ic_across": _figure(across),
        "ic_known_years": _figure(compared),
        "ic_by_year": {year: _figure(value) for year, value in by_year.items()},
        "decay": _decay(panel, mean, grid),
        **_chances(found.parts, outcome),
        **_money(panel, mean, grid, horizon, trials, seed),
        "fits": found.fits,
        "seconds": round(found.seconds, 1),
    }


def above(
    panel: Panel,
    edges: list[int],
    found: Mapping[str, Any],
    rows: list[dict[str, Any]],
    walks: list[Walk],
    seed: int,
) -> dict[str, Any]:
    """Return by how much a model's rank IC is above the best baseline's; see :func:`lead`."""
    horizon, grid = found["horizon"], hours(edges)
    outcome = panel.grid(grid, {p: s.returns[horizon] for p, s in panel.pairs.items()})
    means = [found.parts["mean"] for found in walks]
    return lead(found, rows, means, outcome, BLOCK, seed)


def _figure(found: edge.Figure) -> dict[str, float]:
    deflated, low, high = found.deflated
    return {
        "value": found.value,
        "t": found.t,
        "deflated": deflated,
        "deflated_low": low,
        "deflated_high": high,
    }


def _decay(panel: Panel, mean: Floats, grid: Ints) -> dict[str, float]:
    found = {}
    for ahead in DECAY:
        outcome = panel.grid(grid, {p: s.returns[ahead] for p, s in panel.pairs.items()})
        both = edge.products(mean, outcome)
        weights = edge.counts(mean, outcome)
        there = weights > 0
        found[str(ahead)] = float(np.average(both[there], weights=weights[there]))
    return found


def _chances(parts: Mapping[str, Floats], outcome: Floats) -> dict[str, Any]:
    """Return hit rates, the calibration of the chance of a rise, and the intervals' coverage."""
    up, down = parts["up"], parts["down"]
    both = np.isfinite(outcome) & np.isfinite(up) & (up + down > 0)
    # A model that is silent has no direction to be right in.
    told = both & (up != down)
    right = (np.sign(up - down) == np.sign(outcome)).astype(np.float64)
    sure = told & (parts["confidence"] > SURE)
    chance = np.full(up.shape, np.nan)
    chance[both] = up[both] / (up + down)[both]
    rose = np.where(both, (outcome > 0).astype(np.float64), np.nan)
    inside = (parts["low"] <= outcome) & (outcome <= parts["high"])
    return {
        "hit": float(right[told].mean()) if told.any() else None,
        "sure_hit": float(right[sure].mean()) if sure.any() else None,
        "sure": int(sure.sum()),
        "calibration_error": edge.calibration_error(chance[both], rose[both]),
        "coverage": float(inside[both].mean()),
    }


def _money(
    panel: Panel, mean: Floats, grid: Ints, horizon: int, trials: int, seed: int
) -> dict[str, Any]:
    """Return what the picks earn: a forecast is followed when it promises more than two fees."""
    width = panel.grid(grid, {p: s.width[horizon] for p, s in panel.pairs.items()})
    close = panel.grid(grid, {p: s.close for p, s in panel.pairs.items()})
    ahead = np.full(close.shape, np.nan)
    ahead[:-1] = close[1:] / close[:-1] - 1.0
    picked = np.where(np.abs(mean) * width > 2 * FEE, np.sign(mean), 0.0)
    day = grid // 24
    hold = max(1, round(horizon / EVERY))
    found: dict[str, Any] = {}
    for kind, signal in (("both", picked), ("long", np.maximum(picked, 0.0))):
        path = edge.book(signal, ahead, hold, FEE)
        daily = edge.by_day(path.net, day)
        ratio = stats.sharpe(daily, DAYS_A_YEAR)
        found[kind] = {
            "sharpe": ratio,
            "deflated_sharpe": stats.deflated_sharpe(daily, trials),
            "return_a_year": float(daily.mean() * DAYS_A_YEAR),
            "turnover": float(path.traded.sum() / len(daily) * DAYS_A_YEAR),
            "picks": int(np.sum(np.nan_to_num(signal) != 0)),
        }
    return found


if __name__ == "__main__":
    sys.exit(main())
