"""LightGBM with calibrated chances, for ``--freqaimodel FreqpilotCalibrated``."""

from freqpilot.host.forecasts import Forecaster
from freqpilot.models.boosting import TreesClassifier


class FreqpilotCalibrated(Forecaster):
    """Chances of the profit and the loss barrier by LightGBM, stopped early and calibrated on a
    purged tail, on features that gain more than their shifted copies.

    Whether it beats the baselines stands in ``docs/results.md``; it is not the default.
    """

    forecaster = TreesClassifier()
