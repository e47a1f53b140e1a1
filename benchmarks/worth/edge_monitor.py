"""How soon the edge monitor silences a model that knows nothing, and how often one that does.

``python -m benchmarks edge_monitor --datadir ../shared/data/candles/binance --page
docs/results.md``

Models are fitted once, pooled over all pairs, on the candles before the timerange, and forecast
every hour of it, 2022–2024 unless named. Three more cases show what the monitor can tell: the same
forecasts shifted in time by chance (no edge, the same memory), forecasts with a planted rank IC,
and planted ones whose edge ends half way. Prints Markdown and one JSON object last.
"""

import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np

from benchmarks.support.candles import data_digest
from benchmarks.support.edge_panel import HOUR, Panel, read
from benchmarks.support.options import add_candle_options, add_page_option, parser
from benchmarks.support.result import Result, finish
from benchmarks.worth.edge_monitor_page import section
from freqpilot import __version__
from freqpilot.features.bank.core import CORE
from freqpilot.models.catalogue import MODELS
from freqpilot.models.edge import groups, monitor
from freqpilot.models.pooled import Member, Pooled
from freqpilot.settings import EdgeSettings, LabelSettings, Settings
from freqpilot.shapes import Floats, Ints

FITTED = ("trees_regressor", "linear", "logistic")
DAYS = 540
EVERY = 3
"""Training takes each third hour; labels of neighbours overlap all but one candle of twelve."""
DRAWS = 8
PLANTED = (0.05, 0.1, 0.15)
LEAST_SHIFT = 90 * 24
KINDS = ("pair", "group", "trades", "bot")
"""Each pair alone by all its forecasts; all pairs together by theirs, and by those that one would
trade; and for each pair the least of the three, as the bot takes it."""

Leans = dict[str, tuple[Ints, Floats]]
"""Hours and what was expected, by pair."""


def main() -> int:
    """Fit, follow, print; returns the exit status."""
    made = parser("edge_monitor", __doc__)
    add_candle_options(made, "20220101-20250101", needs=("BTC/USDT",))
    add_page_option(made)
    options = made.parse_args()
    begun = time.process_time()
    labels, edge = Settings().labels, Settings().models.edge
    period = options.timerange
    first = period.begin - timedelta(days=DAYS)
    panel = read(options.datadir, (labels.horizon,), 1, f"{first:%Y-%m-%d}", period.dates[1])
    frozen, stop = (int(day.timestamp()) // 3600 for day in (period.begin, period.end))
    cases = []
    base: Leans = {}
    for name in FITTED:
        base = forecasts(panel, name, frozen, stop, labels)
        cases.append(measure(f"{name}, frozen", panel, [base], labels, edge))
    cases += controls(panel, base, labels, edge)
    figures = {"cases": cases, "cpu_seconds": round(time.process_time() - begun, 1)}
    about = {
        "frozen": period.dates[0],
        "stop": period.dates[1],
        "pairs": list(base),
        "horizon": labels.horizon,
        "settings": edge.model_dump(),
        "draws": DRAWS,
        "version": __version__,
        "seed": Settings().seed,
        "data_digest": data_digest(options.datadir, list(panel.pairs)),
    }
    result = Result("edge_monitor", figures, about=about)
    return finish(result, options, section({**about, **figures}))


def forecasts(panel: Panel, name: str, frozen: int, stop: int, labels: LabelSettings) -> Leans:
    """Return what a model fitted before hour ``frozen`` expected of each pair until ``stop``."""
    model, last = MODELS[name], frozen - 1
    found = panel.members(labels.horizon, model.classes, frozen - DAYS * 24, last)
    members = {pair: _thinned(member) for pair, member in found.items()}
    seed = Settings().seed
    fitted = Pooled.fit(model, members, panel.names, tuple(CORE), last, labels, seed)
    served = panel.features(frozen, stop)
    asked = {pair: served[pair] for pair in fitted.layout.pairs if pair in served}
    made = fitted.predict(asked)
    return {pair: (asked[pair][0], each.up - each.down) for pair, each in made.items()}


def _thinned(member: Member) -> Member:
    kept = member.time % EVERY == 0
    return Member(*(column[kept] for column in member))


def controls(
    panel: Panel, base: Leans, labels: LabelSettings, edge: EdgeSettings
) -> list[dict[str, Any]]:
    """Return the cases whose truth is known, made of one model's forecasts."""
    rng = np.random.default_rng(Settings().seed)
    shifted = [
        {pair: (hour, _shifted(lean, rng)) for pair, (hour, lean) in base.items()}
        for _ in range(DRAWS)
    ]
    found = [measure("shifted by chance: no edge", panel, shifted, labels, edge)]
    for ic in PLANTED:
        leans = [planted(panel, draw, labels, ic) for draw in shifted]
        found.append(measure(f"planted IC of {ic:g}", panel, leans, labels, edge))
    dying = [planted(panel, draw, labels, 0.1, until=0.5) for draw in shifted]
    found.append(measure("planted IC of 0.1, ends half way", panel, dying, labels, edge, 0.5))
    return found


def _shifted(lean: Floats, rng: np.random.Generator) -> Floats:
    """Return the forecasts turned round in time, at least a quarter of a year."""
    return np.roll(lean, int(rng.integers(LEAST_SHIFT, len(lean) - LEAST_SHIFT)))


def planted(
    panel: Panel, noise: Leans, labels: LabelSettings, ic: float, until: float = 1.0
) -> Leans:
    """Return forecasts that are mostly ``noise``, with a correlation to what followed.

    :param ic: the correlation up to the share ``until`` of the time, 0 behind it.
    """
    out = {}
    for pair, (hour, lean) in noise.items():
        outcome = _outcome(panel, pair, hour, labels)
        known = np.isfinite(outcome) & np.isfinite(lean)
        rho = np.where(np.arange(len(hour)) < until * len(hour), ic, 0.0)
        # By ranks, or a few extreme outcomes would carry the correlation.
        mixed = rho * _normal(outcome, known) + np.sqrt(1 - rho**2) * _normal(lean, known)
        out[pair] = hour, np.where(known, mixed, np.nan)
    return out


def _outcome(panel: Panel, pair: str, hour: Ints, labels: LabelSettings) -> Floats:
    series = panel.pairs[pair]
    return np.asarray(series.returns[labels.horizon][np.searchsorted(series.hour, hour)])


def _normal(values: Floats, known: Any) -> Floats:
    from scipy.stats import norm, rankdata

    out = np.zeros(len(values))
    out[known] = norm.ppf(rankdata(values[known]) / (known.sum() + 1))
    return out


def measure(
    name: str,
    panel: Panel,
    draws: list[Leans],
    labels: LabelSettings,
    edge: EdgeSettings,
    death: float = 0.0,
) -> dict[str, Any]:
    """Return what the monitor says of one case, in each of :data:`KINDS`.

    :param death: share of the time after which the edge ends; days count from there, and a model
        silenced before is a false alarm.
    """
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for leans in draws:
        judged = {
            by: {pair: _blocks(panel, pair, leans, labels, edge, by) for pair in leans}
            for by in monitor.BY
        }
        alone = {
            pair: monitor.follow(of.score, edge) for pair, (_, of) in judged["candles"].items()
        }
        found["pair"] += [_course(judged["candles"][pair][1].score, c) for pair, c in alone.items()]
        together = []
        for by, kind in zip(monitor.BY, ("group", "trades"), strict=True):
            of = groups.pooled(
                {
                    pair: groups.on_time(date, each, labels, edge)
                    for pair, (date, each) in judged[by].items()
                }
            )
            together.append((of, monitor.follow(of.score, edge)))
            found[kind].append(_course(of.score, together[-1][1]))
        for pair, (date, of_pair) in judged["candles"].items():
            factors = [monitor.factors(of_pair, alone[pair], len(date))]
            factors += [
                groups.factors_at(date, of, course, labels, edge) for of, course in together
            ]
            begin = len(date) - len(leans[pair][0])
            ic = float(of_pair.score.mean() * monitor.IC_OF_SCORE)
            found["bot"].append(_lesser(factors, begin, ic, labels, edge))
    length = edge.block * labels.horizon / 24
    return {"case": name} | {kind: _summary(each, length, death) for kind, each in found.items()}


def _blocks(
    panel: Panel,
    pair: str,
    leans: Mapping[str, Any],
    labels: LabelSettings,
    edge: EdgeSettings,
    by: monitor.By,
) -> tuple[Ints, monitor.Blocks]:
    """Return the blocks of the whole time and the candles they are of, with those before for the
    first volatility."""
    hour, lean = leans[pair]
    series = panel.pairs[pair]
    own = np.searchsorted(series.hour, hour)
    begin = max(0, int(own[0]) - labels.volatility_window - 1)
    said = np.full(len(series.hour) - begin, np.nan)
    said[own - begin] = lean
    date = series.hour[begin:] * HOUR
    return date, monitor.blocks(date, series.close[begin:], said, labels, edge, by)


def _course(score: Floats, course: monitor.Course) -> dict[str, Any]:
    return {
        "blocks": len(score),
        "ic": float(score.mean() * monitor.IC_OF_SCORE),
        "silenced": course.silenced,
        "revived": len(course.revived),
        "factor": float(course.factor.mean()),
    }


def _lesser(
    factors: list[Floats], begin: int, ic: float, labels: LabelSettings, edge: EdgeSettings
) -> dict[str, Any]:
    """Return the course of the least of some factors, as the bot takes it, from row ``begin`` on;
    places count blocks."""
    factor = np.minimum.reduce(factors)[begin:]
    length = edge.block * labels.horizon
    silent = np.diff((factor == 0).astype(np.int64), prepend=0)
    return {
        "blocks": len(factor) / length,
        "ic": ic,
        "silenced": tuple(float(row) / length - 1 for row in np.flatnonzero(silent == 1)),
        "revived": int(np.sum(silent == -1)),
        "factor": float(factor.mean()),
    }


def _summary(courses: list[dict[str, Any]], length: float, death: float) -> dict[str, Any]:
    """Return shares and days over courses; days to the first silence behind ``death``."""
    waits, early = [], 0
    for course in courses:
        begin = death * course["blocks"]
        early += any(place < begin for place in course["silenced"])
        behind = [place + 1 - begin for place in course["silenced"] if place >= begin]
        waits.append(behind[0] * length if behind else np.inf)
    low, middle, high = np.quantile(waits, (0.1, 0.5, 0.9), method="inverted_cdf")
    silenced = [course for course in courses if course["silenced"]]
    return {
        "courses": len(courses),
        "ic": float(np.mean([course["ic"] for course in courses])),
        "silenced": float(np.mean(np.isfinite(waits))),
        "before_the_end": early / len(courses) if death else None,
        "days": [float(low), float(middle), float(high)],
        "revived": float(np.mean([c["revived"] > 0 for c in silenced])) if silenced else None,
        "factor": float(np.mean([course["factor"] for course in courses])),
    }


if __name__ == "__main__":
    sys.exit(main())
