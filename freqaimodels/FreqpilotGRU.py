"""A gated recurrent unit (GRU), for ``--freqaimodel FreqpilotGRU``."""

from freqpilot.host.sequences import SequenceForecaster
from freqpilot.models.sequences.models import GRU


class FreqpilotGRU(SequenceForecaster):
    """Chances of a rise and a fall over the label horizon by a gated recurrent unit (GRU),
    on the forward return in its volatility, with a split-conformal interval.

    It needs the extra ``freqpilot[deep]``. It does not beat its baselines, so it is not the
    default: over 2021–2024, pooled over 6 pairs, its rank IC at 4 h was −.014, the ridge's .014;
    at 24 h −.010, the logistic's .021 (``docs/results.md``).
    """

    forecaster = GRU()
