"""LightGBM on the forward return, for ``--freqaimodel FreqpilotRegressor``."""

from freqpilot.host.forecasts import Forecaster
from freqpilot.models.boosting import TreesRegressor


class FreqpilotRegressor(Forecaster):
    """Chances of a rise and a fall over the label horizon by LightGBM on the forward return in its
    volatility, with a split-conformal interval from candles it was not trained on.

    Whether it beats the baselines stands in ``docs/results.md``; it is not the default.
    """

    forecaster = TreesRegressor()
