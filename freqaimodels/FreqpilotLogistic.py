"""Logistic regression, a baseline, for ``--freqaimodel FreqpilotLogistic``."""

from freqpilot.host.freqai.forecaster import Forecaster
from freqpilot.models.linear import Logistic


class FreqpilotLogistic(Forecaster):
    """A baseline: logistic regression on triple-barrier labels.

    What it is worth stands in ``docs/results.md``; it is not the default.
    """

    forecaster = Logistic()
