"""Two perpetuals traded against each other all the time: it exists to give an exchange's faults two
legs to break. It says nothing about profit.
"""

from datetime import datetime
from typing import Any

import numpy as np
from pandas import DataFrame

from freqpilot.features.candles.frames import utc_dates
from freqpilot.host.trading.coupled import CoupleStrategy
from freqpilot.signals.pairs import Couple

HOURS = 3
"""A couple is entered in the first of three hours, in turn this and the other way, and left after
two."""
HOLD = 2


class RestlessPairs(CoupleStrategy):
    """In for two hours, out for one; the legs are the first two pairs of the whitelist."""

    stoploss = -0.02

    def startup(self) -> int:
        """As many candles as the ATR needs."""
        return 200

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Add what a stake is made of."""
        return self.common(dataframe)

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Enter at each third hour."""
        first, second = self.config["exchange"]["pair_whitelist"][:2]
        opened = utc_dates(dataframe).to_numpy(dtype="datetime64[s]").astype(np.int64)
        hour = opened // 3600
        way = np.where(hour // HOURS % 2 == 0, 1.0, -1.0)
        way = way if metadata["pair"] == first else -way
        side = np.where(hour % HOURS == 0, way, 0.0)
        tags = [
            Couple(first, second, 1.25, HOLD, int(at)).tag if its else ""
            for at, its in zip(opened, side, strict=True)
        ]
        return dataframe.assign(side=side, composite=side, leave=0, enter_tag=tags)

    def leaves(self, couple: Couple, trade: Any, time: datetime) -> str | None:
        """Leave after two hours."""
        age = (time.timestamp() - couple.candle) / self.step.total_seconds() - 1
        return "turn_over" if age >= couple.hold else None
