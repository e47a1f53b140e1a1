"""What pairlists that look into order books share."""

import math
from typing import Any, ClassVar

from freqtrade.exceptions import ConfigurationError, FreqtradeException

from freqpilot.host.account.stakes import intended_stake
from freqpilot.host.candles.orderbook import OrderBook, order_book
from freqpilot.host.forms.pairlist import Screen, Unknown


class BookScreen(Screen):
    """A screen that judges a pair's order book for one size in stake currency.

    ``size`` is the value of the option that ``size_option`` names, or else the stake that the
    config intends. Without either the bot does not start; a backtest, which has no books, does.
    """

    size_option: ClassVar[str] = "stake"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        option = self.size_option
        size = intended_stake(self._config, self.values[option])
        if size is None and not self.in_backtest:
            raise ConfigurationError(
                f"{self.name} cannot tell the intended {option} from stake_amount "
                f"{self._config.get('stake_amount')!r}. Nothing is started and open trades are "
                f"untouched; please give it a {option} in pairlists in your config."
            )
        self.size = size or math.inf

    def book_of(self, pair: str) -> OrderBook | Unknown:
        """Return a pair's order book, or why the exchange did not give it; one request."""
        try:
            return order_book(self._exchange, pair)
        except FreqtradeException as error:
            return Unknown(f"its order book could not be seen ({error})")
