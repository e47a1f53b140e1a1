"""Whether the exchange's books were compared with ours since the start."""

from freqpilot.errors import NoEntry


class Progress:
    """Whether this start's comparison is done, and what keeps it from being so."""

    def __init__(self) -> None:
        self.done, self.problem = True, ""

    def begin(self) -> None:
        """Ask for a comparison before the next entry."""
        self.done, self.problem = False, "it has not begun yet"


PROGRESS = Progress()


def require_done() -> None:
    """:raises NoEntry: until orders and balances were compared after a start."""
    if not PROGRESS.done:
        raise NoEntry(
            "orders and balances on the exchange have not been compared with the database since "
            f"the start ({PROGRESS.problem}); entries wait until they are"
        )
