"""XGBoost on the forward return, for ``--freqaimodel FreqpilotXGBoost``."""

from freqpilot.host.forecasts import Forecaster
from freqpilot.models.xgb import XGBoostRegressor


class FreqpilotXGBoost(Forecaster):
    """As ``FreqpilotRegressor``, by XGBoost: chances of a rise and a fall over the label horizon,
    with a split-conformal interval from candles it was not trained on.

    It does not beat its baselines, so it is not the default: over 2021–2024 at 4 h, pooled over 16
    pairs and refitted once a year, its rank IC was .007, LightGBM's .008, the ridge's .016.
    """

    forecaster = XGBoostRegressor()
