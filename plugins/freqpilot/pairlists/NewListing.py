"""New listing pairlist filter"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from freqtrade.exceptions import ConfigurationError
from freqtrade.exchange.exchange_types import Tickers
from freqtrade.util import dt_floor_day, dt_now, dt_ts

from freqpilot.host.forms.pairlist import REFRESH, Screen, Unknown
from freqpilot.host.forms.parameters import Parameter, Parameters


class NewListing(Screen):
    """
    Keeps pairs that have been listed for ``min_days`` to ``max_days``.

    The listing is what the exchange's market says (``created``), else the day of its earliest
    candle; a pair without either does not pass, so one that was listed today needs the former. It
    is the age on this exchange, not that of the coin. In backtests it changes nothing.
    """

    about = "Filter pairs by the days since they were listed on the exchange."
    parameters: ClassVar[Parameters] = {
        "min_days": Parameter(
            description="Minimum days",
            help="Days that a pair must have been listed for.",
            default=1,
            least=0,
        ),
        "max_days": Parameter(
            description="Maximum days",
            help="Days that a pair may have been listed for; empty for any number.",
            default=30,
            above=0,
            optional=True,
        ),
        **REFRESH,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        v = self.values
        if v["max_days"] is not None and v["max_days"] <= v["min_days"]:
            raise ConfigurationError(
                f"{self.name} needs max_days to be above min_days, not {v['max_days']!r} and "
                f"{v['min_days']!r}. Please mend pairlists in your config."
            )
        self._kind = self._config["candle_type_def"]
        # One day more than what must be told apart, so that an older pair shows as one.
        self._days = math.ceil(v["max_days"] or v["min_days"]) + 1
        limit = self._exchange.ohlcv_candle_limit("1d", self._kind)
        if self._days > limit:
            raise ConfigurationError(
                f"{self.name} can look back {limit - 1} days on this exchange, not "
                f"{self._days - 1}. Please mend min_days or max_days of pairlists in your config."
            )
        self._listed: dict[str, datetime] = {}

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        v = self.values
        most = "" if v["max_days"] is None else f" to {v['max_days']:g}"
        return f"{self.name} - Keeping pairs that were listed {v['min_days']:g}{most} days ago."

    def judge(self, pairs: Sequence[str], tickers: Tickers) -> dict[str, str | None]:
        self._find([pair for pair in pairs if pair not in self._listed])
        return {pair: self._reason(self._listed.get(pair)) for pair in pairs}

    def _reason(self, listed: datetime | None) -> str | None:
        if listed is None:
            return Unknown("nobody says when it was listed")
        age = (dt_now() - listed) / timedelta(days=1)
        if age < self.values["min_days"]:
            return f"it was listed {age:.1f} days ago, less than {self.values['min_days']:g}"
        most = self.values["max_days"]
        if most is not None and age > most:
            return f"it was listed more than {most:g} days ago"
        return None

    def _find(self, pairs: Sequence[str]) -> None:
        markets = self._exchange.markets
        asked = []
        for pair in pairs:
            created = (markets.get(pair) or {}).get("created")
            if created:
                self._listed[pair] = datetime.fromtimestamp(created / 1000, UTC)
            else:
                asked.append((pair, "1d", self._kind))
        if not asked:
            return
        since = dt_floor_day(dt_now()) - timedelta(days=self._days)
        candles = self._exchange.refresh_latest_ohlcv(asked, since_ms=dt_ts(since), cache=False)
        for key, frame in candles.items():
            if len(frame):
                self._listed[key[0]] = frame["date"].iloc[0].to_pydatetime()
