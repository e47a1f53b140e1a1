"""The account as the supervisor sees it: open trades, their rates, its equity.

A position that nobody quotes any more counts at its last rate for entries and at nothing for the
halt. An exchange that does not answer is another matter: it says nothing of what a coin is worth,
so the last rates count, and the supervisor is blind when that goes on.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from freqpilot.host.account.jumps import Jumps, Price
from freqpilot.host.account.positions import account_equity
from freqpilot.host.alerts import events as alerts
from freqpilot.host.candles.timeframe import seconds
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Bot, Trade

logger = logging.getLogger(__name__)

UNSHOWN = timedelta(hours=1)
"""How long a price that has jumped waits for a candle that shows it: no wrong one lasts as long,
and an exchange may give closed candles alone."""
LOOKS = 2
"""Looks in a row without a market after which a person hears of it. A position without a market
counts as worth nothing for the halt from the first on, which the second has to confirm."""
FRESH = 3
"""Timeframes after which the newest candle says nothing of the price any more."""


@dataclass(frozen=True)
class Account:
    """Open ``trades``; the ``rates`` of their pairs, fresh or the last known; those that are
    ``fresh``; ``equity`` by the rates (NaN where one is missing) and the ``worst`` by which the
    halt is judged, in stake currency. ``shown``: the candles show each rate that jumped; ``doubts``
    says of which pairs the exchange's rate does not count, and why."""

    trades: Sequence[Any]
    rates: dict[str, float]
    fresh: frozenset[str]
    equity: float
    worst: float
    shown: bool = True
    doubts: Mapping[str, str] = field(default_factory=dict)

    def missing(self, unquoted: Mapping[str, int]) -> list[str]:
        """Return the pairs without a rate of now; those that have no market are judged without."""
        return [
            pair
            for pair in self.rates
            if pair not in self.fresh and pair not in self.doubts and unquoted.get(pair, 0) < LOOKS
        ]


def see(bot: Bot, run: Run, trades: Sequence[Trade]) -> Account:
    """Return the account as it is now.

    :raises Exception: Freqtrade's, when the wallet or the database cannot be read.
    """
    held = [trade for trade in trades if trade.nr_of_successful_entries]
    rates: dict[str, float] = {}
    fresh, jumps, prices = set(), Jumps(bot), []
    for trade in held:
        price, known = _rate(bot, run, trade, jumps)
        rates[trade.pair] = price.rate
        prices.append((trade.pair, price))
        if known:
            fresh.add(trade.pair)
    for pair in set(run.unquoted) - {trade.pair for trade in held}:
        del run.unquoted[pair]
    free = float(bot.wallets.get_free(bot.config["stake_currency"]))
    paid = not bot.config["dry_run"]
    equity = account_equity(free, trades, rates, entry_fees_paid=paid)
    return Account(
        trades,
        rates,
        frozenset(fresh),
        equity,
        _worst(run, free, trades, rates, paid=paid),
        all(price.shown for _, price in prices),
        {pair: price.doubt for pair, price in prices if price.doubt},
    )


def _worst(
    run: Run, free: float, trades: Sequence[Trade], rates: Mapping[str, float], *, paid: bool
) -> float:
    """Return the equity without positions that nobody quotes; one that is merely not known counts
    at what was paid, so that the others are judged all the same."""
    quoted = [
        trade
        for trade in trades
        if not (trade.nr_of_successful_entries and run.unquoted[trade.pair])
    ]
    known = {
        trade.pair: _known(rates.get(trade.pair, math.nan), float(trade.open_rate or 0.0))
        for trade in quoted
    }
    return account_equity(free, quoted, known, entry_fees_paid=paid)


def _known(rate: float, paid: float) -> float:
    return paid if math.isnan(rate) else rate


def _rate(bot: Bot, run: Run, trade: Trade, jumps: Jumps) -> tuple[Price, bool]:
    """Return a trade's exit rate, and whether it is one of now; without one, or with one that the
    candles do not show, the close of a fresh candle or the last rate that was seen; of a pair that
    has no market, what was paid."""
    pair = trade.pair
    try:
        rate = bot.exchange.get_rate(pair, side="exit", is_short=trade.is_short, refresh=True)
        del run.unquoted[pair]
        price = _judged(run, pair, float(rate), jumps, float(trade.open_rate or 0.0))
        return price, price.doubt is None
    except Exception as error:
        close, fresh = _newest_close(bot, pair)
        rate = close if fresh else run.rates.get(pair, close)
        if _has_no_market(bot, pair, error, fresh=fresh):
            _count(run, pair)
            rate = _known(rate, float(trade.open_rate or 0.0))
        logger.warning("No rate for %s (%s); its last one, %s, is used", pair, error, rate)
        return Price(float(rate)), False


def _judged(run: Run, pair: str, rate: float, jumps: Jumps, paid: float) -> Price:
    """Return the price that counts; one that has jumped without a candle to show it stays so until
    one does, or until it has lasted longer than a wrong one."""
    now = datetime.now(UTC)
    before, since = run.unshown.get(pair, (run.rates.get(pair, paid), now))
    if not timedelta() <= now - since < UNSHOWN:
        before = run.rates.get(pair, paid)
    price = jumps.judge(pair, rate, before)
    if price.shown:
        run.unshown.pop(pair, None)
    else:
        run.unshown[pair] = before, since
    return price


def _count(run: Run, pair: str) -> None:
    run.unquoted[pair] += 1
    if run.unquoted[pair] == LOOKS:
        text = (
            f"{pair} has no market any more: the exchange gives no price for it. Its position "
            "counts at the last price for entries and as worth nothing for the halt. Exits are "
            "tried in each loop, and all other pairs go on. Look at the exchange's announcements: "
            "it may be delisted. Once the exchange has paid the position out, take its trade out "
            "of the database by /delete"
        )
        alerts.record(run, "no market", "CRITICAL", text, {"pair": pair})


def _newest_close(bot: Bot, pair: str) -> tuple[float, bool]:
    """Return the close of a pair's newest candle (NaN without one), and whether it is of late."""
    timeframe = bot.strategy.timeframe
    candles = bot.dataprovider.ohlcv(pair, timeframe, copy=False)
    if not len(candles):
        return math.nan, False
    close = float(candles["close"].iloc[-1])
    if "date" not in candles:
        return close, True
    age = datetime.now(UTC) - candles["date"].iloc[-1].to_pydatetime()
    return close, age <= FRESH * timedelta(seconds=seconds(timeframe))


def _has_no_market(bot: Bot, pair: str, error: Exception, *, fresh: bool) -> bool:
    """Tell whether a pair has no market any more, from why there is no rate: the exchange does not
    know it, lists it no longer, or answers without a price while its candles have ended."""
    import ccxt
    from freqtrade.exceptions import TemporaryError

    causes = _chain(error)
    if any(isinstance(each, ccxt.BadSymbol) for each in causes):
        return True  # Freqtrade shows it as a temporary error
    if any(isinstance(each, TemporaryError | ccxt.OperationFailed) for each in causes):
        return False
    markets = getattr(bot.exchange, "markets", None) or {}
    if markets and (pair not in markets or markets[pair].get("active") is False):
        return True
    return not fresh


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return an error and what caused it."""
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__
    return found
