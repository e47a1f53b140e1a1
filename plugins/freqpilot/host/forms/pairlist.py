"""What the pack's pairlists share: options from one table, and verdicts that are kept a while."""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

from freqtrade.enums import RunMode
from freqtrade.exchange.exchange_types import Tickers
from freqtrade.plugins.pairlist.IPairList import IPairList, PairlistParameter, SupportsBacktesting
from freqtrade.util import FtTTLCache

from freqpilot.host.forms.parameters import Parameter, Parameters, checked, forms
from freqpilot.host.seams.freqtrade import Exchange
from freqpilot.settings import Settings

logger = logging.getLogger(__name__)

RETRY_SECONDS = 60
"""What the exchange did not answer is asked again after this long, not in the next loop."""
MOST_PAIRS = 10_000

REFRESH = {
    "refresh_period": Parameter(
        description="Refresh period",
        help="Seconds until the pairs are looked at again.",
        default=1800,
        whole=True,
        least=1,
    )
}


class Unknown(str):
    """A reason that says only that a pair could not be judged."""

    __slots__ = ()


class CheckedPairList(IPairList):
    """A pairlist whose options are those of ``parameters``; ``values`` holds them by name.

    Every fault of the options is refused when the bot starts.
    """

    parameters: ClassVar[Parameters] = {}
    about: ClassVar[str] = ""

    def __init__(
        self,
        exchange: Exchange,
        pairlistmanager: Any,
        config: dict[str, Any],
        pairlistconfig: dict[str, Any],
        pairlist_pos: int,
    ) -> None:
        self.settings = Settings.from_config(config)
        self.values = checked(
            self.name,
            pairlistconfig,
            self.parameters,
            self.settings,
            place="pairlists in your config",
        )
        super().__init__(exchange, pairlistmanager, config, pairlistconfig, pairlist_pos)

    @classmethod
    def description(cls) -> str:
        return cls.about

    @classmethod
    def available_parameters(cls) -> dict[str, PairlistParameter]:
        return forms(cls.parameters)

    @property
    def in_backtest(self) -> bool:
        """Whether this is a backtest, which has no exchange of its time to ask."""
        return self._config["runmode"] in (RunMode.BACKTEST, RunMode.HYPEROPT)


class Screen(CheckedPairList):
    """A pairlist that judges each pair by what the exchange says of it now.

    A verdict holds for ``refresh_period``. A pair that cannot be judged does not pass. The past's
    books and listings are not at hand, so in backtests it changes nothing.
    """

    supports_backtesting = SupportsBacktesting.NO_ACTION

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        period = self.values["refresh_period"]
        self._verdicts: FtTTLCache = FtTTLCache(maxsize=MOST_PAIRS, ttl=period)
        self._unknown: FtTTLCache = FtTTLCache(maxsize=MOST_PAIRS, ttl=min(RETRY_SECONDS, period))

    def judge(self, pairs: Sequence[str], tickers: Tickers) -> dict[str, str | None]:
        """Return for each pair why it does not pass, or None; a pair that is left out, or whose
        reason is :class:`Unknown`, does not pass and is asked about again soon."""
        raise NotImplementedError

    def filter_pairlist(self, pairlist: list[str], tickers: Tickers) -> list[str]:
        """
        Remove the pairs that do not pass
        :param pairlist: pairlist to filter or sort
        :param tickers: Tickers (from exchange.get_tickers). May be cached.
        :return: new whitelist
        """
        if self.in_backtest:
            return pairlist
        new = [p for p in pairlist if p not in self._verdicts and p not in self._unknown]
        found = self.judge(new, tickers) if new else {}
        for pair in new:
            reason = found.get(pair, Unknown("nothing is known of it"))
            (self._unknown if isinstance(reason, Unknown) else self._verdicts)[pair] = reason
            if reason is not None:
                self.log_once(f"Removed {pair} from whitelist, because {reason}.", logger.info)
        # What has expired since it was looked at has been judged in this very call or is out.
        return [p for p in pairlist if found.get(p, self._verdicts.get(p, "unknown")) is None]
