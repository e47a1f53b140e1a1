"""Ridge regression, a baseline, for ``--freqaimodel FreqpilotLinear``."""

from freqpilot.host.freqai.forecaster import Forecaster
from freqpilot.models.linear import Ridge


class FreqpilotLinear(Forecaster):
    """A baseline: ridge regression on the forward return in its volatility.

    What it is worth stands in ``docs/results.md``; it is not the default.
    """

    forecaster = Ridge()
