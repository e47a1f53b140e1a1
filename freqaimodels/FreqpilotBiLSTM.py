"""A bidirectional LSTM with attention, for ``--freqaimodel FreqpilotBiLSTM``."""

from freqpilot.host.sequences import SequenceForecaster
from freqpilot.models.sequences.models import BiLSTM


class FreqpilotBiLSTM(SequenceForecaster):
    """Chances of a rise and a fall over the label horizon by a bidirectional LSTM with attention,
    on the forward return in its volatility, with a split-conformal interval.

    It needs the extra ``freqpilot[deep]``. It does not beat its baselines, so it is not the
    default: over 2021–2024, pooled over 6 pairs, its rank IC at 4 h was −.001, the ridge's .014;
    at 24 h −.040, the logistic's .021 (``docs/results.md``).
    """

    forecaster = BiLSTM()
