"""Spread at size pairlist filter"""

import math
from collections.abc import Sequence
from typing import ClassVar

from freqtrade.exchange.exchange_types import Tickers

from freqpilot.host.forms.pairlist import REFRESH, Unknown
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.pairlists.base.books import BookScreen
from freqpilot.risk.market.orderbook import round_trip_cost


class SpreadAtSize(BookScreen):
    """
    Keeps pairs in which buying and selling the stated size at once costs ``max_cost`` at most.

    Both orders walk the book; fees are not counted. A book that does not hold the size does not
    pass. It costs one request of 500 levels a pair and ``refresh_period``, so it belongs behind
    filters that cost none. Books of the past are not at hand: in backtests it changes nothing.
    """

    size_option = "size"
    about = "Filter pairs by the cost of a round trip of the intended size through the order book."
    parameters: ClassVar[Parameters] = {
        "size": Parameter(
            description="Size",
            help="Size of the round trip in stake currency; empty for the stake of the config.",
            optional=True,
            above=0,
        ),
        "max_cost": Parameter(
            description="Maximum cost",
            help="Most that the round trip may cost, as a share (0.005 is half a percent).",
            setting="risk.market.max_spread",
            above=0,
            below=1,
        ),
        **REFRESH,
    }

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        return (
            f"{self.name} - Keeping pairs in which a round trip of {self.size:g} costs "
            f"{self.values['max_cost']:.2%} or less."
        )

    def judge(self, pairs: Sequence[str], tickers: Tickers) -> dict[str, str | None]:
        return {pair: self._reason(pair) for pair in pairs}

    def _reason(self, pair: str) -> str | None:
        book = self.book_of(pair)
        if isinstance(book, Unknown):
            return book
        cost = round_trip_cost(book.bids, book.asks, self.size)
        if math.isnan(cost):
            return f"its book does not hold {self.size:g}"
        if cost > self.values["max_cost"] + 1e-9:
            return (
                f"a round trip of {self.size:g} costs {cost:.2%}, above "
                f"{self.values['max_cost']:.2%}"
            )
        return None
