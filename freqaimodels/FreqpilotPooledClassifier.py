"""One LightGBM for all pairs on classes, for ``--freqaimodel FreqpilotPooledClassifier``."""

from freqpilot.host.freqai.pooled.forecaster import PooledForecaster
from freqpilot.models.trees.boosting import TreesClassifier


class FreqpilotPooledClassifier(PooledForecaster):
    """As ``FreqpilotCalibrated``, but one model for all pairs, trained once a window: on each
    pair's features, their ranks across pairs, and the pair as a category.

    It does not beat its baselines, so it is not the default: over 2021–2024, pooled over 16 pairs,
    its rank IC was .009 at 4 h, the ridge's .036; at 24 h .006, the ridge's .024
    (``docs/results.md``).
    """

    forecaster = TreesClassifier()
