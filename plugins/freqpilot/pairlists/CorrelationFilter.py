"""Correlation pairlist filter"""

import logging
from typing import Any, ClassVar

import numpy as np
from freqtrade.constants import ListPairsWithTimeframes
from freqtrade.exceptions import ConfigurationError
from freqtrade.exchange import date_minus_candles
from freqtrade.exchange.exchange_types import Tickers
from freqtrade.plugins.pairlist.IPairList import SupportsBacktesting
from freqtrade.util import FtTTLCache, dt_ts
from pandas import DataFrame

from freqpilot.host.forms.pairlist import REFRESH, CheckedPairList
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.pairlists.base.timeframes import seconds_of
from freqpilot.risk.book.correlation import log_returns, uncrowded
from freqpilot.shapes import Floats, Ints

logger = logging.getLogger(__name__)

LEAST = 20
"""Fewest candles that a correlation is measured over."""


class CorrelationFilter(CheckedPairList):
    """
    Keeps pairs that do not all move together.

    From the top of the list, a pair is removed when ``max_correlated`` pairs above it already have
    a return correlation above ``max_correlation`` with it. It needs recent candles of every pair,
    so it changes nothing in backtests.
    """

    supports_backtesting = SupportsBacktesting.NO_ACTION
    about = "Filter pairs that move together with too many pairs before them."
    parameters: ClassVar[Parameters] = {
        "lookback_days": Parameter(
            description="Lookback Days",
            help="Number of days to measure the correlation over.",
            default=30,
            whole=True,
            least=2,
        ),
        "timeframe": Parameter(
            description="Timeframe",
            help="Timeframe of the candles to measure the correlation with.",
            kind="string",
            default="1h",
        ),
        "max_correlation": Parameter(
            description="Maximum correlation",
            help="Pairs with a higher return correlation count as moving together.",
            default=0.8,
            above=0,
            below=1,
        ),
        "max_correlated": Parameter(
            description="Maximum correlated pairs",
            help="How many pairs that move together are kept.",
            default=3,
            whole=True,
            least=1,
        ),
        **REFRESH,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timeframe: str = self.values["timeframe"]
        self._step = seconds_of(self._timeframe, self.name)
        self._candle_type = self._config["candle_type_def"]
        self._lookback_candles = self._candles()
        # Half of the lookback: a correlation of fewer returns is more noise than measure.
        self._min_overlap = self._lookback_candles // 2
        self._returns: FtTTLCache = FtTTLCache(maxsize=1000, ttl=self.values["refresh_period"])
        self._asked: list[str] = []
        self._kept: list[str] = []

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        v = self.values
        return (
            f"{self.name} - Keeping at most {v['max_correlated']} pairs with a return correlation "
            f"above {v['max_correlation']:g} over the last {self._lookback_candles} candles of "
            f"{self._timeframe}."
        )

    def filter_pairlist(self, pairlist: list[str], tickers: Tickers) -> list[str]:
        """
        Remove pairs that move together with too many pairs before them
        :param pairlist: pairlist to filter or sort
        :param tickers: Tickers (from exchange.get_tickers). May be cached.
        :return: new whitelist
        """
        if self.in_backtest:
            return pairlist
        # Freqtrade asks in every loop; without new candles the answer is the one before.
        if self._refresh(pairlist) or pairlist != self._asked:
            self._asked, self._kept = list(pairlist), self._uncrowded(pairlist)
        return list(self._kept)

    def _uncrowded(self, pairlist: list[str]) -> list[str]:
        kept, dropped = uncrowded(
            pairlist,
            {pair: self._returns[pair] for pair in pairlist if pair in self._returns},
            self.values["max_correlation"],
            self.values["max_correlated"],
            self._min_overlap,
        )
        for pair, reason in dropped.items():
            self.log_once(f"Removed {pair} from whitelist, because of {reason}.", logger.info)
        return kept

    def _refresh(self, pairlist: list[str]) -> bool:
        """Fetch the candles that are missing or too old; False when there were none."""
        needed: ListPairsWithTimeframes = [
            (pair, self._timeframe, self._candle_type)
            for pair in pairlist
            if pair not in self._returns
        ]
        if not needed:
            return False
        since = date_minus_candles(self._timeframe, self._lookback_candles)
        candles = self._exchange.refresh_latest_ohlcv(needed, since_ms=dt_ts(since), cache=False)
        for key in needed:
            self._returns[key[0]] = self._returns_of(candles.get(key))
        return True

    def _returns_of(self, candles: DataFrame | None) -> tuple[Ints, Floats]:
        if candles is None or candles.empty:
            return np.empty(0, dtype=np.int64), np.empty(0)
        opened = candles["date"].to_numpy(dtype="datetime64[s]").astype(np.int64)
        return log_returns(opened, candles["close"].to_numpy(dtype=np.float64), self._step)

    def _candles(self) -> int:
        """Return how many candles the correlation is measured over: as many as the days hold, and
        no more than the exchange gives at once (499 on Binance futures)."""
        days: int = self.values["lookback_days"]
        candles: int = days * 86_400 // self._step
        limit: int = self._exchange.ohlcv_candle_limit(self._timeframe, self._candle_type)
        fewest = min(candles, limit)
        if fewest < LEAST:
            raise ConfigurationError(
                f"{self.name}: {days} days of {self._timeframe} are {candles} candles, of which "
                f"the exchange gives {limit} at once; at least {LEAST} are needed. Please change "
                "lookback_days or timeframe."
            )
        if fewest < candles:
            logger.warning(
                "%s: %d days of %s are %d candles; the exchange gives %d at once, so the last "
                "%.0f days are measured. A longer timeframe reaches further back.",
                *(self.name, days, self._timeframe, candles, limit),
                limit * self._step / 86_400,
            )
        return fewest
