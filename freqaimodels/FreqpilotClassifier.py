"""LightGBM on triple-barrier labels, for ``--freqaimodel FreqpilotClassifier``."""

from freqpilot.host.freqai.classifier import PurgedClassifier


class FreqpilotClassifier(PurgedClassifier):
    """Probability that a trade opened at the next candle meets its profit barrier (``up``), its
    loss barrier (``down``) or neither in time (``flat``).

    It does not beat its baselines, so it is not the default: over 2023–2024 Autopilot earned less
    with it than without it, and how much less hangs on chance: inputs that differed by rounding
    alone, less than 1e-5 of their deviation, moved the return from 31.8 to 46.5 %. It is an opinion
    that the composite weighs against others.
    """
