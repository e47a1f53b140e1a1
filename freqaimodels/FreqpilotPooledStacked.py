"""Trees and ridge as one model for all pairs, for ``--freqaimodel FreqpilotPooledStacked``."""

from freqpilot.host.pooled import PooledForecaster
from freqpilot.models.stacking import Stacked


class FreqpilotPooledStacked(PooledForecaster):
    """As ``FreqpilotStacked``, but one model for all pairs, trained once a window: on each pair's
    features, their ranks across pairs, and the pair as a category.

    It does not beat its baselines, so it is not the default: over 2021–2024 on 16 pairs its rank IC
    at 4 h was .039, the ridge's .036, but .042 of a ridge that learns again from the whole window;
    what it would pick earned more after fees (Sharpe 1.76, that ridge's 1.59). At 24 h it was .023,
    the ridge's .024 (``docs/results.md``).
    """

    forecaster = Stacked()
