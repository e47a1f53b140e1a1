"""The regimes as areas on FreqUI's chart."""

from typing import Any

import numpy as np
import pandas as pd

COLORS = {
    "trending_bullish": "rgba(60, 140, 90, 0.15)",
    "trending_bearish": "rgba(170, 70, 70, 0.15)",
    "high_volatility_breakout": "rgba(190, 140, 50, 0.15)",
    "low_volatility_compression": "rgba(80, 120, 170, 0.15)",
    "capitulation": "rgba(120, 30, 30, 0.3)",
}
"""A range is left plain."""


def regime_areas(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return an area for each stretch of rows with one regime, from its first candle's open to the
    next stretch's, as Freqtrade's ``plot_annotations`` wants them; none without the column."""
    if "regime" not in frame or frame.empty:
        return []
    names = frame["regime"].to_numpy(dtype=object)
    begins = np.flatnonzero(np.append(True, names[1:] != names[:-1]))
    ends = np.append(begins[1:], len(names) - 1)
    dates = frame["date"]
    return [
        {
            "type": "area",
            "start": dates.iloc[begin].isoformat(),
            "end": dates.iloc[end].isoformat(),
            "label": str(names[begin]).replace("_", " "),
            "color": COLORS[names[begin]],
        }
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
        if names[begin] in COLORS
    ]
