"""Liquidity pairlist filter"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from freqtrade.exchange.exchange_types import Tickers

from freqpilot.host.forms.pairlist import REFRESH, Unknown
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.pairlists.base.books import BookScreen
from freqpilot.risk.market.fitness import depth_within


class Liquidity(BookScreen):
    """
    Keeps pairs that trade, and hold in their book, enough for the intended stake.

    The last day's volume must be ``volume_multiple`` stakes, and each side of the book within
    ``depth_band`` of its middle ``depth_multiple`` stakes. It costs one request of 500 levels a
    pair and ``refresh_period``, so it belongs behind filters that cost none. Levels beyond those
    are not counted. Books of the past are not at hand: in backtests it changes nothing.
    """

    about = "Filter pairs whose volume or order book is thin for the intended stake."
    parameters: ClassVar[Parameters] = {
        "stake": Parameter(
            description="Stake",
            help="Intended stake in stake currency; empty for that of the config.",
            optional=True,
            above=0,
        ),
        "volume_multiple": Parameter(
            description="Volume in stakes",
            help="Quote volume of the last day, in stakes, that a pair needs.",
            default=1000,
            least=0,
        ),
        "depth_multiple": Parameter(
            description="Depth in stakes",
            help="Value of each side of the book within the band, in stakes, that a pair needs.",
            default=10,
            least=0,
        ),
        "depth_band": Parameter(
            description="Depth band",
            help="Distance from the middle of the book, as a share of it.",
            setting="risk.market.depth_band",
            above=0,
            below=1,
        ),
        **REFRESH,
    }

    @property
    def needstickers(self) -> bool:
        """Tickers of today say nothing of a backtest's time."""
        return not self.in_backtest

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        v = self.values
        return (
            f"{self.name} - Keeping pairs with a daily volume of {v['volume_multiple']:g} stakes "
            f"of {self.size:g} and {v['depth_multiple']:g} within {v['depth_band']:.1%} of the "
            "middle of the book, on either side."
        )

    def judge(self, pairs: Sequence[str], tickers: Tickers) -> dict[str, str | None]:
        return {pair: self._reason(pair, tickers.get(pair)) for pair in pairs}

    def _reason(self, pair: str, ticker: Any) -> str | None:
        volume = (ticker or {}).get("quoteVolume")
        least = self.values["volume_multiple"] * self.size
        if volume is None or math.isnan(volume):
            return Unknown("its volume of the last day is not known")
        if volume < least:
            return f"its volume of the last day is {volume:.0f}, below {least:.0f}"
        book = self.book_of(pair)
        if isinstance(book, Unknown):
            return book
        least = self.values["depth_multiple"] * self.size
        for name, side in (("buy", book.asks), ("sell", book.bids)):
            depth = depth_within(side, book.mid, self.values["depth_band"])
            if not math.isfinite(depth) or not side:
                return Unknown("its order book lacks a figure")
            if depth < least:
                return f"the book to {name} by holds {depth:.0f} near its middle, below {least:.0f}"
        return None
