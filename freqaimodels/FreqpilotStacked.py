"""Several models as one, for ``--freqaimodel FreqpilotStacked``."""

from freqpilot.host.forecasts import Forecaster
from freqpilot.models.stacking import Stacked


class FreqpilotStacked(Forecaster):
    """Trees, ridge, logistic regression and the last return in one: each has as much say as its
    forecasts were worth lately on candles of the window that it was not trained on, none below 0.

    Nothing shows yet that it beats every baseline, so it is not the default.
    """

    forecaster = Stacked()
