"""The last return as the forecast, a baseline, for ``--freqaimodel FreqpilotLastValue``."""

from freqpilot.host.freqai.forecaster import Forecaster
from freqpilot.models.linear import LastValue


class FreqpilotLastValue(Forecaster):
    """A baseline: what went up goes on. The first feature with ``return`` in its name is the
    forecast.

    What it is worth stands in ``docs/results.md``; it is not the default.
    """

    forecaster = LastValue()
