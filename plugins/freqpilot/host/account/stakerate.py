"""What one unit of the stake currency is worth in US dollars: of the exchange's own ticker, else of
``freqpilot.risk.stake_rate``; a coin that is made to be a dollar counts as one where nobody says
otherwise.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Exchange
from freqpilot.risk.account.dollars import is_dollar, quotes, settled
from freqpilot.settings import RiskSettings, Settings

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
"""A rate that is known is read that often."""
KEPT = timedelta(days=1)
"""So long a rate counts that the exchange gave last."""


def configured(currency: str, settings: RiskSettings) -> float | None:
    """Return the rate of the config, 1 for what is made to be a dollar, None where neither is."""
    if settings.stake_rate is not None:
        return settings.stake_rate
    return 1.0 if is_dollar(currency) else None


def of_backtest(config: Mapping[str, Any], settings: Settings) -> float | None:
    """Return the rate of a whole backtest; None only where no supervisor asks for it.

    :raises RefuseToStart: when it is not known.
    """
    currency = str(config.get("stake_currency") or "USD")
    rate = configured(currency, settings.risk)
    if rate is None and settings.supervisor:
        raise RefuseToStart(
            f"what one {currency} is worth in US dollars is not known, and tiers are of dollars: "
            f"add {line(currency)} to the config, best as it was in the middle of the time range"
        )
    return rate


def describe(config: Mapping[str, Any]) -> str:
    """Return by what the stake currency of a config is counted in dollars, for doctor."""
    settings = Settings.from_config(config)
    currency = str(config.get("stake_currency") or "USD")
    given, pairs = settings.risk.stake_rate, [pair for pair, _ in quotes(currency)]
    if not pairs:
        return "the stake currency is the US dollar"
    asked = f"live by the exchange's {pairs[0]} or the like"
    if given is not None:
        return f"one {currency}: {asked}, else and in backtests {given:g} US dollars (stake_rate)"
    if is_dollar(currency):
        return f"one {currency}: {asked}; TAKEN AS 1 US dollar elsewhere and in backtests"
    return f"one {currency}: {asked}; backtests, and an exchange without it, need {line(currency)}"


def line(currency: str) -> str:
    """Return what to add to the config where nobody quotes a currency."""
    return '{"freqpilot": {"risk": {"stake_rate": DOLLARS OF ONE %s}}}' % currency  # noqa: UP031


class StakeRate:
    """The rate of a live run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._rate: float | None = None
        self._former: float | None = None
        self._read: datetime | None = None
        self._asked: datetime | None = None
        self._missed = False

    def look(self, exchange: Exchange, currency: str, now: datetime) -> float | None:
        """Return the rate that counts now, None while it is not known: entries wait then."""
        if self._is_due(now):
            self._ask(exchange, currency, now)
        fresh = self._read is not None and timedelta() <= now - self._read < KEPT
        rate = self._rate if fresh else None
        if rate is None:
            rate = configured(currency, self._run.settings.risk)
        self._report(currency, rate, now)
        return rate

    def _is_due(self, now: datetime) -> bool:
        """Tell whether to ask: in each look while a reading waits for a second, which has to be
        another than the first."""
        if self._asked is None or self._former is not None:
            return True
        return not timedelta() <= now - self._asked < EVERY

    def _ask(self, exchange: Exchange, currency: str, now: datetime) -> None:
        self._asked = now
        reading = read(exchange, currency)
        if reading is None:
            self._former = None
            return
        rate = settled(self._rate, self._former, reading)
        self._former = None if rate == reading else reading
        if rate == reading:
            self._rate, self._read = rate, now

    def _report(self, currency: str, rate: float | None, now: datetime) -> None:
        missed, self._missed = self._missed, rate is None and self._former is None
        if self._missed and not missed:
            pairs = ", ".join(pair for pair, _ in quotes(currency))
            text = (
                f"what one {currency} is worth in US dollars is not known: the exchange gives no "
                f"price of {pairs}. Tiers are of dollars, so entries wait: add {line(currency)} to "
                "the config. Exits go on"
            )
            alerts.record(self._run, "stake rate", "CRITICAL", text, time=now)


def read(exchange: Exchange, currency: str) -> float | None:
    """Return the dollars of one unit by the exchange's ticker, 1 for the dollar; None where it
    gives none."""
    if currency == "USD":
        return 1.0
    markets = getattr(exchange, "markets", None) or {}  # none before they were loaded
    for pair, inverted in quotes(currency):
        market = markets.get(pair)
        if market is None or market.get("active") is False:
            continue
        try:
            last = float(exchange.fetch_ticker(pair)["last"])
        except Exception as error:
            logger.warning("No price of %s for the stake currency: %s", pair, error)
            return None
        if not 0 < last < float("inf"):
            return None
        return 1.0 / last if inverted else last
    return None
