"""The edge monitor of groups of pairs in a backtest: once all pairs have been analysed."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.frames.decisions import decision_columns
from freqpilot.host.frames.edge.forecasts import lean_of
from freqpilot.host.frames.edge.groups import Judged, group_of, judged
from freqpilot.host.frames.edge.monitor import COLUMN
from freqpilot.host.seams.seam import Seam, expect
from freqpilot.models.edge import groups, monitor
from freqpilot.models.regimes import RegimeModel
from freqpilot.settings import Settings

logger = logging.getLogger(__name__)


def with_groups(
    found: dict[str, pd.DataFrame], settings: Settings, models: Sequence[RegimeModel] = ()
) -> dict[str, pd.DataFrame]:
    """Return a backtest's analysed pairs with decisions that know the groups' factors.

    :param found: frames of :func:`freqpilot.host.frames.decided.add_decisions` by pair.
    """
    if settings.analysis:
        return found
    watched = {pair: frame for pair, frame in found.items() if COLUMN in frame}
    members: dict[str, dict[str, Judged]] = {}
    for pair, frame in watched.items():
        if (group := group_of(pair, settings)) is not None:
            candles = candles_from_frame(frame)
            made = judged(candles.date, candles.close, lean_of(frame), settings)
            members.setdefault(group, {})[pair] = made
    out = dict(found)
    for group, own_scores in members.items():
        courses = []
        for by in monitor.BY:
            of = groups.pooled({pair: made[by] for pair, made in own_scores.items()})
            courses.append((of, monitor.follow(of.score, settings.models.edge)))
            _tell_turns(f"{group} by {by}", *courses[-1], settings, next(iter(watched.values())))
        for pair in own_scores:
            frame = watched[pair]
            candles = candles_from_frame(frame)
            own = frame[COLUMN].to_numpy(dtype=np.float64)
            shared = [
                groups.factors_at(candles.date, of, course, settings.labels, settings.models.edge)
                for of, course in courses
            ]
            factor = np.minimum.reduce([own, *shared])
            if (factor < own).any():
                columns = decision_columns(
                    frame, candles, settings, pair, models, watched_by=factor
                )
                out[pair] = frame.assign(**columns)
    return out


def _tell_turns(
    group: str,
    of: groups.Scores,
    course: monitor.Course,
    settings: Settings,
    frame: pd.DataFrame,
) -> None:
    if turns := sorted([*course.silenced, *course.revived]):
        step = int(np.diff(candles_from_frame(frame).date).min())
        length = settings.models.edge.block * settings.labels.horizon * step
        ends = [int(of.number[place] + 1) * length for place in turns]
        days = ", ".join(f"{datetime.fromtimestamp(end / 1e9, UTC):%Y-%m-%d}" for end in ends)
        logger.info("%s: the model was silenced, and heard again, by turns: %s", group, days)


def _check() -> None:
    from freqtrade.strategy.interface import IStrategy

    expect(IStrategy, "advise_all_indicators", ["data"])


def _apply() -> None:
    """Nothing: Autopilot asks after all pairs by overriding what is checked here."""


SEAMS = (Seam("edge.groups", "judge a backtest's pairs together", _check, _apply),)
