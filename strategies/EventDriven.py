"""Trades what happens to coins: listings, partnerships, rules, upgrades, hacks."""

from datetime import datetime
from math import log2
from typing import Any

import numpy as np
from freqtrade.strategy import DecimalParameter
from pandas import DataFrame

from freqpilot.host.facts.events import add_events, stance_of
from freqpilot.host.trading.rules import StoppedStrategy, TargetStrategy
from freqpilot.signals.breakout import STARTUP
from freqpilot.signals.events import EventRule


class EventDriven(StoppedStrategy, TargetStrategy):
    """A position of the size that ``freqpilot.signals.events`` gives a kind of event, while it is
    early, fading with the event's half-life; a listing is sold when it happens. Critical events
    need two sources; a hack or bad rules end or cut longs. Leaves when the effect is over or turns,
    at the stop, or after the time in which the effect is over. Shorts on futures only.

    Reads the facts ``event_listing``, ``event_partnership``, ``event_regulation_positive``,
    ``event_regulation_negative``, ``event_upgrade`` and ``event_hack`` (0…1; 0 takes back) of the
    coin and of ``*``, and ``event_upgrade_return``. Without facts it does nothing.

    Nothing about profit has been measured: no history of such facts was at hand.
    """

    plot_config: dict[str, Any] = {
        "main_plot": {},
        "subplots": {"events": {"event_target": {"color": "#2f6f9f"}}},
    }

    least = DecimalParameter(0.1, 0.5, default=0.2, decimals=2, space="buy")
    step_band = DecimalParameter(0.1, 0.5, default=0.25, decimals=2, space="buy")

    def startup(self) -> int:
        return STARTUP

    def band(self) -> float:
        return float(self.step_band.value)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        frame = self.common(dataframe)
        return add_events(frame, metadata["pair"], self.config, self.timeframe)

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        seen, rule = stance_of(dataframe), EventRule(self.least.value)
        traded = dataframe["volume"].to_numpy() > 0
        return dataframe.assign(
            target=seen.target,
            due=1,
            side=np.where(traded, rule.side(seen), 0.0),
            composite=np.sign(np.nan_to_num(seen.target)),
            leave=rule.leave(seen),
            enter_tag=seen.kind,
        )

    def custom_exit(self, pair: str, trade: Any, current_time: datetime, **_: Any) -> str | None:
        """Leave when the effect is over by the clock, also where facts are missing by then."""
        chosen = self.settings.signals.events
        response = chosen.responses.get(trade.enter_tag)
        if response is None:
            return None
        hours = (current_time - trade.open_date_utc).total_seconds() / 3600
        over = response.half_life_hours * -log2(chosen.end_share)
        return "event_over" if hours >= over else None
