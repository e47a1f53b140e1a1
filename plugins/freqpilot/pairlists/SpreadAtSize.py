"""Spread at size pairlist filter"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from freqtrade.exceptions import ConfigurationError, FreqtradeException
from freqtrade.exchange.exchange_types import Tickers

from freqpilot.host.account.stakes import intended_stake
from freqpilot.host.candles.orderbook import order_book
from freqpilot.host.forms.pairlist import REFRESH, Screen, Unknown
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.risk.books import round_trip_cost


class SpreadAtSize(Screen):
    """
    Keeps pairs in which buying and selling the stated size at once costs ``max_cost`` at most.

    Both orders walk the book; fees are not counted. A book that does not hold the size does not
    pass. It costs one request of 500 levels a pair and ``refresh_period``, so it belongs behind
    filters that cost none. Books of the past are not at hand: in backtests it changes nothing.
    """

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        size = intended_stake(self._config, self.values["size"])
        if size is None and not self.in_backtest:
            raise ConfigurationError(
                f"{self.name} cannot tell the intended size from stake_amount "
                f"{self._config.get('stake_amount')!r}. Nothing is started and open trades are "
                "untouched; please give it a size in pairlists in your config."
            )
        self._size = size or math.inf

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        return (
            f"{self.name} - Keeping pairs in which a round trip of {self._size:g} costs "
            f"{self.values['max_cost']:.2%} or less."
        )

    def judge(self, pairs: Sequence[str], tickers: Tickers) -> dict[str, str | None]:
        return {pair: self._reason(pair) for pair in pairs}

    def _reason(self, pair: str) -> str | None:
        try:
            book = order_book(self._exchange, pair)
        except FreqtradeException as error:
            return Unknown(f"its order book could not be seen ({error})")
        cost = round_trip_cost(book.bids, book.asks, self._size)
        if math.isnan(cost):
            return f"its book does not hold {self._size:g}"
        if cost > self.values["max_cost"] + 1e-9:
            return (
                f"a round trip of {self._size:g} costs {cost:.2%}, above "
                f"{self.values['max_cost']:.2%}"
            )
        return None
