"""The edge monitor in Freqtrade: what a pair's forecasts came to moves the model's confidence."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.errors import NoEntry
from freqpilot.host.alerts import events as alerts
from freqpilot.host.frames.edge.forecasts import Kept, lean_of
from freqpilot.host.run.current import current
from freqpilot.models.edge import monitor
from freqpilot.settings import EdgeSettings, Settings
from freqpilot.shapes import Candles, Floats, Ints

logger = logging.getLogger(__name__)

COLUMN = "edge_model_forecast"
"""What the model's confidence is multiplied by, 1 … 0."""
STATE = "model_edge"
"""The store's key under which the silenced models are, as ``identifier/pair``."""
GROUPS = {"off": "", "all": ", and by all pairs together", "class": ", and by classes of coins"}


def factors(
    frame: pd.DataFrame,
    candles: Candles,
    settings: Settings,
    pair: str = "",
    kept: Kept | None = None,
) -> Floats:
    """Return the factor at each candle of ``frame``, which has the model's columns; the model's
    silence and its end are told and kept.

    A live model that was silenced stays so when its forecasts are lost, until new evidence.
    """
    edge, labels = settings.models.edge, settings.labels
    lean, date, close = lean_of(frame), candles.date, candles.close
    older = 0
    if kept is not None and kept.forecasts is not None and len(frame):
        dates = pd.to_datetime(kept.forecasts["date"], utc=True).to_numpy(dtype="datetime64[ns]")
        before = dates.astype(np.int64) < candles.date[0]
        older = int(before.sum())
        date = np.concatenate([dates.astype(np.int64)[before], date])
        closes = kept.forecasts["close"].to_numpy(dtype=np.float64)
        close = np.concatenate([closes[before], close])
        lean = np.concatenate([lean_of(kept.forecasts)[before], lean])
    found = monitor.blocks(date, close, lean, labels, edge)
    name = f"{kept.identifier if kept else ''}/{pair}"
    course = _told(name, pair, date, found, edge)
    return monitor.factors(found, course, len(date))[older:]


def words(row: Mapping[str, Any]) -> str | None:
    """Return what the monitor does at a row of decisions, in words; None where nothing."""
    if COLUMN not in row or round(factor := float(row[COLUMN]), 2) == 1:
        return None
    if factor == 0:
        return "the model is silenced: what its forecasts came to shows no edge"
    return f"the model's confidence ×{factor:.2f}: its forecasts came to less than they should"


def describe(config: dict[str, Any]) -> str:
    """Return one line on the monitor for ``freqpilot doctor``."""
    settings = Settings.from_config(config)
    if not config.get("freqai", {}).get("enabled", False):
        return "FreqAI is off, so there is no model to watch"
    edge = settings.models.edge
    if not edge.enabled:
        return "off: a model whose edge is gone keeps its weight; freqpilot.models.edge.enabled"
    return (
        f"each pair's model is silenced once the evidence against a rank IC of {edge.min_ic:g} is "
        f"{edge.evidence:g} to 1, judged every {edge.block * settings.labels.horizon} candles"
        f"{GROUPS[edge.groups]}"
    )


def _told(
    name: str, pair: str, date: Ints, found: monitor.Blocks, settings: EdgeSettings
) -> monitor.Course:
    """Return the course, and tell once that a live model was silenced or is heard again; a
    backtest's turns are one line."""
    course = monitor.follow(found.score, settings)
    turns = sorted([*course.silenced, *course.revived])
    try:
        run = current()
    except NoEntry:
        return course
    if not run.live:
        if turns:
            days = ", ".join(f"{_time(date[found.row[k]]):%Y-%m-%d}" for k in turns)
            logger.info("%s: the model was silenced, and heard again, by turns: %s", pair, days)
        return course
    known = run.store.load_state(STATE) or {}
    before = bool(known.get(name, False))
    if before and not turns:
        course = monitor.follow(found.score, settings, silent=True)
    silent = bool(len(course.silenced) - len(course.revived) + (course.before == 0.0))
    if silent == before:
        return course
    time = _time(date[-1]) + timedelta(microseconds=int(np.diff(date).min()) // 1000)
    text = (
        f"{pair}: the model is silenced, its forecasts show no edge; open trades go on with their "
        "stops, entries go on the other analysts alone; retrain it or look at its features"
        if silent
        else f"{pair}: the model is heard again, its newer forecasts show an edge"
    )
    data = {"pair": pair, "silenced": silent}
    alerts.record(run, "model edge", "WARNING", text, data, time=time)
    run.store.save_state(STATE, {**known, name: silent}, time)
    return course


def _time(nanoseconds: Any) -> datetime:
    return datetime.fromtimestamp(int(nanoseconds) / 1e9, UTC)
