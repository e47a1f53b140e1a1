"""A decision in words."""

import math
from collections.abc import Mapping
from typing import Any

from freqpilot.settings import RegimeSettings

SCORE_PREFIX = "score_"
"""Columns of this prefix hold what an analyst's scorecard multiplies its weight by."""


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
    told = (f"{name.replace('_', ' ')} ×{value:.2f}" for name, value in ranked)
    return f"weights by scorecards: {', '.join(told)}"
