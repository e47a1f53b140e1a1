"""Facts for strategies: columns of what was known at each candle's close.

The join is the same live, in a backtest and in hyperopt. Live only what the candles need is read,
each time; otherwise a series is read once a run and kept. The database is opened read only.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.errors import Degraded
from freqpilot.facts.join import AsOf, as_of, states
from freqpilot.facts.spec import Metric, parse
from freqpilot.features.candles.frames import utc_dates
from freqpilot.host.candles.timeframe import seconds
from freqpilot.host.facts.database import missing_live, with_source
from freqpilot.risk.taxonomy import base_of
from freqpilot.settings import FactSettings, Settings
from freqpilot.shapes import Ints

logger = logging.getLogger(__name__)

MOST_BACKUPS = 4


def add_facts(
    frame: pd.DataFrame,
    pair: str,
    metrics: Sequence[str],
    config: dict[str, Any],
    *,
    timeframe: str | None = None,
    max_age: timedelta | None = None,
    prefix: str = "",
) -> pd.DataFrame:
    """Return ``frame`` with each metric as it was known at each candle's close.

    A metric is ``[source/]metric[@asset]``, of the pair's coin unless an asset is named (``*`` for
    the whole market). It adds ``<metric>`` (``<metric>_<asset>`` where a coin is named) and
    ``<metric>_age``, the hours since its event. Both are NaN where nothing was known: nothing is
    ever filled from later. A metric without facts, or that two sources have, is NaN throughout and
    said so once.

    A value that is older than its source allows counts as missing, so one that is late or silent
    has no say; so does one that was set aside as absurd. Where ``freqpilot.facts.backups`` names
    another source of the metric, that one stands in then.

    :param config: the strategy's ``self.config``.
    :param timeframe: of ``frame`` where it is not the strategy's.
    :param max_age: values that are older count as missing, instead of what the source allows.
    :param prefix: before each name; ``%-`` makes them features of FreqAI.
    :raises ValueError: for what names no metric, a name twice, or a wrong timeframe.
    :raises Degraded: when the database cannot be read; live the columns are NaN instead.
    """
    named = [parse(text) for text in metrics]
    names = [f"{prefix}{metric.column}" for metric in named]
    if len({*names, *frame.columns}) < len(names) + len(frame.columns):
        raise ValueError(f"a column is named twice among {', '.join(names)}; name each metric once")
    closes = closes_of(frame, timeframe or str(config["timeframe"]))
    hours = None if max_age is None else max_age / timedelta(hours=1)
    columns = {}
    for name, metric in zip(names, named, strict=True):
        found = _known(config, metric, base_of(pair), closes, hours)
        columns[name], columns[f"{name}_age"] = found
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)


def _known(
    config: dict[str, Any], metric: Metric, coin: str, closes: Ints, max_age: float | None
) -> AsOf:
    missing = np.full(closes.size, np.nan)
    settings = Settings.from_config(config).facts
    known = AsOf(missing, missing)
    if not closes.size:
        return known
    first, last = int(closes.min()), int(closes.max())
    for place, each in enumerate((metric, *backups_of(settings, metric))):
        # Only where all before it know nothing, and as of the same candle's close.
        holes = np.isnan(known.value)
        if not holes.any():
            break
        try:
            found = with_source(config, each, coin, first, last, quiet=place > 0)
        except Degraded as error:
            missing_live(config, error)
            break
        if found is None:
            continue
        limit = max_age if max_age is not None else oldest(settings, found[0])
        other = as_of(states(found[1]), closes, limit)
        take = holes & (np.isfinite(other.value) | np.isnan(known.age))
        known = AsOf(np.where(take, other.value, known.value), np.where(take, other.age, known.age))
    return known


def backups_of(settings: FactSettings, metric: Metric) -> list[Metric]:
    """Return what stands in for a metric, in order; a backup may have one of its own."""
    found: list[Metric] = []
    name = f"{metric.source}/{metric.name}"
    while (name := settings.backups.get(name, "")) and len(found) < MOST_BACKUPS:
        other = parse(name)
        found.append(Metric(other.name, other.source, metric.asset))
    return found


def oldest(settings: FactSettings, source: str) -> float | None:
    """Return how many hours old a value of a source may be; None without a limit."""
    from freqpilot.facts.sources import SOURCES
    from freqpilot.facts.text.step import is_text

    if is_text(source):
        return settings.text.max_age
    own = settings.sources.get(source)
    if own is not None and own.max_age is not None:
        return own.max_age
    kind = SOURCES.get(source)
    return None if kind is None else kind.spec.max_age / timedelta(hours=1)


def closes_of(frame: pd.DataFrame, timeframe: str) -> Ints:
    """Return when each candle closed, in microseconds."""
    step = seconds(timeframe) * 1_000_000
    opened = utc_dates(frame).dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    dates = opened.astype(np.int64)
    # A step too long would see the future, a step too short only knows less.
    if dates.size > 1 and (np.diff(dates) < step).any():
        raise ValueError(
            f"the candles are nearer together than {timeframe}; give add_facts their timeframe"
        )
    closes: Ints = dates + step
    return closes


FACT_PREFIX = "fact_"
"""Columns of this prefix are read by the analysts of outside facts, as ``fact_sentiment``."""
