"""Regime pairlist filter"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from freqtrade.exceptions import ConfigurationError
from freqtrade.exchange import date_minus_candles, timeframe_to_seconds
from freqtrade.exchange.exchange_types import Tickers
from freqtrade.util import dt_now, dt_ts

from freqpilot.errors import Degraded
from freqpilot.features.candles import candles_from_frame
from freqpilot.host.pairlist import REFRESH, Screen, Unknown
from freqpilot.host.parameters import Parameter, Parameters
from freqpilot.signals.rules import DEFAULT, REGIMES, STARTUP, RegimeRules, regime_now

BEYOND = 24
"""Candles asked for besides those that the rules need, for gaps."""


class RegimeFilter(Screen):
    """
    Keeps pairs whose market is in one of the ``regimes``.

    The regime comes from plain rules on closed candles: ADX, Kaufman's efficiency ratio and the
    volatility of the last 24 candles over that of 168. A pair whose regime cannot be told does not
    pass; one that holds a position is managed as ever. In backtests it changes nothing.
    """

    about = "Filter pairs by the regime of their market: trend, range, breakout and others."
    parameters: ClassVar[Parameters] = {
        "regimes": Parameter(
            description="Regimes",
            help=f"Regimes that pass: {', '.join(REGIMES)}.",
            kind="list",
            default=("trending_bullish", "range", "breakout", "compression"),
            options=REGIMES,
        ),
        "timeframe": Parameter(
            description="Timeframe",
            help="Timeframe of the candles that the rules look at.",
            kind="string",
            default="1h",
        ),
        "trend_adx": Parameter(
            description="ADX of a trend",
            help="Average directional index (0 to 100) from which a market trends.",
            default=100 * DEFAULT.trend_adx,
            above=0,
            below=100,
        ),
        "trend_efficiency": Parameter(
            description="Efficiency of a trend",
            help="Net move of 24 candles over their path, from which a market trends.",
            default=DEFAULT.trend_efficiency,
            above=0,
            below=1,
        ),
        "high_ratio": Parameter(
            description="High volatility",
            help="Volatility of 24 candles over that of 168, above which a market breaks out.",
            default=DEFAULT.high_ratio,
            above=0,
        ),
        "low_ratio": Parameter(
            description="Low volatility",
            help="Volatility of 24 candles over that of 168, below which a market is compressed.",
            default=DEFAULT.low_ratio,
            above=0,
        ),
        **REFRESH,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        v = self.values
        if v["low_ratio"] >= v["high_ratio"]:
            raise ConfigurationError(
                f"{self.name} needs low_ratio to be below high_ratio, not {v['low_ratio']!r} and "
                f"{v['high_ratio']!r}. Please mend pairlists in your config."
            )
        self._rules = RegimeRules(
            trend_adx=v["trend_adx"] / 100,
            trend_efficiency=v["trend_efficiency"],
            high_ratio=v["high_ratio"],
            low_ratio=v["low_ratio"],
        )
        self._kind = self._config["candle_type_def"]
        self._step = self._seconds()

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        wanted = ", ".join(self.values["regimes"])
        return f"{self.name} - Keeping pairs in {wanted} by {self.values['timeframe']} candles."

    def judge(self, pairs: Sequence[str], tickers: Tickers) -> dict[str, str | None]:
        timeframe = self.values["timeframe"]
        since = date_minus_candles(timeframe, STARTUP + BEYOND)
        keys = [(pair, timeframe, self._kind) for pair in pairs]
        candles = self._exchange.refresh_latest_ohlcv(keys, since_ms=dt_ts(since), cache=False)
        return {key[0]: self._reason(candles.get(key)) for key in keys}

    def _reason(self, frame: Any) -> str | None:
        if frame is None or not len(frame):
            return Unknown("there are no candles of it")
        if dt_now() - frame["date"].iloc[-1] > timedelta(seconds=3 * self._step):
            return Unknown("its candles are old")
        try:
            regime = regime_now(candles_from_frame(frame), self._rules)
        except Degraded as error:
            return Unknown(str(error))
        if regime is None:
            return Unknown("its candles are too few or have gaps")
        return None if regime in self.values["regimes"] else f"its regime is {regime}"

    def _seconds(self) -> int:
        timeframe = self.values["timeframe"]
        try:
            step = int(timeframe_to_seconds(timeframe))
        except Exception:  # ccxt raises several kinds
            raise ConfigurationError(
                f"{self.name} does not understand timeframe {timeframe!r}; write it as 1h, 4h or "
                "1d. Please mend pairlists in your config."
            ) from None
        limit = self._exchange.ohlcv_candle_limit(timeframe, self._kind)
        if limit < STARTUP + BEYOND:
            raise ConfigurationError(
                f"{self.name} needs {STARTUP + BEYOND} candles of {timeframe}; the exchange gives "
                f"{limit}. Please choose another timeframe in pairlists in your config."
            )
        return step
