"""Trees and ridge as one model for all pairs, for ``--freqaimodel FreqpilotPooledStacked``."""

from freqpilot.host.pooled import PooledForecaster
from freqpilot.models.stacking import Stacked


class FreqpilotPooledStacked(PooledForecaster):
    """As ``FreqpilotStacked``, but one model for all pairs, trained once a window: on each pair's
    features, their ranks across pairs, and the pair as a category.
    """

    forecaster = Stacked()
