"""Correlation pairlist filter"""

import logging
from typing import Any

import numpy as np
from freqtrade.constants import ListPairsWithTimeframes
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import date_minus_candles, timeframe_to_seconds
from freqtrade.exchange.exchange_types import Tickers
from freqtrade.plugins.pairlist.IPairList import IPairList, PairlistParameter, SupportsBacktesting
from freqtrade.util import FtTTLCache, dt_ts
from pandas import DataFrame

from freqpilot.risk.correlation import log_returns, uncrowded
from freqpilot.shapes import Floats, Ints

logger = logging.getLogger(__name__)

KEYS = (
    "method",
    "lookback_days",
    "timeframe",
    "max_correlation",
    "max_correlated",
    "refresh_period",
)


class CorrelationFilter(IPairList):
    """
    Keeps pairs that do not all move together.

    From the top of the list, a pair is removed when ``max_correlated`` pairs above it already have
    a return correlation above ``max_correlation`` with it. It needs recent candles of every pair,
    so it changes nothing in backtests.
    """

    supports_backtesting = SupportsBacktesting.NO_ACTION

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        config = self._pairlistconfig
        self._refuse(unknown=sorted(set(config) - set(KEYS)))
        self._lookback_days = self._integer("lookback_days", 30, minimum=2)
        self._max_correlated = self._integer("max_correlated", 3, minimum=1)
        self._refresh_period = self._integer("refresh_period", 1800, minimum=1)
        self._max_correlation = config.get("max_correlation", 0.8)
        if not _is_real(self._max_correlation) or not 0 < self._max_correlation < 1:
            raise OperationalException(
                f"{self.name} requires max_correlation to be between 0 and 1, "
                f"not {self._max_correlation!r}"
            )
        self._timeframe: str = config.get("timeframe", "1h")
        self._candle_type = self._config["candle_type_def"]
        self._lookback_candles = self._candles()
        # Half of the lookback: a correlation of fewer returns is more noise than measure.
        self._min_overlap = self._lookback_candles // 2
        self._returns: FtTTLCache = FtTTLCache(maxsize=1000, ttl=self._refresh_period)
        self._asked: list[str] = []
        self._kept: list[str] = []

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        return (
            f"{self.name} - Keeping at most {self._max_correlated} pairs with a return correlation "
            f"above {self._max_correlation:g} over the last {self._lookback_days} days "
            f"of {self._timeframe} candles."
        )

    @staticmethod
    def description() -> str:
        return "Filter pairs that move together with too many pairs before them."

    @staticmethod
    def available_parameters() -> dict[str, PairlistParameter]:
        return {
            "lookback_days": {
                "type": "number",
                "default": 30,
                "description": "Lookback Days",
                "help": "Number of days to measure the correlation over.",
            },
            "timeframe": {
                "type": "string",
                "default": "1h",
                "description": "Timeframe",
                "help": "Timeframe of the candles to measure the correlation with.",
            },
            "max_correlation": {
                "type": "number",
                "default": 0.8,
                "description": "Maximum correlation",
                "help": "Pairs with a higher return correlation count as moving together.",
            },
            "max_correlated": {
                "type": "number",
                "default": 3,
                "description": "Maximum correlated pairs",
                "help": "How many pairs that move together are kept.",
            },
            **IPairList.refresh_period_parameter(),
        }

    def filter_pairlist(self, pairlist: list[str], tickers: Tickers) -> list[str]:
        """
        Remove pairs that move together with too many pairs before them
        :param pairlist: pairlist to filter or sort
        :param tickers: Tickers (from exchange.get_tickers). May be cached.
        :return: new whitelist
        """
        if self._config["runmode"] in (RunMode.BACKTEST, RunMode.HYPEROPT):
            return pairlist
        # Freqtrade asks in every loop; without new candles the answer is the one before.
        if self._refresh(pairlist) or pairlist != self._asked:
            self._asked, self._kept = list(pairlist), self._uncrowded(pairlist)
        return list(self._kept)

    def _uncrowded(self, pairlist: list[str]) -> list[str]:
        kept, dropped = uncrowded(
            pairlist,
            {pair: self._returns[pair] for pair in pairlist if pair in self._returns},
            self._max_correlation,
            self._max_correlated,
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
        step = timeframe_to_seconds(self._timeframe)
        return log_returns(opened, candles["close"].to_numpy(dtype=np.float64), step)

    def _candles(self) -> int:
        try:
            step = timeframe_to_seconds(self._timeframe)
        except Exception:  # ccxt raises several kinds
            raise OperationalException(
                f"{self.name} does not understand timeframe {self._timeframe!r}; "
                "write it as 1h, 4h or 1d"
            ) from None
        candles: int = self._lookback_days * 86_400 // step
        limit = self._exchange.ohlcv_candle_limit(self._timeframe, self._candle_type)
        if not 20 <= candles <= limit:
            raise OperationalException(
                f"{self.name}: {self._lookback_days} days of {self._timeframe} are {candles} "
                f"candles; between 20 and {limit} (the exchange's limit) are possible. "
                "Please change lookback_days or timeframe."
            )
        return candles

    def _integer(self, key: str, default: int, *, minimum: int) -> int:
        value = self._pairlistconfig.get(key, default)
        if not _is_real(value) or int(value) != value or value < minimum:
            raise OperationalException(
                f"{self.name} requires {key} to be a whole number >= {minimum}, not {value!r}"
            )
        return int(value)

    def _refuse(self, unknown: list[str]) -> None:
        if unknown:
            raise OperationalException(
                f"{self.name} does not know {', '.join(unknown)}; it takes {', '.join(KEYS[1:])}"
            )


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
