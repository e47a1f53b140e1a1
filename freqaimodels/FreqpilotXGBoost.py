"""XGBoost on the forward return, for ``--freqaimodel FreqpilotXGBoost``."""

from freqpilot.host.forecasts import Forecaster
from freqpilot.models.xgb import XGBoostRegressor


class FreqpilotXGBoost(Forecaster):
    """As ``FreqpilotRegressor``, by XGBoost: chances of a rise and a fall over the label horizon,
    with a split-conformal interval from candles it was not trained on.

    Nothing shows yet that it beats every baseline, so it is not the default.
    """

    forecaster = XGBoostRegressor()
