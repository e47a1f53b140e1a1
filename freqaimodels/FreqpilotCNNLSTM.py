"""Convolutions before an LSTM, for ``--freqaimodel FreqpilotCNNLSTM``."""

from freqpilot.host.freqai.sequences import SequenceForecaster
from freqpilot.models.sequences.models import CNNLSTM


class FreqpilotCNNLSTM(SequenceForecaster):
    """Chances of a rise and a fall over the label horizon by convolutions before an LSTM,
    on the forward return in its volatility, with a split-conformal interval.

    It needs the extra ``freqpilot[deep]``. It does not beat its baselines, so it is not the
    default: over 2021–2024, pooled over 6 pairs, its rank IC at 4 h was .027, the ridge's .034;
    at 24 h .002, the logistic's .021 (``docs/results.md``).
    """

    forecaster = CNNLSTM()
