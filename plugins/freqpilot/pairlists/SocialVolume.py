"""Social volume pairlist filter"""

from math import isnan
from typing import Any, ClassVar

from freqtrade.plugins.pairlist.IPairList import IPairList, PairlistParameter

from freqpilot.host.forms.factfilter import FactFilter, metric, number
from freqpilot.risk.memes.social import spike

SORTS = ["zscore", "mentions", "none"]


class SocialVolume(FactFilter):
    """
    Keeps and sorts pairs by how much their coin is talked about.

    A count of mentions is read from facts, and how unusual it is against its own past: its z-score
    over ``history_days``. A pair without a fresh count is removed, and one without enough past
    where the z-score is needed. It reads what is known now, so it changes nothing in backtests.
    """

    PARAMETERS: ClassVar[dict[str, PairlistParameter]] = {
        "mentions": metric("mentions", "Metric of mentions"),
        "min_mentions": number(0, "Minimum mentions", "Pairs with fewer mentions are removed."),
        "min_zscore": number(
            None, "Minimum z-score", "Pairs whose mentions are less unusual are removed."
        ),
        "history_days": number(30, "History in days", "Past that mentions are compared with."),
        "min_history": number(20, "Minimum history", "Counts in that past that are needed."),
        "max_age_hours": number(24, "Maximum age in hours", "Older counts are as good as none."),
        "sort": {
            "type": "option",
            "default": "zscore",
            "options": SORTS,
            "description": "Sort by",
            "help": "What the list is sorted by, highest first.",
        },
        "number_assets": number(0, "Number of pairs", "How many are kept at most, 0 for all."),
        **IPairList.refresh_period_parameter(),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._mentions = self._metric("mentions")
        self._min_mentions = self._number("min_mentions")
        wanted = self._option("min_zscore") is not None
        self._min_zscore = self._number("min_zscore", minimum=-100) if wanted else None
        self._max_age = self._number("max_age_hours", minimum=0.01)
        self._hours = 24 * self._number("history_days", minimum=1)
        self._min_history = int(self._number("min_history", minimum=2, whole=True))
        self._sort = self._choice("sort", SORTS)
        self._most = int(self._number("number_assets", whole=True))

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        limit = "" if self._min_zscore is None else f" and a z-score of {self._min_zscore:g}"
        return (
            f"{self.name} - Keeping pairs with at least {self._min_mentions:g} mentions{limit}, "
            f"at most {self._max_age:g} hours old."
        )

    @staticmethod
    def description() -> str:
        return "Filter and sort pairs by how much their coin is talked about."

    @staticmethod
    def available_parameters() -> dict[str, PairlistParameter]:
        return SocialVolume.parameters()

    def _judge(self, pairlist: list[str]) -> list[str]:
        kept: dict[str, tuple[float, float]] = {}
        for pair in pairlist:
            count, zscore = self._attention(pair)
            if reason := self._fault(count, zscore):
                self._refuse(pair, reason)
            else:
                kept[pair] = (count, zscore)
        pairs = [*kept]
        if self._sort != "none":
            place = SORTS.index(self._sort)
            pairs.sort(key=lambda pair: -kept[pair][1 - place])
        return pairs[: self._most or None]

    def _attention(self, pair: str) -> tuple[float, float]:
        """Return the newest count, NaN when it is too old, and its z-score."""
        count = self._figure(self._mentions, pair, self._max_age).value
        past = self._history(self._mentions, pair, self._hours)
        return count, spike(past.value, self._min_history)

    def _fault(self, count: float, zscore: float) -> str | None:
        needed = self._sort == "zscore" or self._min_zscore is not None
        if isnan(count):
            return f"its {self._mentions.name} are not known for {self._max_age:g} hours"
        if count < self._min_mentions:
            return f"it has {count:g} mentions"
        if needed and isnan(zscore):
            return f"it is not known how many {self._mentions.name} are usual"
        if self._min_zscore is not None and zscore < self._min_zscore:
            return f"its mentions are {zscore:.1f} deviations above their mean"
        return None
