"""From Freqtrade's frames to the pure rooms and back: columns in, columns out.

Strategies call these from ``populate_*``, where all that can be known for every candle is
computed once; callbacks only look up a row.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.features.bank.atr import atr
from freqpilot.features.bank.library import CORE, FeatureBank
from freqpilot.features.bank.realised import realised
from freqpilot.features.bank.realised import startup as realised_startup
from freqpilot.features.bank.structure import swing_prices
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.frames.decisions import decision_columns
from freqpilot.host.frames.edge.forecasts import Kept
from freqpilot.host.frames.edge.monitor import words as edge_words
from freqpilot.host.frames.words import regime_words, score_words
from freqpilot.host.freqai.columns import REASONS
from freqpilot.models.regimes import RegimeModel
from freqpilot.settings import RegimeSettings, Settings, SignalSettings
from freqpilot.shapes import Decision
from freqpilot.signals import analysts, composite, confluence, hmm, regimes, scorecards

SHORT_NAMES = {
    "technical_trend": "trend",
    "technical_momentum": "momentum",
    "volume_confirmation": "volume",
    "mean_reversion": "reversion",
    "pattern_recognition": "pattern",
    "volatility_squeeze": "squeeze",
    "model_forecast": "model",
}
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


def add_decisions(
    frame: pd.DataFrame,
    settings: Settings,
    pair: str = "",
    step: timedelta | None = None,
    models: Sequence[RegimeModel] = (),
    kept: Kept | None = None,
) -> pd.DataFrame:
    """Return ``frame`` with the composite decision of each candle, by the weights of the class
    that ``pair`` belongs to (an unknown one is an alt).

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
    :param kept: forecasts older than ``frame``, of
        :func:`freqpilot.host.frames.edge.forecasts.kept_forecasts`.
    """
    candles = candles_from_frame(frame)
    columns = decision_columns(frame, candles, settings, pair, models, kept)
    columns["atr"] = atr(candles, settings.risk.atr_period)
    if "structure" in settings.risk.exits.stops:
        columns["swing_low"], columns["swing_high"] = swing_prices(candles)
    if step is not None and settings.risk.volatility.enabled:
        day, ratio, adx = realised(candles, step // timedelta(minutes=1))
        columns |= {"volatility_day": day, "volatility_ratio": ratio, "adx": adx}
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)


def contributions(frame: pd.DataFrame) -> list[str]:
    """Return the names of the analysts whose contributions ``frame`` holds."""
    return [c.removeprefix("contrib_") for c in frame.columns if c.startswith("contrib_")]


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


def tags(frame: pd.DataFrame, direction: pd.Series) -> pd.Series:
    """Return for each row the analysts that spoke for its direction, as ``trend+model``."""
    words = pd.Series("", index=frame.index, dtype="object")
    for name in contributions(frame):
        speaks = frame[f"contrib_{name}"] * direction > 0
        short = SHORT_NAMES.get(name, name)
        words = words.where(~speaks, words + "+" + short)
    return words.str.removeprefix("+")


def decision_of(
    pair: str,
    row: Mapping[str, Any],
    side: str,
    timeframe: timedelta,
    settings: RegimeSettings | None = None,
) -> Decision:
    """Return the decision that a row of :func:`add_decisions` holds, with its reasons in words;
    the regime's as well where its settings are given."""
    names = [name for name in map(str, row.keys()) if name.startswith("contrib_")]
    figures = ((name.removeprefix("contrib_"), float(row[name])) for name in names)
    parts = {name: value for name, value in figures if math.isfinite(value)}
    ranked = sorted(parts.items(), key=lambda item: -abs(item[1]))
    reasons = tuple(
        f"{name.replace('_', ' ')} {'for' if value > 0 else 'against'} a rise ({value:+.2f})"
        for name, value in ranked
        if value
    )
    # Numbers stand where FreqAI filled a gap.
    if parts.get("model_forecast") and isinstance(why := row.get(REASONS), str) and why:
        reasons = (*reasons, f"the model by {why}")
    if settings and (words := regime_words(row, settings)):
        reasons = (*reasons, words)
    if words := score_words(row):
        reasons = (*reasons, words)
    if words := edge_words(row):
        reasons = (*reasons, words)
    if "bias" in row:
        reasons = (*reasons, f"bias of longer timeframes {float(row['bias']):+.2f}")
    return Decision(
        pair=pair,
        time=(row["date"] + timeframe).to_pydatetime(),
        side="short" if side == "short" else "long",
        composite=float(row["composite"]),
        confidence=float(row["confidence"]),
        coverage=float(row["coverage"]),
        contributions=parts,
        reasons=reasons,
    )


def model_enabled(config: dict[str, Any]) -> bool:
    """Tell whether the config runs FreqAI."""
    return bool(config.get("freqai", {}).get("enabled", False))
