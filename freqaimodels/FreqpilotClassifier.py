"""LightGBM on triple-barrier labels, for ``--freqaimodel FreqpilotClassifier``."""

from freqpilot.host.freqai import PurgedClassifier


class FreqpilotClassifier(PurgedClassifier):
    """Probability that a trade opened at the next candle meets its profit barrier (``up``), its
    loss barrier (``down``) or neither in time (``flat``).

    It has not been shown to beat the plain trend baseline after costs; ``docs/results.md`` has its
    figures. What it adds is an opinion that the composite weighs against others.
    """
