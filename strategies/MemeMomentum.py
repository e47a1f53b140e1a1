"""Buys memecoins that begin to move, sells them in parts at 2, 5 and 10 times the price."""

from datetime import datetime
from typing import Any

import numpy as np
from freqtrade.strategy import DecimalParameter, IntParameter
from pandas import DataFrame

from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.host.facts.memes import add_attention, attention_of, require_memes, tradable
from freqpilot.host.trading import exits, proposals, slots
from freqpilot.host.trading.base import stop_distance
from freqpilot.host.trading.rules import RuleStrategy
from freqpilot.signals.breakout import STARTUP
from freqpilot.signals.memes import LEAVES, MemeLeaves, MemeRules, breakout, entry, leaves

CONSOLIDATION, FAILED = 24, 60


class MemeMomentum(RuleStrategy):
    """Enters a memecoin when anything shows that it begins to move, and mentions are unusual, it
    breaks above ``CONSOLIDATION`` candles of a range on volume, its market capitalisation is small
    and every rug-pull check passes; what is not known is a no. Sells a quarter at 2, 5 and 10 times
    the price each (``freqpilot.risk.exits.meme``), all at −30 %, after 60 hours without a move, or
    when sentiment falls, influencers go silent or sell, coins flow to exchanges or the breakout
    fails. Long only; coins that ``freqpilot.risk.taxonomy`` calls no memes are left alone.

    Reads the facts that the pairlist of this name reads, and ``sentiment``, ``influencer_sales``
    and ``exchange_inflow``; ``freqpilot.signals.memes`` names others. Without facts no entry.

    Nothing about profit has been measured: no history of such facts was at hand.
    """

    stoploss = -0.30
    use_custom_stoploss = True
    position_adjustment_enable = True
    plot_config: dict[str, Any] = {
        "main_plot": {"meme_top": {}},
        "subplots": {"mentions": {"meme_zscore": {}}},
    }

    min_zscore = DecimalParameter(2.0, 6.0, default=3.0, decimals=1, space="buy")
    volume = DecimalParameter(2.0, 10.0, default=5.0, decimals=1, space="buy")
    consolidation = DecimalParameter(0.05, 0.60, default=0.25, decimals=2, space="buy")
    velocity = DecimalParameter(-0.5, 0.0, default=0.0, decimals=2, space="sell")
    failed = IntParameter(6, FAILED, default=FAILED, space="sell")

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.can_short = False
        self.stop_rests = exits.rests(self.settings.risk.exits)

    def startup(self) -> int:
        return max(STARTUP, CONSOLIDATION + FAILED + 1)

    def bot_start(self, **kwargs: Any) -> None:
        super().bot_start(**kwargs)
        require_memes(self.settings)

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        frame = self.common(dataframe)
        return add_attention(frame, metadata["pair"], self.config, self.timeframe)

    def decide(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        candles, seen = candles_from_frame(dataframe), attention_of(dataframe)
        chosen = self.settings.signals.memes
        rules = MemeRules(
            mention_growth=chosen.mention_growth,
            listing_days=chosen.listing_days,
            young_days=chosen.young_days,
            min_zscore=self.min_zscore.value,
            consolidation_range=self.consolidation.value,
            volume_multiple=self.volume.value,
            market_cap=chosen.market_cap,
        )
        limits = MemeLeaves(
            self.velocity.value, chosen.quiet_hours, chosen.inflow_zscore, self.failed.value
        )
        prices = (candles.high, candles.low, candles.close, candles.volume)
        broken = breakout(*prices, CONSOLIDATION, rules)
        wants = leaves(seen, broken, candles.close, limits)
        out = wants.any(axis=1)
        enters = entry(seen, broken.out, rules) & ~out & tradable(metadata["pair"], self.settings)
        reason = [LEAVES[place] for place in wants.argmax(axis=1)]
        return dataframe.assign(
            meme_top=broken.top,
            side=enters.astype(np.float64),
            composite=enters.astype(np.float64),
            leave=out.astype(np.float64),
            enter_tag="meme",
            why=np.where(out, np.array(reason, dtype=object), ""),
        )

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        return super().populate_exit_trend(dataframe, metadata).assign(exit_tag=dataframe["why"])

    def custom_stake_amount(self, pair: str, current_time: datetime, **call: Any) -> float:
        if slots.full():
            return 0.0
        row = self.row(pair, current_time)
        return proposals.stake(row, pair, current_time, call, self.stoploss)

    def custom_stoploss(
        self, pair: str, trade: Any, current_rate: float, after_fill: bool, **call: Any
    ) -> float | None:
        known = (lambda: self.frame(pair), trade, self.step, call, self.stoploss)
        return stop_distance(exits.stop(*known, filled=after_fill), trade, current_rate)

    def custom_exit(self, pair: str, trade: Any, **call: Any) -> str | None:
        return exits.exit_reason(lambda: self.frame(pair), trade, self.step, call)

    def adjust_trade_position(self, trade: Any, **call: Any) -> tuple[float, str] | None:
        return exits.target(lambda: self.frame(trade.pair), trade, self.step, call)
