"""A decision in words."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pandas as pd

from freqpilot.host.freqai.columns import REASONS
from freqpilot.settings import RegimeSettings
from freqpilot.shapes import Decision
from freqpilot.signals.decision import CONTRIBUTION_PREFIX, SCORE_PREFIX, TRUST

SHORT_NAMES = {
    "technical_trend": "trend",
    "technical_momentum": "momentum",
    "volume_confirmation": "volume",
    "mean_reversion": "reversion",
    "pattern_recognition": "pattern",
    "volatility_squeeze": "squeeze",
    "model_forecast": "model",
}
"""What an entry's tag calls an analyst; others by their whole name."""


def contributions(frame: pd.DataFrame) -> list[str]:
    """Return the names of the analysts whose contributions ``frame`` holds."""
    return [
        column.removeprefix(CONTRIBUTION_PREFIX)
        for column in frame.columns
        if column.startswith(CONTRIBUTION_PREFIX)
    ]


def tags(frame: pd.DataFrame, direction: pd.Series) -> pd.Series:
    """Return for each row the analysts that spoke for its direction, as ``trend+model``."""
    words = pd.Series("", index=frame.index, dtype="object")
    for name in contributions(frame):
        speaks = frame[f"{CONTRIBUTION_PREFIX}{name}"] * direction > 0
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
    names = [name for name in map(str, row.keys()) if name.startswith(CONTRIBUTION_PREFIX)]
    figures = ((name.removeprefix(CONTRIBUTION_PREFIX), float(row[name])) for name in names)
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


def regime_words(row: Mapping[str, Any], settings: RegimeSettings) -> str | None:
    """Return the regime of a row of decisions and what it moves, in words; None without one."""
    if not settings.enabled or "regime" not in row:
        return None
    size, stop = float(row["size_factor"]), float(row["stop_factor"])
    cuts = [f"size ×{size:.2g}"] if size != 1 else []
    cuts += [f"stop ×{stop:.2g}"] if stop != 1 else []
    if not row["regime"]:
        return ", ".join(["no regime", *cuts])
    probability = float(row["regime_probability"])
    by = ""
    if "regime_by_model" in row:
        by = ", by the model" if row["regime_by_model"] else ", by the rules"
    found = f"regime {str(row['regime']).replace('_', ' ')} ({probability:.2f}{by})"
    if probability < settings.min_probability:
        return ", ".join([f"{found}, not sure enough to act", *cuts])
    moved = [
        f"{name.replace('_', ' ')} ×{factor:g}"
        for name, factor in settings.adaptation[row["regime"]].weights.items()
    ]
    return ", ".join([found, *moved, *cuts])


def score_words(row: Mapping[str, Any]) -> str | None:
    """Return what the scorecards move at a row of decisions, in words; None where nothing."""
    factors = {
        str(name).removeprefix(SCORE_PREFIX): float(value)
        for name, value in row.items()
        if str(name).startswith(SCORE_PREFIX)
    }
    moved = {name: value for name, value in factors.items() if round(value, 2) != 1}
    if not moved:
        return None
    ranked = sorted(moved.items(), key=lambda item: (-abs(math.log(item[1])), item[0]))
    parts = (f"{name.replace('_', ' ')} ×{value:.2f}" for name, value in ranked)
    return f"weights by scorecards: {', '.join(parts)}"


def edge_words(row: Mapping[str, Any]) -> str | None:
    """Return what the edge monitor does at a row of decisions, in words; None where nothing."""
    if TRUST not in row or round(factor := float(row[TRUST]), 2) == 1:
        return None
    if factor == 0:
        return "the model is silenced: what its forecasts came to shows no edge"
    return f"the model's confidence ×{factor:.2f}: its forecasts came to less than they should"
