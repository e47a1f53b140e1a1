"""The edge monitor of one pair: what the pair's forecasts came to moves the model's confidence."""

from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from freqpilot.host.frames.edge.forecasts import PastForecasts, expected_move
from freqpilot.host.frames.edge.verdicts import (
    PAIRS,
    EdgeMemory,
    EdgeVerdict,
    JudgedModel,
    course_of,
    ends_silenced,
    time_of,
)
from freqpilot.models.edge import monitor
from freqpilot.settings import Settings
from freqpilot.shapes import Candles, Floats, Ints

GROUPS = {"off": "", "all": ", and by all pairs together", "class": ", and by classes of coins"}


class Forecasts(NamedTuple):
    """A pair's forecasts: the candles' open times in nanoseconds, their closes and the expected
    moves; ``older`` of them are not in the frame."""

    date: Ints
    close: Floats
    expected: Floats
    older: int


def judge_pair(
    frame: pd.DataFrame,
    candles: Candles,
    settings: Settings,
    pair: str = "",
    past: PastForecasts | None = None,
    memory: EdgeMemory | None = None,
) -> JudgedModel:
    """Return the factor at each candle of ``frame``, which has the model's columns.

    A model that ``memory`` has as silenced stays so when its forecasts are lost, until there is new
    evidence.
    """
    edge, of = settings.models.edge, _forecasts(frame, candles, past)
    blocks = monitor.blocks(of.date, of.close, of.expected, settings.labels, edge)
    name = f"{past.identifier if past else ''}/{pair}"
    before = bool(memory.pairs.get(name, False)) if memory else False
    course = course_of(blocks.score, edge, silenced=before)
    verdict = _verdict(name, pair, of.date, blocks, course, before=before)
    factor = monitor.factors(blocks, course, len(of.date))[of.older :]
    return JudgedModel(factor, (verdict,) if verdict else ())


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


def _forecasts(frame: pd.DataFrame, candles: Candles, past: PastForecasts | None) -> Forecasts:
    """Return the frame's forecasts behind those that FreqAI remembers from before it."""
    expected = expected_move(frame)
    if past is None or past.forecasts is None or not len(frame):
        return Forecasts(candles.date, candles.close, expected, 0)
    dates = pd.to_datetime(past.forecasts["date"], utc=True).to_numpy(dtype="datetime64[ns]")
    before = dates.astype(np.int64) < candles.date[0]
    closes = past.forecasts["close"].to_numpy(dtype=np.float64)
    return Forecasts(
        np.concatenate([dates.astype(np.int64)[before], candles.date]),
        np.concatenate([closes[before], candles.close]),
        np.concatenate([expected_move(past.forecasts)[before], expected]),
        int(before.sum()),
    )


def _verdict(
    name: str,
    pair: str,
    date: Ints,
    blocks: monitor.Blocks,
    course: monitor.Course,
    *,
    before: bool,
) -> EdgeVerdict | None:
    """Return the verdict at the last candle; None where the model was never silenced nor heard
    again in these candles."""
    turns = sorted([*course.silenced, *course.revived])
    if not turns:
        return None
    silenced = ends_silenced(course)
    closed = timedelta(microseconds=int(np.diff(date).min()) // 1000)
    text = (
        f"{pair}: the model is silenced, its forecasts show no edge; open trades go on with their "
        "stops, entries go on the other analysts alone; retrain it or look at its features"
        if silenced
        else f"{pair}: the model is heard again, its newer forecasts show an edge"
    )
    return EdgeVerdict(
        key=PAIRS,
        name=name,
        subject=pair,
        silenced=silenced,
        changed=silenced != before,
        time=time_of(date[-1]) + closed,
        text=text,
        data={"pair": pair, "silenced": silenced},
        turned_at=tuple(time_of(date[blocks.row[turn]]) for turn in turns),
    )
