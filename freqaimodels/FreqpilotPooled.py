"""One LightGBM for all pairs on the forward return, for ``--freqaimodel FreqpilotPooled``."""

from freqpilot.host.pooled import PooledForecaster
from freqpilot.models.boosting import TreesRegressor


class FreqpilotPooled(PooledForecaster):
    """As ``FreqpilotRegressor``, but one model for all pairs, trained once a window: on each pair's
    features, their ranks across pairs, and the pair as a category.

    It does not beat its baselines, so it is not the default: over 2021–2024, pooled over 16 pairs,
    its rank IC was .017 at 4 h, the ridge's .022; at 24 h .003, the logistic's .023
    (``docs/results.md``).
    """

    forecaster = TreesRegressor(selected=False)
