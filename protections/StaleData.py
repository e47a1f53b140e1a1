"""Locks pairs whose candles, analysis or model are out of date."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqtrade.exchange import timeframe_to_seconds
from freqtrade.plugins.protections import ProtectionReturn

from freqpilot.errors import NoEntry
from freqpilot.host.candles import feeds
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.host.forms.protection import CheckedProtection, duration
from freqpilot.host.frames.decided import model_enabled
from freqpilot.risk.market.staleness import Freshness, staleness


class StaleData(CheckedProtection):
    """Locks a pair whose newest closed candle or analysed candle opened more than 2 timeframes and
    ``grace_seconds`` ago, or whose FreqAI model has expired; all pairs when ``max_stale_share`` of
    the whitelist is so.

    Live and dry run only: in a backtest nothing is late, so there it does nothing. Freqtrade asks
    when a trade closes, the pair of that trade first; the age of candles is also looked at by the
    order gate before every live entry, and an expired model gives Autopilot no signal.

    Example in a strategy::

        protections = [{"method": "StaleData", "stop_duration_candles": 2}]
    """

    about = "Lock pairs whose candles, analysis or model are out of date (live only)."
    has_local_stop: bool = True
    parameters: ClassVar[Parameters] = {
        "grace_seconds": Parameter(
            description="Grace",
            help="Seconds that a candle may be late by.",
            setting="risk.market.candle_grace_seconds",
            least=0,
        ),
        "max_stale_share": Parameter(
            description="Stale share",
            help="Share of the whitelist that must be out of date to lock all pairs.",
            default=0.5,
            above=0,
            most=1,
        ),
        **duration(60),
    }

    def short_desc(self) -> str:
        """
        Short method description - used for startup-messages
        """
        return (
            f"{self.name} - Lock pairs whose data is out of date, for {self.stop_duration_str}; "
            "live only."
        )

    def judge_all(self, now: datetime, starting_balance: float) -> ProtectionReturn | None:
        if not self.live:
            return None
        try:
            feed = feeds.current_feed()
            pairs = feed.pairs()
            stale = [pair for pair in pairs if self._staleness(feed, pair, now)]
        except NoEntry as error:
            return self.lock_for(now, str(error))
        if len(stale) < max(1.0, self.values["max_stale_share"] * len(pairs)):
            return None
        return self.lock_for(now, f"{len(stale)} of {len(pairs)} pairs are out of date")

    def judge_pair(self, pair: str, now: datetime) -> ProtectionReturn | None:
        if not self.live:
            return None
        try:
            reason = self._staleness(feeds.current_feed(), pair, now)
        except NoEntry as error:
            reason = str(error)
        return self.lock_for(now, reason) if reason else None

    def _staleness(self, feed: Any, pair: str, now: datetime) -> str | None:
        step = timedelta(seconds=timeframe_to_seconds(self._config["timeframe"]))
        limit = 2 * step + timedelta(seconds=self.values["grace_seconds"])
        frame = feed.analysed(pair)
        seen = Freshness(
            candle=feed.newest(pair),
            analysed=frame["date"].iloc[-1].to_pydatetime() if len(frame) else None,
            model=_model(frame) if model_enabled(self._config) else None,
        )
        return staleness(seen, now, limit)


def _model(frame: Any) -> float:
    """Return FreqAI's ``do_predict`` of the newest candle, NaN without one."""
    if "do_predict" not in frame or not len(frame):
        return float("nan")
    return float(frame["do_predict"].iloc[-1])
