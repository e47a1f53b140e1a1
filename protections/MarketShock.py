"""Pauses all entries after a shock of the reference market."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
from freqtrade.exceptions import ConfigurationError, FreqtradeException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.plugins.protections import ProtectionReturn

from freqpilot.errors import NoEntry
from freqpilot.features.candles.frames import utc_dates
from freqpilot.host.candles import feeds
from freqpilot.host.candles.bot import index_pairs
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.host.forms.protection import CheckedProtection, duration
from freqpilot.risk.market.breakers import HOUR_SECONDS, IndexCandles
from freqpilot.risk.market.shocks import Shock, last_shock, window

PRICES = ("open", "high", "low", "close")


class MarketShock(CheckedProtection):
    """Locks all pairs for the stop duration from when the reference pair fell by ``fall`` within an
    hour, or a candle of it moved ``range_multiple`` times the mean of the ``period`` before it.

    Candles are the strategy's timeframe, 1h when that is longer. In a backtest they come from its
    data folder, cut at the time of the close, and must be there; live they come from the bot, and
    entries are locked for an hour when there are none. Freqtrade asks when a trade closes; that the
    index fell is watched before every live order by the gate, the range is not. ``range_multiple``
    of 6 is a choice of ours, no figure of a study.

    Example in a strategy::

        protections = [{"method": "MarketShock", "fall": 0.05, "stop_duration": 720}]
    """

    about = "Pause entries after a shock of the reference market."
    parameters: ClassVar[Parameters] = {
        "pair": Parameter(
            description="Reference pair",
            help="The pair that is watched; empty for freqpilot.risk.market.index (BTC).",
            kind="string",
            optional=True,
        ),
        "fall": Parameter(
            description="Fall",
            help="Fall within an hour that locks, as a share (0.07 is seven percent).",
            setting="risk.market.index_fall",
            above=0,
            below=1,
        ),
        "range_multiple": Parameter(
            description="Range multiple",
            help="A candle's range over the usual one that locks.",
            default=6,
            above=1,
        ),
        "period": Parameter(
            description="Period",
            help="Candles that the usual range is the mean of.",
            default=96,
            whole=True,
            least=2,
            most=500,
        ),
        **duration(24 * 60),
    }

    def short_desc(self) -> str:
        """
        Short method description - used for startup-messages
        """
        v = self.values
        return (
            f"{self.name} - Pause entries when {v['pair'] or self.settings.risk.market.index} fell "
            f"by {v['fall']:.1%} within an hour or a candle moved {v['range_multiple']:g} times "
            f"the usual range, for {self.stop_duration_str}."
        )

    def judge_all(self, now: datetime, starting_balance: float) -> ProtectionReturn | None:
        try:
            shock = self._shock(now)
        except (NoEntry, FreqtradeException) as error:
            shock = Shock(now.timestamp(), f"its candles are missing ({error})", known=False)
        if shock is None:
            return None
        text = f"market shock of {self.values['pair'] or self.settings.risk.market.index}"
        if shock.known:
            lock = self.lock_for(datetime.fromtimestamp(shock.time, UTC), f"{text}: {shock.reason}")
            return lock if lock.until > now else None
        if not self.live:
            raise ConfigurationError(
                f"{self.name} cannot see the reference market at {now:%Y-%m-%d %H:%M}: "
                f"{shock.reason}. Download them with freqtrade download-data, from "
                f"{self.values['period'] + 2} candles before the backtest, or leave it out."
            )
        return self.lock_until(_later(now), f"{text} is not known: {shock.reason}")

    def _shock(self, now: datetime) -> Shock | None:
        timeframe = str(self._config["timeframe"])
        if timeframe_to_seconds(timeframe) > HOUR_SECONDS:
            timeframe = "1h"
        feed = feeds.current_feed()
        market = self.settings.risk.market
        stake = str(self._config["stake_currency"])
        chosen = self.values["pair"]
        pair = feed.first([chosen] if chosen else index_pairs(market.index, stake), timeframe)
        if pair is None:
            raise NoEntry(f"no candles of {chosen or market.index} against {stake}")
        step = float(timeframe_to_seconds(timeframe))
        moment = now.timestamp()
        pause = 60.0 * self._stop_duration
        return last_shock(
            window(_series(feed.candles(pair, timeframe, now), step), moment, pause, self._period),
            moment,
            fall=self.values["fall"],
            multiple=self.values["range_multiple"],
            period=self._period,
            grace=market.candle_grace_seconds,
        )

    @property
    def _period(self) -> int:
        return int(self.values["period"])


def _series(frame: Any, step: float) -> IndexCandles:
    opened = utc_dates(frame).to_numpy(dtype="datetime64[s]").astype(np.float64)
    columns = {name: frame[name].to_numpy(dtype=np.float64) for name in PRICES}
    return IndexCandles(time=opened, step=step, **columns)


def _later(now: datetime) -> datetime:
    return datetime.fromtimestamp(now.timestamp() + HOUR_SECONDS, UTC)
