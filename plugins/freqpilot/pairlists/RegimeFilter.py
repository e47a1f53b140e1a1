"""Regime pairlist filter"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
from freqtrade.exceptions import ConfigurationError
from freqtrade.exchange import date_minus_candles
from freqtrade.exchange.exchange_types import Tickers
from freqtrade.util import dt_now, dt_ts

from freqpilot.errors import Degraded
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.forms.pairlist import REFRESH, Screen, Unknown
from freqpilot.host.forms.parameters import Parameter, Parameters
from freqpilot.host.frames.regimes import models_of
from freqpilot.pairlists.base.timeframes import seconds_of
from freqpilot.signals.hmm import detect, startup
from freqpilot.signals.regimes import NAMES, NONE

BEYOND = 24
"""Candles asked for besides those that the rules need, for gaps."""


class RegimeFilter(Screen):
    """
    Keeps pairs whose market is in one of the ``regimes``.

    It is the regime that Autopilot sees, of closed candles; it counts from ``min_probability`` on,
    and a pair whose regime is not that sure passes. A pair whose candles are missing does not; one
    that holds a position is managed as ever. In backtests it changes nothing.
    """

    about = "Filter pairs by the regime of their market: trend, range, breakout and others."
    parameters: ClassVar[Parameters] = {
        "regimes": Parameter(
            description="Regimes",
            help=f"Regimes that pass: {', '.join(NAMES)}.",
            kind="list",
            default=tuple(n for n in NAMES if n not in ("trending_bearish", "capitulation")),
            options=NAMES,
        ),
        "timeframe": Parameter(
            description="Timeframe",
            help="Timeframe of the candles that the regime is told from.",
            kind="string",
            default="1h",
        ),
        "min_probability": Parameter(
            description="Probability",
            help="Probability from which a regime counts.",
            setting="signals.regimes.min_probability",
            least=0,
            most=1,
        ),
        **REFRESH,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kind = self._config["candle_type_def"]
        self._memory = startup(self.settings.signals.regimes)
        self._step = seconds_of(self.values["timeframe"], self.name)
        self._require_candles()

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        wanted = ", ".join(self.values["regimes"])
        return f"{self.name} - Keeping pairs in {wanted} by {self.values['timeframe']} candles."

    def judge(self, pairs: Sequence[str], tickers: Tickers) -> dict[str, str | None]:
        timeframe = self.values["timeframe"]
        since = date_minus_candles(timeframe, self._memory + BEYOND)
        keys = [(pair, timeframe, self._kind) for pair in pairs]
        candles = self._exchange.refresh_latest_ohlcv(keys, since_ms=dt_ts(since), cache=False)
        return {key[0]: self._reason(candles.get(key)) for key in keys}

    def _reason(self, frame: Any) -> str | None:
        if frame is None or not len(frame):
            return Unknown("there are no candles of it")
        if dt_now() - frame["date"].iloc[-1] > timedelta(seconds=3 * self._step):
            return Unknown("its candles are old")
        try:
            work = Workspace(candles_from_frame(frame))
        except Degraded as error:
            return Unknown(str(error))
        found, _ = detect(work, self.settings.signals.regimes, models_of(self._config))
        if not np.isfinite(found.probabilities[-1]).all():
            return Unknown("its candles are too few or have gaps")
        place, sure = int(found.place[-1]), float(found.probability[-1])
        if place == NONE or sure < self.values["min_probability"]:
            return None
        name = NAMES[place]
        return None if name in self.values["regimes"] else f"its regime is {name} ({sure:.2f})"

    def _require_candles(self) -> None:
        """Refuse a timeframe of which the exchange does not give enough candles at once."""
        timeframe = self.values["timeframe"]
        limit = self._exchange.ohlcv_candle_limit(timeframe, self._kind)
        if limit < self._memory + BEYOND:
            raise ConfigurationError(
                f"{self.name} needs {self._memory + BEYOND} candles of {timeframe}; the exchange "
                f"gives {limit} at once. Please take it out of pairlists in your config."
            )
