"""Meme momentum pairlist filter"""

from datetime import timedelta
from math import isnan
from typing import Any, ClassVar

import numpy as np
from freqtrade.plugins.pairlist.IPairList import PairlistParameter
from freqtrade.util import dt_now, dt_ts

from freqpilot.facts.spec import Metric
from freqpilot.host.forms.factfilter import UNKNOWN, FactFilter, metric, number
from freqpilot.pairlists.base.timeframes import seconds_of
from freqpilot.risk.memes.candidates import MemeFigures, detected, no_breakout, refusal
from freqpilot.risk.memes.safety import checks, unsafe
from freqpilot.risk.memes.social import day_growth, spike
from freqpilot.signals.memes import MemeRules

FACTS = {
    "mentions": "Metric of mentions",
    "listing": "Metric of exchange listings (1 when it happens)",
    "influencers": "Metric of influencers' endorsements (count)",
    "narrative": "Metric of a viral narrative (above 0)",
    "token_age_days": "Metric of the token's age in days",
    "holders": "Metric of holders",
    "market_cap": "Metric of the market capitalisation in US dollars",
    "contract_verified": "Metric of the verified contract (1, 0)",
    "liquidity_locked": "Metric of the liquidity lock (1, 0)",
    "top10_share": "Metric of the ten largest wallets' share",
    "developer_moves": "Metric of developers' transfers (count)",
    "honeypot": "Metric of the honeypot simulation (1, 0)",
}


class MemeMomentum(FactFilter):
    """
    Keeps memecoins that just begin to move, on facts and candles together.

    A candidate shows any of: mentions up by ``mention_growth`` within a day, a new listing, an
    influencer, a viral narrative, a young token with more holders. It stays on all of: mentions
    above ``min_zscore``, a close above its consolidation, volume above ``volume_multiple`` times
    its mean, a market capitalisation below ``max_market_cap``, all rug-pull checks of TokenSafety.
    What is not known counts as no. It changes nothing in backtests.
    """

    PARAMETERS: ClassVar[dict[str, PairlistParameter]] = {
        **{name: metric(name, text) for name, text in FACTS.items()},
        "mention_growth": number(5.0, "Growth of mentions", "In a day; 5 is +500 %."),
        "listing_days": number(7, "Days a listing is new", "Listings of these days detect."),
        "young_days": number(30, "Days a token is young", "Younger tokens can be candidates."),
        "min_zscore": number(3.0, "Minimum z-score", "Mentions must be more unusual than this."),
        "history_days": number(30, "History in days", "Past that mentions are compared with."),
        "min_history": number(20, "Minimum history", "Counts in that past that are needed."),
        "timeframe": {
            "type": "string",
            "default": "1h",
            "description": "Timeframe",
            "help": "Timeframe of the candles.",
        },
        "consolidation_candles": number(24, "Consolidation", "Candles before the last one."),
        "consolidation_range": number(0.25, "Range", "Their highest high over the lowest low."),
        "volume_multiple": number(5.0, "Volume", "Times the mean volume of the consolidation."),
        "max_market_cap": number(100e6, "Maximum capitalisation", "In US dollars."),
        "max_top10_share": number(0.5, "Maximum share of ten wallets", "As in TokenSafety."),
        "max_developer_moves": number(0, "Maximum developer moves", "As in TokenSafety."),
        "max_age_hours": number(24, "Maximum age in hours", "Older facts are as good as none."),
        "refresh_period": number(300, "Refresh period", "Refresh period in seconds"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rules = MemeRules(
            mention_growth=self._number("mention_growth"),
            listing_days=self._number("listing_days"),
            young_days=self._number("young_days"),
            min_zscore=self._number("min_zscore"),
            consolidation_range=self._number("consolidation_range"),
            volume_multiple=self._number("volume_multiple"),
            market_cap=self._number("max_market_cap"),
        )
        self._metrics: dict[str, Metric] = {name: self._metric(name) for name in FACTS}
        self._checks = checks(
            self._number("max_top10_share", maximum=1), self._number("max_developer_moves")
        )
        self._hours = 24 * self._number("history_days", minimum=2)
        self._min_history = int(self._number("min_history", minimum=2, whole=True))
        self._max_age = self._number("max_age_hours", minimum=0.01)
        self._candles = int(self._number("consolidation_candles", minimum=5, whole=True))
        self._timeframe = str(self._option("timeframe"))
        self._step = seconds_of(self._timeframe, self.name)

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        return (
            f"{self.name} - Keeping memecoins with mentions above {self._rules.min_zscore:g} "
            f"deviations that break out of {self._candles} candles of {self._timeframe}."
        )

    @staticmethod
    def description() -> str:
        return "Filter memecoins that begin to move: mentions, breakout, volume, size, safety."

    @staticmethod
    def available_parameters() -> dict[str, PairlistParameter]:
        return MemeMomentum.parameters()

    def _judge(self, pairlist: list[str]) -> list[str]:
        kept = []
        for pair in pairlist:
            reason = self._fault(pair)
            if reason is None:
                kept.append(pair)
            else:
                self._refuse(pair, reason)
        return kept

    def _fault(self, pair: str) -> str | None:
        """Return why a pair does not pass; candles are asked for only when its facts do."""
        figures = self._figures(pair)
        if detected(figures, self._rules) is None:
            return "nothing shows that it begins to move"
        if reason := refusal(figures, None, self._rules):
            return reason
        safety = {name: self._value(name, pair) for name in self._checks}
        if reason := unsafe(safety, self._checks):
            return reason
        return refusal(figures, self._no_breakout(pair), self._rules)

    def _figures(self, pair: str) -> MemeFigures:
        mentions = self._history(self._metrics["mentions"], pair, self._hours)
        listed = self._figure(self._metrics["listing"], pair, 24 * self._rules.listing_days)
        token = self._figure(self._metrics["token_age_days"], pair, self._max_age)
        holders = self._history(self._metrics["holders"], pair, self._max_age + 48)
        fresh = not isnan(self._value("mentions", pair))
        return MemeFigures(
            mention_growth=day_growth(mentions.event, mentions.value) if fresh else UNKNOWN,
            zscore=spike(mentions.value, self._min_history) if fresh else UNKNOWN,
            listed_days=listed.age / 24 if listed.value > 0 else UNKNOWN,
            influencers=self._value("influencers", pair),
            narrative=self._value("narrative", pair),
            token_days=token.value + token.age / 24,
            holder_growth=day_growth(holders.event, holders.value),
            market_cap=self._value("market_cap", pair),
        )

    def _value(self, name: str, pair: str) -> float:
        return self._figure(self._metrics[name], pair, self._max_age).value

    def _no_breakout(self, pair: str) -> str | None:
        key = (pair, self._timeframe, self._config["candle_type_def"])
        span = timedelta(seconds=self._step * (self._candles + 3))
        candles = self._exchange.refresh_latest_ohlcv(
            [key], since_ms=dt_ts(dt_now() - span), cache=False
        ).get(key)
        if candles is None or candles.empty:
            return "there are no candles"
        now = dt_now().timestamp()
        closed = candles["date"].map(lambda date: date.timestamp()) + self._step
        candles = candles[closed <= now]
        if candles.empty or now - float(closed[candles.index[-1]]) > 2 * self._step:
            return "its candles are too old"
        high, low, close, volume = (
            candles[name].to_numpy(dtype=np.float64) for name in ("high", "low", "close", "volume")
        )
        return no_breakout(high, low, close, volume, self._candles, self._rules)
