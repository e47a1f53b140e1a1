"""One strategy three times, for ``benchmarks.safety.risk``: they differ in who supervises them
only.

Every pair is held for a part of each two days, whatever the candles say. It says nothing about
profit.
"""

import sys
import zlib
from typing import Any, ClassVar

import pandas as pd
from freqtrade.strategy import IStrategy

from freqpilot.host.boot.doors import door_dir
from freqpilot.host.frames import decided as frames
from freqpilot.settings import Settings

sys.path.insert(0, str(door_dir("strategies")))
from Autopilot import Autopilot  # type: ignore[import-not-found]

PERIOD, HELD = 48, 12
"""Hours: in for 12 of 48, so that one open-trade callback costs what it costs most strategies."""


def decide(frame: pd.DataFrame, pair: str, config: dict[str, Any]) -> pd.DataFrame:
    """Return ``frame`` with the columns that Autopilot's callbacks read; any entry is wanted."""
    frame = frames.add_decisions(frame, Settings.from_config(config))
    hours = (frame["date"] - pd.Timestamp(0, tz="UTC")) // pd.Timedelta("1h")
    return frame.assign(
        composite=1.0, confidence=1.0, place=(hours + zlib.crc32(pair.encode())) % PERIOD
    )


class SupervisionBare(IStrategy):
    """No callback at all."""

    INTERFACE_VERSION = 3
    timeframe = "1h"
    startup_candle_count = frames.STARTUP
    minimal_roi: ClassVar[dict[str, float]] = {}
    stoploss = -0.99
    order_types = Autopilot.order_types

    def populate_indicators(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Add what all three variants have."""
        return decide(dataframe, metadata["pair"], self.config)

    def populate_entry_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Be in for the first hours of each period."""
        dataframe["enter_long"] = (dataframe["place"] < HELD).astype(int)
        return dataframe

    def populate_exit_trend(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        """Be out for the rest."""
        dataframe["exit_long"] = (dataframe["place"] >= HELD).astype(int)
        return dataframe


class SupervisionIdle(SupervisionBare):
    """The callbacks that Autopilot has, empty."""

    use_custom_stoploss = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        if config["benchmark_exits"]:
            self.position_adjustment_enable = True
            self.custom_exit = self._custom_exit

    def custom_stake_amount(self, proposed_stake: float, **call: Any) -> float:
        """Take what is proposed."""
        return proposed_stake

    def confirm_trade_entry(self, **call: Any) -> bool:
        """Consent."""
        return True

    def custom_stoploss(self, **call: Any) -> None:
        """Keep the stop."""

    def _custom_exit(self, **call: Any) -> None:
        """Stay."""

    def adjust_trade_position(self, **call: Any) -> None:
        """Leave it as it is."""

    def order_filled(self, **call: Any) -> None:
        """Take no note."""


class SupervisionOurs(Autopilot):
    """Autopilot's callbacks under the supervisor, on the same columns."""

    stoploss = -0.99

    @property
    def protections(self) -> list[dict[str, Any]]:
        """Autopilot's protection, asked as often, too wide to trip."""
        return [{"method": "DrawdownResponse", "max_drawdown": 0.99, "stop_duration": 60}]

    populate_indicators = SupervisionBare.populate_indicators
    populate_entry_trend = SupervisionBare.populate_entry_trend
    populate_exit_trend = SupervisionBare.populate_exit_trend
