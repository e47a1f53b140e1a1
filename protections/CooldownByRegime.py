"""Lets a pair rest after a loss, longer in a fast market."""

import math
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
from freqtrade.enums import ExitType
from freqtrade.exceptions import ConfigurationError, FreqtradeException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.persistence import LocalTrade
from freqtrade.plugins.protections import ProtectionReturn

from freqpilot.errors import NoEntry
from freqpilot.features.candles.frames import utc_dates
from freqpilot.host.candles import feeds
from freqpilot.host.forms.closed import closed_at
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.host.forms.protection import CheckedProtection, closed_trades, duration
from freqpilot.risk.entries.cooldown import DAY_SECONDS, cooldown_factor, volatility_ratio

STOPS = (
    ExitType.STOP_LOSS.value,
    ExitType.TRAILING_STOP_LOSS.value,
    ExitType.STOPLOSS_ON_EXCHANGE.value,
    ExitType.LIQUIDATION.value,
    ExitType.EMERGENCY_EXIT.value,
)


class CooldownByRegime(CheckedProtection):
    """Locks a pair after a trade that lost or was stopped, for the stop duration from its close;
    ``high_factor`` times as long when the last day's volatility is above ``high_ratio`` times the
    week's, ``extreme_factor`` above ``extreme_ratio`` or when it is not known.

    The defaults are the volatility scaling of sizes turned round: a size of .5 rests twice as long,
    one of .25 four times. Volatility is that of the pair's closed candles, from the bot live and
    from the data folder in a backtest (its first week is not known, so it rests longest there).

    Example in a strategy::

        protections = [{"method": "CooldownByRegime", "stop_duration_candles": 4}]
    """

    about = "Let a pair rest after a loss or a stop, longer in high volatility."
    has_global_stop: bool = False
    has_local_stop: bool = True
    parameters: ClassVar[Parameters] = {
        "high_ratio": Parameter(
            description="High volatility",
            help="Volatility of the day over the week's that counts as high.",
            default=1.3,
            above=0,
        ),
        "extreme_ratio": Parameter(
            description="Extreme volatility",
            help="Volatility of the day over the week's that counts as extreme.",
            default=2.0,
            above=0,
        ),
        "high_factor": Parameter(
            description="Factor of high volatility",
            help="How many times as long a pair rests in high volatility.",
            default=2.0,
            least=1,
            most=100,
        ),
        "extreme_factor": Parameter(
            description="Factor of extreme volatility",
            help="How many times as long a pair rests in extreme volatility.",
            default=4.0,
            least=1,
            most=100,
        ),
        **duration(4 * 60),
    }

    def __init__(self, config: dict[str, Any], protection_config: dict[str, Any]) -> None:
        super().__init__(config, protection_config)
        v = self.values
        if v["extreme_ratio"] < v["high_ratio"] or v["extreme_factor"] < v["high_factor"]:
            raise ConfigurationError(
                f"{self.name} needs extreme_ratio and extreme_factor not to be below high_ratio "
                "and high_factor. Please mend the protections of your strategy."
            )
        self._step = timeframe_to_seconds(config["timeframe"])
        if 4 * self._step > DAY_SECONDS:
            raise ConfigurationError(
                f"{self.name} measures the volatility of a day, which {config['timeframe']} "
                "candles cannot show; please use a timeframe of 6h or less, or CooldownPeriod."
            )

    def short_desc(self) -> str:
        """
        Short method description - used for startup-messages
        """
        v = self.values
        return (
            f"{self.name} - Let a pair rest for {self.stop_duration_str} after a loss, "
            f"{v['high_factor']:g} or {v['extreme_factor']:g} times as long in high volatility."
        )

    def judge_pair(self, pair: str, now: datetime) -> ProtectionReturn | None:
        trades = closed_trades(pair)
        if not trades or not _failed(trades[-1]):
            return None
        v = self.values
        ratio = self._ratio(pair, now)
        factor = cooldown_factor(
            ratio, v["high_ratio"], v["extreme_ratio"], v["high_factor"], v["extreme_factor"]
        )
        known = f"{ratio:.2f} times the week's" if math.isfinite(ratio) else "not known"
        reason = f"Cooldown of {self.stop_duration_str} × {factor:g}, the day's volatility {known}"
        lock = self.lock_for(closed_at(trades[-1]), reason, factor=factor)
        return lock if lock.until > now else None

    def _ratio(self, pair: str, now: datetime) -> float:
        try:
            frame = feeds.current_feed().candles(pair, self._config["timeframe"], now)
        except (NoEntry, FreqtradeException):
            return float("nan")
        opened = utc_dates(frame).to_numpy(dtype="datetime64[s]").astype(np.int64)
        close = frame["close"].to_numpy(dtype=np.float64)
        return volatility_ratio(opened, close, self._step, now.timestamp())


def _failed(trade: LocalTrade) -> bool:
    return (trade.close_profit_abs or 0.0) < 0 or str(trade.exit_reason) in STOPS
