"""The log handler that Freqtrade makes because the config names it: it begins Freqpilot and keeps
the decision log.

Making it must not raise: Freqtrade would bury the reason in a traceback. A fault is kept by
:mod:`freqpilot.host.seams.activation`, and the seam of the configuration shows it as one line.
"""

from freqpilot.host.boot.start import begin
from freqpilot.host.run.decisionlog import DecisionLog


class DecisionLogHandler(DecisionLog):
    """The decision log; Freqtrade makes it before anything else of Freqpilot is there.

    Its parameters are those of :class:`freqpilot.host.run.decisionlog.DecisionLog`.
    """

    def __init__(
        self,
        filename: str = "logs/freqpilot-decisions.jsonl",
        max_bytes: int = 10_000_000,
        backups: int = 5,
    ) -> None:
        super().__init__(filename, max_bytes, backups)
        begin()
