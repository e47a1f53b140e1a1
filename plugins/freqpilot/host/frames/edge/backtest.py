"""The edge monitor of groups of pairs in a backtest: once all pairs have been analysed."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.frames.edge.forecasts import expected_move
from freqpilot.host.frames.edge.groups import PairScores, group_of, scores_of
from freqpilot.host.frames.edge.verdicts import time_of
from freqpilot.models.edge import groups, monitor
from freqpilot.settings import Settings
from freqpilot.shapes import Floats
from freqpilot.signals.decision import TRUST


class JudgedGroups(NamedTuple):
    """What the confidence of a backtest's models is multiplied by, by pair, and for each group with
    what it was judged by the days on which its model was silenced and heard again."""

    factor: dict[str, Floats]
    turns: dict[str, str]


def judge_groups(frames: Mapping[str, pd.DataFrame], settings: Settings) -> JudgedGroups:
    """Return the lesser of each pair's own factor and those of its group.

    :param frames: a backtest's analysed pairs; those without a judged model are left out.
    """
    judged = {pair: frame for pair, frame in frames.items() if TRUST in frame}
    members: dict[str, dict[str, PairScores]] = {}
    for pair, frame in judged.items():
        if (group := group_of(pair, settings)) is not None:
            candles = candles_from_frame(frame)
            scores = scores_of(candles.date, candles.close, expected_move(frame), settings)
            members.setdefault(group, {})[pair] = scores
    out = JudgedGroups({}, {})
    for group, scores_by_pair in members.items():
        courses = []
        for by in monitor.BY:
            of = groups.pooled({pair: scores[by] for pair, scores in scores_by_pair.items()})
            courses.append((of, monitor.follow(of.score, settings.models.edge)))
            first = next(iter(judged.values()))
            if days := _days(*courses[-1], settings, first):
                out.turns[f"{group} by {by}"] = days
        for pair in scores_by_pair:
            date = candles_from_frame(judged[pair]).date
            own = judged[pair][TRUST].to_numpy(dtype=np.float64)
            shared = [
                groups.factors_at(date, of, course, settings.labels, settings.models.edge)
                for of, course in courses
            ]
            out.factor[pair] = np.minimum.reduce([own, *shared])
    return out


def _days(
    of: groups.Scores, course: monitor.Course, settings: Settings, frame: pd.DataFrame
) -> str:
    """Return the days on which a group's model was silenced and heard again; "" without any."""
    turns = sorted([*course.silenced, *course.revived])
    if not turns:
        return ""
    step = int(np.diff(candles_from_frame(frame).date).min())
    length = settings.models.edge.block * settings.labels.horizon * step
    return ", ".join(f"{time_of(int(of.number[turn] + 1) * length):%Y-%m-%d}" for turn in turns)
