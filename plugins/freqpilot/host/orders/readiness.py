"""Whether the exchange's books were compared with ours since the start."""

from freqpilot.errors import NoEntry
from freqpilot.host.run.run import Run


class Reconciliation:
    """Whether a run's comparison is done, and what keeps it from being so."""

    def __init__(self, run: Run) -> None:
        self.done, self.problem = True, ""

    def ask(self) -> None:
        """Ask for a comparison before the next entry."""
        self.done, self.problem = False, "it has not begun yet"

    def require_done(self) -> None:
        """Let an entry pass only when orders and balances were compared after a start.

        :raises NoEntry: until they were.
        """
        if not self.done:
            raise NoEntry(
                "orders and balances on the exchange have not been compared with the database "
                f"since the start ({self.problem}); entries wait until they are"
            )
