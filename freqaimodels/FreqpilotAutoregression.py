"""An autoregression of returns, a baseline, for ``--freqaimodel FreqpilotAutoregression``."""

from freqpilot.host.freqai.forecaster import Forecaster
from freqpilot.models.linear import Autoregression


class FreqpilotAutoregression(Forecaster):
    """A baseline: what the past returns over several spans say of the next one, by least squares
    with a penalty.

    What it is worth stands in ``docs/results.md``; it is not the default.
    """

    forecaster = Autoregression()
