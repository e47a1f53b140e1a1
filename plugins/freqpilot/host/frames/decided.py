"""From Freqtrade's frames to the pure rooms and back: columns in, columns out.

Strategies call these from ``populate_*``, where all that can be known for every candle is
computed once; callbacks only look up a row.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from freqpilot.features.bank.atr import atr
from freqpilot.features.bank.library import CORE, FeatureBank
from freqpilot.features.bank.realised import realised
from freqpilot.features.bank.realised import startup as realised_startup
from freqpilot.features.bank.structure import swing_prices
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.frames.decisions import decision_columns
from freqpilot.host.frames.edge.forecasts import PastForecasts
from freqpilot.host.frames.edge.verdicts import EdgeMemory, EdgeVerdict
from freqpilot.models.regimes import RegimeModel
from freqpilot.settings import Settings, SignalSettings
from freqpilot.shapes import Floats
from freqpilot.signals import analysts, composite, confluence, hmm, regimes, scorecards
from freqpilot.signals.decision import TRUST, WeightMove

STARTUP = max(FeatureBank(CORE).startup, analysts.STARTUP, regimes.STARTUP, confluence.STARTUP)
"""Candles before the first decision that can be trusted; the longest memory in use."""


def startup(timeframe: str, signals: SignalSettings | None = None) -> int:
    """Return the candles before the first decision of a strategy of this timeframe: the week that
    volatility is measured over is many short candles, regime models and
    scorecards look back further."""
    from freqtrade.exchange import timeframe_to_minutes

    minutes = timeframe_to_minutes(timeframe)
    longest = max(STARTUP, realised_startup(minutes))
    if signals is None:
        return longest
    longest = max(longest, hmm.startup(signals.regimes))
    if not signals.scorecards.enabled:
        return longest
    return max(longest, analysts.STARTUP + scorecards.startup(signals.scorecards, minutes))


class DecidedFrame(NamedTuple):
    """A frame with its decisions, the edge monitor's verdicts on the pair's model and the weights
    that the scorecards have moved at the last candle."""

    frame: pd.DataFrame
    verdicts: tuple[EdgeVerdict, ...]
    moves: tuple[WeightMove, ...]


def decide(
    frame: pd.DataFrame,
    settings: Settings,
    pair: str = "",
    step: timedelta | None = None,
    models: Sequence[RegimeModel] = (),
    past: PastForecasts | None = None,
    memory: EdgeMemory | None = None,
) -> DecidedFrame:
    """Return ``frame`` with the composite decision of each candle, by the weights of the class
    that ``pair`` belongs to (an unknown pair is an alt). Nothing is read, written or logged.

    Adds ``composite``, ``confidence``, ``coverage``, ``atr`` (in price), one ``contrib_*``
    column an analyst and, for structure stops, ``swing_low`` and ``swing_high``. The model's
    columns are used when FreqAI has put them there, ``fact_*`` columns of outside facts (as
    known at each candle's close) and Freqtrade's ``delta`` when someone has. With regimes on:
    ``regime`` (its name or nothing), ``regime_probability``, ``size_factor``, ``stop_factor``,
    ``allow_long`` and ``allow_short``. With confluence on: ``bias`` and the same two. With
    scorecards on: one ``score_*`` column an analyst, the factor of its weight. With a model and the
    edge monitor on: ``edge_model_forecast``, the factor of the model's confidence.

    :param step: the timeframe, for ``volatility_day``, ``volatility_ratio`` and ``adx``, by which
        sizes and stops are scaled.
    :param models: those that tell the regime by the method ``hmm``, from ``fact_fear_greed``
        (0…100) too where they know it; ``regime_by_model`` is where one did.
    :param past: forecasts older than ``frame``, of
        :func:`freqpilot.host.frames.edge.forecasts.past_forecasts`.
    :param memory: which models were silenced before, of
        :func:`freqpilot.host.frames.edge.state.remembered`.
    """
    candles = candles_from_frame(frame)
    columns, verdicts, moves = decision_columns(
        frame, candles, settings, pair, models, past, memory
    )
    columns["atr"] = atr(candles, settings.risk.atr_period)
    if "structure" in settings.risk.exits.stops:
        columns["swing_low"], columns["swing_high"] = swing_prices(candles)
    if step is not None and settings.risk.volatility.enabled:
        day, ratio, adx = realised(candles, step // timedelta(minutes=1))
        columns |= {"volatility_day": day, "volatility_ratio": ratio, "adx": adx}
    decided = pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)
    return DecidedFrame(decided, verdicts, moves)


def add_decisions(
    frame: pd.DataFrame,
    settings: Settings,
    pair: str = "",
    step: timedelta | None = None,
    models: Sequence[RegimeModel] = (),
    past: PastForecasts | None = None,
    memory: EdgeMemory | None = None,
) -> pd.DataFrame:
    """Return the frame of :func:`decide`, where its verdicts change nothing."""
    return decide(frame, settings, pair, step, models, past, memory).frame


def with_group_factors(
    frames: dict[str, pd.DataFrame],
    factors: Mapping[str, Floats],
    settings: Settings,
    models: Sequence[RegimeModel] = (),
) -> dict[str, pd.DataFrame]:
    """Return a backtest's analysed pairs with decisions that know the groups' factors, of
    :func:`freqpilot.host.frames.edge.backtest.judge_groups`."""
    out = dict(frames)
    for pair, factor in factors.items():
        frame = frames[pair]
        if (factor < frame[TRUST].to_numpy(dtype=np.float64)).any():
            candles = candles_from_frame(frame)
            decided = decision_columns(frame, candles, settings, pair, models, trust=factor)
            out[pair] = frame.assign(**decided.columns)
    return out


def shifted(signals: SignalSettings, threshold: float, confidence: float) -> SignalSettings:
    """Return ``signals`` with hyperopt's shifts added to the thresholds, kept within 0…1."""
    return signals.model_copy(
        update={
            "threshold": float(np.clip(signals.threshold + threshold, 0.0, 1.0)),
            "min_confidence": float(np.clip(signals.min_confidence + confidence, 0.0, 1.0)),
        }
    )


def sides(frame: pd.DataFrame, signals: SignalSettings) -> pd.Series:
    """Return 1 (long), −1 (short) or 0 for each row of :func:`add_decisions`."""
    side = composite.decide(
        frame["composite"].to_numpy(),
        frame["confidence"].to_numpy(),
        frame["coverage"].to_numpy(),
        signals,
    )
    return pd.Series(side, index=frame.index)


def entries(frame: pd.DataFrame, signals: SignalSettings) -> pd.Series:
    """Return :func:`sides` where an entry is possible: the model has spoken, and neither the regime
    nor the bias of longer timeframes is against it."""
    side = sides(frame, signals) * model_ready(frame)
    if "allow_long" in frame:
        side = side.where(np.where(side > 0, frame["allow_long"], frame["allow_short"]), 0)
    return side


def model_ready(frame: pd.DataFrame) -> pd.Series:
    """Tell for each row whether the model has spoken; true everywhere without a model.

    A model that is silent (missing, expired, a NaN among its features) means no new position.
    """
    if "do_predict" not in frame:
        return pd.Series(True, index=frame.index)
    return frame["do_predict"] == 1


def model_enabled(config: dict[str, Any]) -> bool:
    """Tell whether the config runs FreqAI."""
    return bool(config.get("freqai", {}).get("enabled", False))
