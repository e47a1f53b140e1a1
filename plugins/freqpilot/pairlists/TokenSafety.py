"""Token safety pairlist filter"""

from typing import Any, ClassVar

from freqtrade.plugins.pairlist.IPairList import IPairList, PairlistParameter

from freqpilot.host.forms.factfilter import FactFilter, metric, number
from freqpilot.risk.memes.safety import checks, unsafe
from freqpilot.risk.taxonomy import asset_of
from freqpilot.settings import Settings

MAJORS = ("btc", "eth", "top20")


class TokenSafety(FactFilter):
    """
    Keeps pairs whose token passes the rug-pull checks.

    Verified contract, locked liquidity, the share of the ten largest wallets, moves out of the
    developers' wallets and a honeypot simulation are read from facts. What is not known, or not
    known freshly, counts as unsafe. It reads what is known now, so it changes nothing in backtests.
    """

    PARAMETERS: ClassVar[dict[str, PairlistParameter]] = {
        "contract_verified": metric("contract_verified", "Metric of the verified contract (1, 0)"),
        "liquidity_locked": metric("liquidity_locked", "Metric of the liquidity lock (1, 0)"),
        "top10_share": metric("top10_share", "Metric of the ten largest wallets' share"),
        "developer_moves": metric("developer_moves", "Metric of developers' transfers (count)"),
        "honeypot": metric("honeypot", "Metric of the honeypot simulation (1, 0)"),
        "max_top10_share": number(
            0.5, "Maximum share of ten wallets", "Tokens that are held by fewer are removed."
        ),
        "max_developer_moves": number(
            0, "Maximum developer moves", "Tokens with more transfers by developers are removed."
        ),
        "max_age_hours": number(48, "Maximum age in hours", "Older checks are as good as none."),
        "exempt_majors": {
            "type": "boolean",
            "default": True,
            "description": "Exempt majors",
            "help": "Let BTC, ETH and the large coins of the taxonomy pass without checks.",
        },
        **IPairList.refresh_period_parameter(),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._checks = checks(
            self._number("max_top10_share", maximum=1), self._number("max_developer_moves")
        )
        self._metrics = {name: self._metric(name) for name in self._checks}
        self._max_age = self._number("max_age_hours", minimum=0.01)
        self._exempt = self._flag("exempt_majors")

    def short_desc(self) -> str:
        """
        Short whitelist method description - used for startup-messages
        """
        without = " other than the majors" if self._exempt else ""
        return (
            f"{self.name} - Removing pairs{without} that fail one of {len(self._checks)} "
            f"rug-pull checks, or of which one is not known for {self._max_age:g} hours."
        )

    @staticmethod
    def description() -> str:
        return "Filter pairs by rug-pull checks of their token; unknown counts as unsafe."

    @staticmethod
    def available_parameters() -> dict[str, PairlistParameter]:
        return TokenSafety.parameters()

    def _judge(self, pairlist: list[str]) -> list[str]:
        risk = Settings.from_config(self._config).risk
        kept = []
        for pair in pairlist:
            if self._exempt and asset_of(pair, risk).kind in MAJORS:
                kept.append(pair)
                continue
            figures = {
                name: self._figure(wanted, pair, self._max_age).value
                for name, wanted in self._metrics.items()
            }
            if reason := unsafe(figures, self._checks):
                self._refuse(pair, reason)
            else:
                kept.append(pair)
        return kept
