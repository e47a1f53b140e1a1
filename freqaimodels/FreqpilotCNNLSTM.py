"""Convolutions before an LSTM, for ``--freqaimodel FreqpilotCNNLSTM``."""

from freqpilot.host.sequences import SequenceForecaster
from freqpilot.models.sequences.models import CNNLSTM


class FreqpilotCNNLSTM(SequenceForecaster):
    """Chances of a rise and a fall over the label horizon by convolutions before an LSTM,
    on the forward return in its volatility, with a split-conformal interval.

    It needs the extra ``freqpilot[deep]``. It was not shown to beat its baselines, so it is not the
    default: what was measured stands in ``docs/results.md``.
    """

    forecaster = CNNLSTM()
