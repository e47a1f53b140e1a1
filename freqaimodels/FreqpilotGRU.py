"""A gated recurrent unit (GRU), for ``--freqaimodel FreqpilotGRU``."""

from freqpilot.host.sequences import SequenceForecaster
from freqpilot.models.sequences.models import GRU


class FreqpilotGRU(SequenceForecaster):
    """Chances of a rise and a fall over the label horizon by a gated recurrent unit (GRU),
    on the forward return in its volatility, with a split-conformal interval.

    It needs the extra ``freqpilot[deep]``. It was not shown to beat its baselines, so it is not the
    default: what was measured stands in ``docs/results.md``.
    """

    forecaster = GRU()
