"""The edge monitor of groups of pairs, live: from the forecasts that FreqAI keeps of every pair."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.errors import NoEntry
from freqpilot.host.alerts import events as alerts
from freqpilot.host.frames.edge.forecasts import COLUMNS, FORECAST, Kept, lean_of
from freqpilot.host.run.current import current
from freqpilot.models.edge import groups as groupmonitor
from freqpilot.models.edge import monitor
from freqpilot.risk.taxonomy import asset_of
from freqpilot.settings import Settings
from freqpilot.shapes import Floats, Ints

STATE = "model_edge_groups"
"""The store's key under which each group's ``silenced`` and its newest ``block`` are, as
``identifier/group``."""
KEPT = "freqpilot_blocks"
"""FreqAI's drawer holds under this name each pair's scores and the newest block they are of."""

SPOKEN: dict[monitor.By, str] = {
    "candles": "its forecasts",
    "trades": "its strongest forecasts, those that one would trade,",
}

Judged = dict[monitor.By, groupmonitor.Scores]


def group_of(pair: str, settings: Settings) -> str | None:
    """Return the name of the group that a pair is judged in, or None."""
    groups = settings.models.edge.groups
    if groups == "off":
        return None
    return "all pairs" if groups == "all" else f"class {asset_of(pair, settings.risk).kind}"


def live_factors(kept: Kept | None, pair: str, date: Ints, settings: Settings) -> Floats:
    """Return the group's factor at each candle that opens at ``date``, the lesser of that by all
    forecasts and that by trades; 1 without a group, and in a backtest, whose groups are known when
    all its pairs are (:mod:`freqpilot.host.frames.edge.backtest`)."""
    group, factor = group_of(pair, settings), np.ones(len(date))
    if group is None or kept is None or kept.drawer is None or len(date) < 2:
        return factor
    known = kept.drawer.__dict__.setdefault(KEPT, {})
    members = {
        name: _scores(name, frame, known, settings)
        for name, frame in list(kept.drawer.historic_predictions.items())
        if group_of(name, settings) == group
    }
    for by in monitor.BY:
        of = groupmonitor.pooled({name: made[by] for name, made in members.items()})
        course = _told(f"{kept.identifier}/{group} by {by}", group, by, date, of, settings)
        shared = groupmonitor.factors_at(date, of, course, settings.labels, settings.models.edge)
        factor = np.minimum(factor, shared)
    return factor


def _scores(pair: str, frame: pd.DataFrame, kept: dict[str, Any], settings: Settings) -> Judged:
    """Return a pair's scores from what FreqAI keeps of it, made anew when a block is over."""
    empty = groupmonitor.Scores(np.empty(0, np.int64), np.empty(0))
    nothing: Judged = dict.fromkeys(monitor.BY, empty)
    if not {*COLUMNS, *FORECAST} <= set(frame.columns) or len(frame) < 2:
        return nothing
    dates = pd.to_datetime(frame["date_pred"], utc=True).to_numpy(dtype="datetime64[ns]")
    date, last = np.unique(dates.astype(np.int64)[::-1], return_index=True)
    if len(date) < 2:
        return nothing
    step = int(np.diff(date).min())
    newest = int(date[-1] + step) // (settings.models.edge.block * settings.labels.horizon * step)
    known = kept.get(pair)
    if known is not None and known[0] == newest:
        made: Judged = known[1]
        return made
    row = len(dates) - 1 - last
    close = pd.to_numeric(frame["close_price"], errors="coerce").to_numpy(dtype=np.float64)[row]
    kept[pair] = newest, judged(date, close, lean_of(frame)[row], settings)
    return _scores(pair, frame, kept, settings)


def judged(date: Ints, close: Floats, lean: Floats, settings: Settings) -> Judged:
    """Return a pair's scores by all its forecasts and by trades, of the blocks it has whole."""
    labels, edge = settings.labels, settings.models.edge
    return {
        by: groupmonitor.on_time(
            date, monitor.blocks(date, close, lean, labels, edge, by), labels, edge
        )
        for by in monitor.BY
    }


def _told(
    name: str,
    group: str,
    by: monitor.By,
    date: Ints,
    of: groupmonitor.Scores,
    settings: Settings,
) -> monitor.Course:
    """Return the course, and tell once that a group was silenced or is heard again. One that was
    silenced stays so when its forecasts are lost, until new evidence."""
    edge = settings.models.edge
    course = monitor.follow(of.score, edge)
    try:
        run = current()
    except NoEntry:
        return course
    known = run.store.load_state(STATE) or {}
    before: Mapping[str, Any] = known.get(name, {"silenced": False, "block": -1})
    newest = int(of.number[-1]) if len(of.number) else -1
    if before["silenced"] and newest < before["block"]:
        # After a crash FreqAI's forecasts may be older than what they had come to.
        return monitor.Course(0.0, np.zeros(len(of.score)), (), ())
    if before["silenced"] and not course.silenced and not course.revived:
        course = monitor.follow(of.score, edge, silent=True)
    silent = bool(len(course.silenced) - len(course.revived) + (course.before == 0.0))
    if silent == before["silenced"] or newest <= before["block"]:
        return course
    time = datetime.fromtimestamp(int(date[-1]) / 1e9, UTC)
    text = (
        f"the model is silenced for {group}: what {SPOKEN[by]} came to shows no edge; open "
        "trades go on with their stops, entries go on the other analysts alone; retrain it or look "
        "at its features"
        if silent
        else f"the model is heard again for {group}, its newer forecasts show an edge"
    )
    data = {"group": group, "silenced": silent}
    alerts.record(run, "model edge", "WARNING", text, data, time=time)
    run.store.save_state(STATE, {**known, name: {"silenced": silent, "block": newest}}, time)
    return course
