"""What a strategy's ``populate_indicators`` calls: the decisions of its frame, and what follows
from them for the run (an alert, an entry in the store, a line of the log)."""

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from freqpilot.host.frames import decided
from freqpilot.host.frames.decisions import LoggedMoves, log_moves
from freqpilot.host.frames.edge import state
from freqpilot.host.frames.edge.backtest import judge_groups
from freqpilot.host.frames.edge.forecasts import PastForecasts
from freqpilot.host.run.run import Run
from freqpilot.models.regimes import RegimeModel
from freqpilot.settings import Settings


def populate(
    run: Run | None,
    frame: pd.DataFrame,
    settings: Settings,
    pair: str,
    step: timedelta | None = None,
    models: Sequence[RegimeModel] = (),
    past: PastForecasts | None = None,
) -> pd.DataFrame:
    """Return the frame of :func:`freqpilot.host.frames.decided.decide`. The run's store and its
    operator hear of a model that was silenced, or is heard again.

    :param run: None where no run has begun: then nobody hears of anything.
    """
    memory = state.remembered(run) if run else None
    found = decided.decide(frame, settings, pair, step, models, past, memory)
    if run:
        state.act_on(run, found.verdicts)
        log_moves(pair, found.moves, run.part(LoggedMoves))
    return found.frame


def populate_together(
    frames: dict[str, pd.DataFrame], settings: Settings, models: Sequence[RegimeModel] = ()
) -> dict[str, pd.DataFrame]:
    """Return a backtest's analysed pairs with decisions that know what became of the forecasts of
    all pairs of a group."""
    if settings.analysis:
        return frames
    judged = judge_groups(frames, settings)
    for subject, days in judged.turns.items():
        state.log_turns(subject, days)
    return decided.with_group_factors(frames, judged.factor, settings, models)
