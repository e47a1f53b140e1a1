"""Logistic regression, a baseline, for ``--freqaimodel FreqpilotLogistic``."""

from freqpilot.host.forecasts import Forecaster
from freqpilot.models.linear import Logistic


class FreqpilotLogistic(Forecaster):
    """A baseline: logistic regression on triple-barrier labels.

    Whether it beats the baselines stands in ``docs/results.md``; it is not the default.
    """

    forecaster = Logistic()
