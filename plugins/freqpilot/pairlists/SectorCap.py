"""Sector cap pairlist filter"""

import logging
from typing import ClassVar

from freqtrade.exchange.exchange_types import Tickers
from freqtrade.plugins.pairlist.IPairList import SupportsBacktesting

from freqpilot.host.forms.pairlist import CheckedPairList
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.risk.taxonomy import capped

logger = logging.getLogger(__name__)


class SectorCap(CheckedPairList):
    """
    Keeps at most so many pairs of a sector, and of a class, from the top of the list.

    Sector and class of a coin are those of the risk limits (``freqpilot.risk.taxonomy`` changes
    them). Coins of sector ``other`` are in no sector. The table is asked, not the exchange, so it
    does the same in backtests; what a coin is stands there as of today, not of the candle.
    """

    supports_backtesting = SupportsBacktesting.YES
    about = "Filter pairs when enough of their sector or class stand before them."
    parameters: ClassVar[Parameters] = {
        "max_per_sector": Parameter(
            description="Pairs a sector",
            help="Most pairs of one sector (DeFi, layer 1, layer 2, AI and data, meme).",
            default=3,
            whole=True,
            least=1,
            optional=True,
        ),
        "max_per_class": Parameter(
            description="Pairs a class",
            help="Most pairs of one class (BTC, ETH, top 20, small, meme); empty for no limit.",
            whole=True,
            least=1,
            optional=True,
        ),
    }

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        limits = [
            f"{most} pairs a {name}"
            for name in ("sector", "class")
            if (most := self.values[f"max_per_{name}"])
        ]
        return f"{self.name} - Keeping at most {' and '.join(limits) or 'all pairs'}."

    def filter_pairlist(self, pairlist: list[str], tickers: Tickers) -> list[str]:
        """
        Remove pairs when enough of their sector or class stand before them
        :param pairlist: pairlist to filter or sort
        :param tickers: Tickers (from exchange.get_tickers). May be cached.
        :return: new whitelist
        """
        v = self.values
        kept, dropped = capped(
            pairlist, v["max_per_sector"], v["max_per_class"], self.settings.risk
        )
        for pair, reason in dropped.items():
            self.log_once(f"Removed {pair} from whitelist, because {reason}.", logger.info)
        return kept
