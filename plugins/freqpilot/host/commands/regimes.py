"""Fits regime models walk-forward from Freqtrade's candles, for the command."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.errors import Degraded, RefuseToStart
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.candles.files import candles_of
from freqpilot.host.frames.regimes import EPOCH, read_model
from freqpilot.models.regimes import RegimeModel, fit
from freqpilot.shapes import Floats, Ints
from freqpilot.signals import hmm, regimes

INDEX_AGE = timedelta(days=3)
"""An index that was not told anew for longer counts as missing."""

LATE = timedelta(days=2)
"""A model is not stamped with a time that is further behind its newest candle."""

KNOWN_SHARE = 0.9
"""The index of fear and greed is an input from this share of the rows on."""


@dataclass(frozen=True)
class Plan:
    """Which models to fit: of ``pairs`` in ``datadir``, at every ``every`` days since the epoch in
    ``begin`` … ``end``, each on the ``window`` days before."""

    datadir: Path
    pairs: tuple[str, ...]
    begin: datetime
    end: datetime
    every: int = 30
    window: int = 730
    timeframe: str = "1h"

    @property
    def minutes(self) -> int:
        """The timeframe in minutes."""
        from freqtrade.exchange import timeframe_to_minutes

        return int(timeframe_to_minutes(self.timeframe))

    def boundaries(self) -> list[datetime]:
        """Return the times until which models see candles; they do not hang on ``begin``."""
        step = timedelta(days=self.every)
        first = -((EPOCH - self.begin) // step)
        last = (self.end - EPOCH) // step
        return [EPOCH + step * number for number in range(first, last + 1)]


Known = Callable[[pd.DataFrame, str], Floats]
"""Gives the index of fear and greed as it was known at each candle's close."""


def plan(
    config: dict[str, Any],
    datadir: Path | None,
    pairs: Sequence[str],
    begin: str,
    end: str,
    *,
    every: int,
    window: int,
    timeframe: str,
) -> Plan:
    """Return the plan of a command line; what it does not name is the config's.

    :raises RefuseToStart: without a folder or a pair, for a day that is none, or one to come.
    """
    folder = datadir or config.get("datadir")
    named = tuple(pairs or config.get("exchange", {}).get("pair_whitelist", ()))
    if folder is None or not named:
        raise RefuseToStart(
            "no model was fitted: name the candles by -c config.json, or --datadir and --pair"
        )
    now = datetime.now(UTC)
    last = _day(end) if end else now
    first = _day(begin) if begin else last - timedelta(days=every) + timedelta(microseconds=1)
    if last > now:
        raise RefuseToStart(f"no model was fitted: {end} is yet to come; leave --to out")
    return Plan(Path(folder), named, first, last, every, window, timeframe)


def index_of(config: dict[str, Any], user_data: Path, metric: str, timeframe: str) -> Known | None:
    """Return what reads the index of fear and greed from the facts, None without ``metric``."""
    if not metric:
        return None
    from freqpilot.facts.spec import parse
    from freqpilot.host.facts.columns import add_facts

    whole = {"user_data_dir": str(user_data), **config}
    column = parse(metric).column

    def read(frame: pd.DataFrame, pair: str) -> Floats:
        found = add_facts(
            frame, pair, [metric], whole, timeframe=timeframe, max_age=INDEX_AGE, prefix="fact_"
        )
        return found[f"fact_{column}"].to_numpy(dtype=np.float64)

    return read


def write_series(
    plan: Plan, folder: Path, fear_greed: Known | None = None, *, force: bool = False
) -> Iterator[tuple[datetime, str, bool]]:
    """Fit the models of ``plan`` one after the other and write them; those that are there already
    are kept, which no model that was used is lost by.

    :returns: each boundary, what was done, and whether there is a model.
    :raises RefuseToStart: when a pair's candles cannot be read.
    """
    parts: list[Part] = []
    for until in plan.boundaries():
        file = folder / f"{plan.minutes}m-{until:%Y-%m-%d}.json"
        if file.is_file() and not force and not isinstance(read_model(file), str):
            yield until, f"kept {file}", True
            continue
        parts = parts or [part_of(plan, pair, fear_greed) for pair in plan.pairs]
        try:
            model = fit_one(parts, plan, until)
        except Degraded as error:
            yield until, str(error), False
            continue
        model.save(file)
        told = f"{model.rows:,} candles of {len(model.pairs)} pair(s), {', '.join(model.inputs)}"
        yield until, f"written {file}: {told}", True


@dataclass(frozen=True)
class Part:
    """What a model is fitted on of one pair: when each candle closes, figures, and the rules'
    opinions. NaN where a figure is missing."""

    pair: str
    closes: Ints
    figures: Floats
    opinions: Floats


def fit_one(parts: Sequence[Part], plan: Plan, until: datetime) -> RegimeModel:
    """Return the model of the candles that closed by ``until``, its states named.

    :raises Degraded: when they are too few, the fit does not settle, or a regime has no state.
    """
    last, first = _nanoseconds(until), _nanoseconds(until - timedelta(days=plan.window))
    rows = [np.flatnonzero((p.closes > first) & (p.closes <= last)) for p in parts]
    most = len(hmm.INPUTS)
    inputs: tuple[str, ...] = hmm.INPUTS
    index = [np.isfinite(p.figures[r, -1]) for p, r in zip(parts, rows, strict=True)]
    whole = np.concatenate(index) if index else np.empty(0)
    if parts and parts[0].figures.shape[1] > most and whole.size and whole.mean() >= KNOWN_SHARE:
        inputs = (*inputs, hmm.FEAR_GREED)
    sequences, opinions, digest = [], [], hashlib.sha256()
    for part, inside in zip(parts, rows, strict=True):
        figures, said = part.figures[inside, : len(inputs)], part.opinions[inside]
        digest.update(np.ascontiguousarray(figures).tobytes())
        for stretch in _unbroken(part.closes[inside], figures, said):
            sequences.append(figures[stretch])
            opinions.append(said[stretch])
    if not sequences:
        raise Degraded(f"no regime model: there is no candle in the {plan.window} days")
    newest = max(p.closes[r[-1]] for p, r in zip(parts, rows, strict=True) if len(r))
    # Stamped with a later day an old model would pass for a new one.
    if last - newest > LATE // timedelta(microseconds=1) * 1000:
        raise Degraded("no regime model: the candles end before; run freqtrade download-data")
    model = fit(
        sequences,
        opinions,
        inputs,
        timeframe=plan.minutes,
        fitted_from=first,
        fitted_until=last,
        pairs=[p.pair for p, r in zip(parts, rows, strict=True) if len(r)],
        data=digest.hexdigest(),
    )
    names = hmm.state_names(model)
    if missing := [name for name in regimes.NAMES if name not in names]:
        raise Degraded(f"no regime model: no state is {', '.join(missing)}")
    return replace(model, names=names)


def part_of(plan: Plan, pair: str, fear_greed: Known | None = None) -> Part:
    """Return what models are fitted on of one pair.

    :raises RefuseToStart: when its candles cannot be read.
    """
    frame = candles_of(plan.datadir, pair, plan.timeframe)
    try:
        candles = candles_from_frame(frame)
    except Degraded as error:
        raise RefuseToStart(f"{pair}: {error}") from None
    of = regimes.gauges(Workspace(candles))
    figures = hmm.observations(of, fear_greed(frame, pair) if fear_greed else None)
    return Part(pair, candles.date + plan.minutes * hmm.MINUTE, figures, regimes.probabilities(of))


def _unbroken(closes: Ints, figures: Floats, opinions: Floats) -> list[Ints]:
    """Return the stretches of rows without a gap in time or a missing figure."""
    whole = np.isfinite(figures).all(axis=1) & np.isfinite(opinions).all(axis=1)
    kept = np.flatnonzero(whole)
    if len(kept) < 2:
        return [kept] if len(kept) else []
    step = np.diff(closes).min()
    broken = (np.diff(kept) != 1) | (np.diff(closes[kept]) != step)
    return [each for each in np.split(kept, np.flatnonzero(broken) + 1) if len(each) > 1]


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise RefuseToStart(f"{text!r} is no day; write it as 2019-01-31") from None


def _nanoseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1) * 1000
