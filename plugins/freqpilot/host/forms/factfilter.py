"""What pairlists that read facts share: options that are checked, figures with their age, and no
pair that passes on what is not known."""

import difflib
import logging
import math
from typing import Any, ClassVar, NamedTuple

import numpy as np
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange.exchange_types import Tickers
from freqtrade.plugins.pairlist.IPairList import IPairList, PairlistParameter, SupportsBacktesting
from freqtrade.util import FtTTLCache, dt_now

from freqpilot.errors import Degraded
from freqpilot.facts.join import HOUR, NOTHING, Observations, known_at
from freqpilot.facts.spec import Metric, parse
from freqpilot.host.facts.database import observations
from freqpilot.risk.taxonomy import base_of

logger = logging.getLogger(__name__)

UNKNOWN = float("nan")


class Figure(NamedTuple):
    """The newest value of a metric and how many hours ago it happened, NaN both without one."""

    value: float
    age: float


def number(default: float | None, description: str, text: str) -> PairlistParameter:
    """Return the form field of a number."""
    return {"type": "number", "default": default, "description": description, "help": text}


def metric(default: str, description: str) -> PairlistParameter:
    """Return the form field of a metric's name; its default is the option's own."""
    text = "Name of the metric among the facts: [source/]metric."
    return {"type": "string", "default": default, "description": description, "help": text}


class FactFilter(IPairList):
    """
    Base of the filters that read facts.

    They read what is known now, live and in a dry run; a backtest's pairlist has no clock, so it is
    left as it is there. A pair without the facts it needs is removed.
    """

    supports_backtesting = SupportsBacktesting.NO_ACTION
    PARAMETERS: ClassVar[dict[str, PairlistParameter]] = {}

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        known = [*self.PARAMETERS]
        for key in sorted(set(self._pairlistconfig) - {"method", *known}):
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(known)}"
            raise OperationalException(f"{self.name} does not know {key!r}; {hint}")
        period = int(self._number("refresh_period", minimum=1, whole=True))
        self._answers: FtTTLCache = FtTTLCache(maxsize=1, ttl=period)

    @classmethod
    def parameters(cls) -> dict[str, PairlistParameter]:
        """
        Return the options of this filter
        """
        return dict(cls.PARAMETERS)

    def filter_pairlist(self, pairlist: list[str], tickers: Tickers) -> list[str]:
        """
        Keep the pairs of which is known what has to be
        :param pairlist: pairlist to filter or sort
        :param tickers: Tickers (from exchange.get_tickers). May be cached.
        :return: new whitelist
        """
        if self._config["runmode"] in (RunMode.BACKTEST, RunMode.HYPEROPT):
            return pairlist
        # Freqtrade asks in every loop.
        asked = tuple(pairlist)
        answer: list[str] | None = self._answers.get(asked)
        if answer is None:
            answer = self._answers[asked] = self._judge(pairlist)
        return list(answer)

    def _judge(self, pairlist: list[str]) -> list[str]:
        """Return the pairs that stay, in their order."""
        raise NotImplementedError

    def _refuse(self, pair: str, reason: str) -> None:
        self.log_once(f"Removed {pair} from whitelist, because {reason}.", logger.info)

    def _history(self, name: Metric, pair: str, hours: float) -> Observations:
        """Return the events of the last ``hours``, each in the newest version known now."""
        now = _now()
        first = now - int(hours * HOUR)
        coin = name.asset or base_of(pair)
        try:
            found = observations(self._config, name, coin, first, now, quiet=True)
        except Degraded as error:
            self.log_once(f"{self.name}: {error}", logger.error)
            found = None
        if found is None:
            return NOTHING
        found = known_at(found, now)
        # A gap of long ago is no news; that the newest value is unknown is.
        told = np.isfinite(found.value)
        told[-1:] = True
        return found.take((found.event >= first) & told)

    def _figure(self, name: Metric, pair: str, max_age: float) -> Figure:
        """Return the newest value that is at most ``max_age`` hours old."""
        found = self._history(name, pair, max_age)
        if not len(found):
            return Figure(UNKNOWN, UNKNOWN)
        return Figure(float(found.value[-1]), (_now() - int(found.event[-1])) / HOUR)

    def _option(self, key: str) -> Any:
        return self._pairlistconfig.get(key, self.PARAMETERS[key]["default"])

    def _number(
        self, key: str, *, minimum: float = 0, maximum: float = math.inf, whole: bool = False
    ) -> float:
        value = self._option(key)
        real = isinstance(value, int | float) and not isinstance(value, bool)
        if not real or not minimum <= value <= maximum or (whole and int(value) != value):
            kind = "a whole number" if whole else "a number"
            limit = "" if math.isinf(maximum) else f" and at most {maximum:g}"
            raise OperationalException(
                f"{self.name} requires {key} to be {kind} of at least {minimum:g}{limit}, "
                f"not {value!r}"
            )
        return float(value)

    def _flag(self, key: str) -> bool:
        value = self._option(key)
        if not isinstance(value, bool):
            raise OperationalException(f"{self.name} requires {key} to be true or false")
        return value

    def _choice(self, key: str, allowed: list[str]) -> str:
        value = self._option(key)
        if value not in allowed:
            raise OperationalException(
                f"{self.name} requires {key} to be one of {', '.join(allowed)}, not {value!r}"
            )
        return str(value)

    def _metric(self, key: str) -> Metric:
        try:
            return parse(str(self._option(key)))
        except ValueError as error:
            raise OperationalException(f"{self.name}, {key}: {error}") from None


def _now() -> int:
    stamp = np.datetime64(dt_now().replace(tzinfo=None), "us")
    return int(stamp.astype(np.int64))
