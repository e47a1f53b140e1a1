"""Event facts for a strategy: every source's reports, as they became known.

Unlike :func:`~freqpilot.host.facts.columns.add_facts` it reads all sources of a metric, as a
critical event needs two, and what is scheduled from when it was announced.
"""

from typing import Any, get_args

import numpy as np
import pandas as pd

from freqpilot.errors import Degraded
from freqpilot.facts.join import NOTHING, Observations
from freqpilot.facts.spec import MARKET, Metric
from freqpilot.host.facts.columns import closes_of
from freqpilot.host.facts.database import missing_live, observations, sources
from freqpilot.risk.taxonomy import base_of
from freqpilot.settings import EventKind, Settings
from freqpilot.signals.events import Report, Stance, events, stance

METRIC = "event_{}"
"""The metric of a kind of event: ``event_listing``, ``event_hack`` and so on."""
PAST = "event_upgrade_return"
"""The metric of the return after a past upgrade, known once it can be told."""
COLUMNS = ("event_target", "event_early_long", "event_early_short")


def add_events(
    frame: pd.DataFrame, pair: str, config: dict[str, Any], timeframe: str
) -> pd.DataFrame:
    """Return ``frame`` with what events say at each candle's close: ``event_target`` (−1…1),
    ``event_early_long``, ``event_early_short`` (0, 1) and ``event_kind``.

    :raises Degraded: when the facts cannot be read; live the target is NaN instead.
    """
    settings, coin = Settings.from_config(config).signals.events, base_of(pair)
    try:
        known = [
            event
            for kind in get_args(EventKind)
            for asset in (coin, MARKET)
            for event in events(kind, reports(config, kind, asset), settings)
        ]
        past = _all(config, Metric(PAST), coin)
        seen = stance(known, closes_of(frame, timeframe), settings, past)
    except Degraded as error:
        missing_live(config, error)
        nothing = np.zeros(len(frame), np.bool_)
        seen = Stance(np.full(len(frame), np.nan), nothing, nothing, [""] * len(frame))
    columns = dict(zip(COLUMNS, (seen.target, seen.early_long, seen.early_short), strict=True))
    figures = {name: values.astype(np.float64) for name, values in columns.items()}
    added = pd.DataFrame({**figures, "event_kind": seen.kind}, index=frame.index)
    return pd.concat([frame, added], axis=1)


def stance_of(frame: pd.DataFrame) -> Stance:
    """Return what :func:`add_events` has added."""
    target, long, short = (frame[name].to_numpy(dtype=np.float64) for name in COLUMNS)
    return Stance(target, long == 1, short == 1, frame["event_kind"].tolist())


def reports(config: dict[str, Any], kind: EventKind, asset: str) -> list[Report]:
    """Return what every source reports of a kind of event.

    :raises Degraded: when the facts cannot be read.
    """
    name = METRIC.format(kind)
    return [
        Report(source, int(event), int(known), float(value))
        for source in sources(config, name, asset)
        for event, known, value in zip(*_all(config, Metric(name, source), asset), strict=True)
    ]


def _all(config: dict[str, Any], metric: Metric, asset: str) -> Observations:
    """Return all facts of a metric; none where two sources have it."""
    found = observations(config, metric, asset, None, None, quiet=True)
    return NOTHING if found is None else found
