"""Candles of a strategy whose analysts are weighed by scorecards."""

import pandas as pd

from freqpilot.settings import Settings
from freqpilot.shapes import Candles

QUICK = {"enabled": True, "horizon": 4, "opinions": 20, "step_hours": 6, "prior": 5}
SETTINGS = Settings.from_config({"freqpilot": {"signals": {"scorecards": QUICK}}})


def frame(candles: Candles) -> pd.DataFrame:
    columns = {name: getattr(candles, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"date": pd.to_datetime(candles.date, utc=True), **columns})
