"""The edge monitor of groups of pairs, live: from the forecasts that FreqAI keeps of every pair."""

from typing import Any

import numpy as np
import pandas as pd

from freqpilot.host.frames.edge.forecasts import COLUMNS, FORECAST, PastForecasts, expected_move
from freqpilot.host.frames.edge.verdicts import (
    GROUPS,
    EdgeMemory,
    EdgeVerdict,
    GroupSilence,
    JudgedModel,
    course_of,
    ends_silenced,
    time_of,
)
from freqpilot.models.edge import groups as groupmonitor
from freqpilot.models.edge import monitor
from freqpilot.risk.taxonomy import asset_of
from freqpilot.settings import Settings
from freqpilot.shapes import Floats, Ints

SCORES_KEY = "freqpilot_blocks"
"""FreqAI's drawer holds under this name each pair's scores and the newest block that they are of;
they are lost with it and computed anew."""

JUDGED_BY: dict[monitor.By, str] = {
    "candles": "its forecasts",
    "trades": "its strongest forecasts, those that one would trade,",
}

PairScores = dict[monitor.By, groupmonitor.Scores]


def group_of(pair: str, settings: Settings) -> str | None:
    """Return the name of the group that a pair is judged in, or None."""
    groups = settings.models.edge.groups
    if groups == "off":
        return None
    return "all pairs" if groups == "all" else f"class {asset_of(pair, settings.risk).kind}"


def judge_group(
    past: PastForecasts | None,
    pair: str,
    date: Ints,
    settings: Settings,
    memory: EdgeMemory | None = None,
) -> JudgedModel:
    """Return the group's factor at each candle that opens at ``date``: the lesser of the factor by
    all forecasts and the factor by trades.

    It is 1 without a group, and in a backtest: there a group can be judged only when all of its
    pairs are analysed (:mod:`freqpilot.host.frames.edge.backtest`).
    """
    group, factor = group_of(pair, settings), np.ones(len(date))
    if group is None or past is None or past.drawer is None or len(date) < 2:
        return JudgedModel(factor, ())
    cached = past.drawer.__dict__.setdefault(SCORES_KEY, {})
    members = {
        name: _scores(name, frame, cached, settings)
        for name, frame in list(past.drawer.historic_predictions.items())
        if group_of(name, settings) == group
    }
    verdicts = []
    for by in monitor.BY:
        of = groupmonitor.pooled({name: scores[by] for name, scores in members.items()})
        name = f"{past.identifier}/{group} by {by}"
        before = memory.groups.get(name, GroupSilence()) if memory else GroupSilence()
        course = _course(of, settings, before)
        shared = groupmonitor.factors_at(date, of, course, settings.labels, settings.models.edge)
        factor = np.minimum(factor, shared)
        verdicts.append(_verdict(name, group, by, date, of, course, before))
    return JudgedModel(factor, tuple(verdicts))


def scores_of(date: Ints, close: Floats, expected: Floats, settings: Settings) -> PairScores:
    """Return a pair's scores by all its forecasts and by trades, of the blocks it has whole."""
    labels, edge = settings.labels, settings.models.edge
    return {
        by: groupmonitor.on_time(
            date, monitor.blocks(date, close, expected, labels, edge, by), labels, edge
        )
        for by in monitor.BY
    }


def _scores(
    pair: str, frame: pd.DataFrame, cached: dict[str, Any], settings: Settings
) -> PairScores:
    """Return a pair's scores from what FreqAI remembers of it, computed anew when a block is
    over."""
    empty = groupmonitor.Scores(np.empty(0, np.int64), np.empty(0))
    nothing: PairScores = dict.fromkeys(monitor.BY, empty)
    if not {*COLUMNS, *FORECAST} <= set(frame.columns) or len(frame) < 2:
        return nothing
    dates = pd.to_datetime(frame["date_pred"], utc=True).to_numpy(dtype="datetime64[ns]")
    date, last = np.unique(dates.astype(np.int64)[::-1], return_index=True)
    if len(date) < 2:
        return nothing
    step = int(np.diff(date).min())
    newest = int(date[-1] + step) // (settings.models.edge.block * settings.labels.horizon * step)
    if pair not in cached or cached[pair][0] != newest:
        row = len(dates) - 1 - last
        close = pd.to_numeric(frame["close_price"], errors="coerce").to_numpy(dtype=np.float64)
        expected = expected_move(frame)
        cached[pair] = newest, scores_of(date, close[row], expected[row], settings)
    scores: PairScores = cached[pair][1]
    return scores


def _course(of: groupmonitor.Scores, settings: Settings, before: GroupSilence) -> monitor.Course:
    """Return the course of a group that was silenced ``before``, or was not."""
    if before.silenced and _newest(of) < before.block:
        # After a crash FreqAI's forecasts may be older than the verdict that they led to.
        return monitor.Course(0.0, np.zeros(len(of.score)), (), ())
    return course_of(of.score, settings.models.edge, silenced=before.silenced)


def _newest(of: groupmonitor.Scores) -> int:
    return int(of.number[-1]) if len(of.number) else -1


def _verdict(
    name: str,
    group: str,
    by: monitor.By,
    date: Ints,
    of: groupmonitor.Scores,
    course: monitor.Course,
    before: GroupSilence,
) -> EdgeVerdict:
    """Return the verdict at the last candle. It is news only with a newer block than before: a pair
    that is analysed later may have fewer forecasts than the one that brought the news."""
    silenced, newest = ends_silenced(course), _newest(of)
    text = (
        f"the model is silenced for {group}: what {JUDGED_BY[by]} came to shows no edge; open "
        "trades go on with their stops, entries go on the other analysts alone; retrain it or look "
        "at its features"
        if silenced
        else f"the model is heard again for {group}, its newer forecasts show an edge"
    )
    return EdgeVerdict(
        key=GROUPS,
        name=name,
        subject=f"{group} by {by}",
        silenced=silenced,
        changed=silenced != before.silenced and newest > before.block,
        time=time_of(date[-1]),
        text=text,
        data={"group": group, "silenced": silenced},
        block=newest,
    )
