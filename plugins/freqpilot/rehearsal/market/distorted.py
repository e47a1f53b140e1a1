"""What an exchange says of its market that is not so: prices that are wrong, candles that cannot be
had. The market itself, by which orders are filled, stays as it is."""

from dataclasses import dataclass, field

import numpy as np

from freqpilot.rehearsal.market.quotes import BadRequest
from freqpilot.rehearsal.market.tape import PairTape


class WrongPrice(PairTape):
    """A pair as it is quoted by a price that is wrong by a factor."""

    def __init__(self, pair: PairTape, factor: float) -> None:
        self.__dict__.update(vars(pair))
        self._factor = factor

    def price(self, now: int) -> float:
        """Return the wrong price at ``now``."""
        wrong = float(np.round(super().price(now) * self._factor, self.decimals))
        return max(self.tick, wrong)


@dataclass
class Distortions:
    """By symbol: ``wrong`` is what the next quote is multiplied by, ``silent`` are those whose
    candles cannot be had."""

    wrong: dict[str, float] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def quoted(self, pair: PairTape) -> PairTape:
        """Return a pair as it is quoted this time: a wrong price is given once."""
        factor = self.wrong.pop(pair.symbol, None)
        return pair if factor is None else WrongPrice(pair, factor)

    def require_candles(self, pair: PairTape) -> None:
        """Let candles be had.

        :raises BadRequest: while they cannot.
        """
        if pair.symbol in self.silent:
            raise BadRequest(-1001, "Internal error; unable to process your request.")
