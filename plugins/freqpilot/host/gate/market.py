"""The market right before an entry: gathers what the checks and breakers of risk look at.

One request an entry, for the book. The prices of the index and of the stablecoin are kept for a
minute, candles are the bot's own; they are asked for only where it has none or old ones.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from freqpilot.errors import NoEntry
from freqpilot.features.candles.basket import basket
from freqpilot.host.alerts import events as alerts
from freqpilot.host.candles.bot import candles, index_pairs
from freqpilot.host.candles.orderbook import figure, order_book
from freqpilot.host.candles.timeframe import HOUR, seconds
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Exchange
from freqpilot.risk.market import fitness as market
from freqpilot.risk.market.breakers import (
    FlashCrash,
    IndexCandles,
    OrderRate,
    depeg,
    volatility_spike,
)
from freqpilot.settings import MarketSettings
from freqpilot.shapes import Cut, OrderRequest, Position, RiskVerdict

logger = logging.getLogger(__name__)

ORDERS = ", orders sent"


class Market:
    """The breakers of a run, what they said last, and prices that are kept for a short while."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.timeframe: str | None = None
        """The strategy's timeframe, which the exchange's own config need not have."""
        self._lock = threading.Lock()
        self.settings: MarketSettings = run.settings.risk.market
        self.orders, self.crash = OrderRate(self.settings), FlashCrash(self.settings)
        self.tripped: dict[str, str] = {}
        self._prices: dict[str, tuple[float, float]] = {}
        self._logged: set[str] = set()
        self._remember()

    def note_order(self) -> None:
        """Take note of an order that is about to be sent. It never raises: exits come here too."""
        with self._lock:
            self.orders.note(time.time())
        self._keep()

    def judge(
        self, exchange: Exchange, order: OrderRequest, positions: Sequence[Position]
    ) -> RiskVerdict:
        """Return the verdict of the market on an entry that the limits allow."""
        from freqtrade.exceptions import FreqtradeException

        verdict = RiskVerdict(allowed=True, stake=order.stake, leverage=order.leverage)
        if not self.settings.enabled:
            return verdict
        try:
            refusal = self.refusal(exchange, order, positions)
        except (FreqtradeException, NoEntry) as error:
            refusal = market.Refusal("market_data", f"the market could not be seen: {error}")
        if refusal is None:
            return verdict
        return RiskVerdict(False, 0.0, cuts=(Cut(refusal.rule, 0.0),), veto=refusal.reason)

    def refusal(
        self, exchange: Exchange, order: OrderRequest, positions: Sequence[Position]
    ) -> market.Refusal | None:
        """Return the first reason against an entry, or None.

        :raises FreqtradeException: when the exchange could not be asked.
        :raises NoEntry: without candles.
        """
        now = time.time()
        with self._lock:  # never around a request: an exit's note would wait for its answer
            many = self.orders.tripped(now)
        if reason := self._report("order_rate", many):
            return market.Refusal("order_rate", reason)
        if _gives_nothing(exchange):
            return None
        view = self._view(exchange, order, now)
        held = sum(p.stake for p in positions if p.pair == order.pair)
        entry = market.Entry(order.rate, (held + order.stake) * order.leverage)
        if fault := market.check(view, entry, self.settings):
            return fault
        breakers: dict[str, Callable[[], str | None]] = {
            "flash_crash": lambda: self._crash(exchange, order.pair, view, now),
            "volatility_spike": lambda: self._spike(exchange, now),
            "depeg": lambda: self._depeg(exchange, now),
        }
        for name, look in breakers.items():
            if reason := self._report(name, look()):
                return market.Refusal(name, reason)
        return None

    def _remember(self) -> None:
        """Take up the orders of a live bot's time before a restart; what cannot be read trips
        nothing and is told."""
        run = self._run
        try:
            if run.live and (saved := run.store.load_state(f"{run.key}{ORDERS}")):
                self.orders.restore(saved)
        except Exception:
            logger.exception("The orders sent before the start are not known; counting begins anew")

    def _keep(self) -> None:
        run = self._run
        if not run.live:
            return
        try:
            with self._lock:
                sent = self.orders.to_dict()
            run.store.save_state(f"{run.key}{ORDERS}", sent, datetime.now(UTC))
        except Exception:  # an exit must go on
            logger.exception("The count of orders could not be kept")

    def _report(self, name: str, reason: str | None) -> str | None:
        """Keep and log that a breaker trips or ends; returns ``reason``."""
        if bool(reason) != (name in self.tripped):
            run, now = self._run, datetime.now(UTC)
            kind = name.replace("_", " ")
            text = reason or f"the breaker {kind} has ended; entries are allowed"
            level = "CRITICAL" if reason else "WARNING"
            alerts.record(run, kind if reason else f"{kind} over", level, text, time=now)
            run.counters.source(name, not reason, now)
        if reason:
            self.tripped[name] = reason
        else:
            self.tripped.pop(name, None)
        return reason

    def _view(self, exchange: Exchange, order: OrderRequest, now: float) -> market.MarketView:
        bids, asks = order_book(exchange, order.pair)
        bid, ask = (side[0][0] if side else np.nan for side in (bids, asks))
        band, mid = self.settings.depth_band, (bid + ask) / 2
        depths = [market.depth_within(side, mid, band) for side in (asks, bids)]
        into, out = depths if order.side == "long" else reversed(depths)
        timeframe = self.timeframe or exchange._config["timeframe"]
        period = self._run.settings.risk.atr_period
        frame = candles(exchange, order.pair, timeframe, now).tail(period + 1)
        close = frame["close"].tolist()
        return market.MarketView(
            bid=bid,
            ask=ask,
            entry_depth=into,
            exit_depth=out,
            candle_age=now - frame["date"].iloc[-1].timestamp(),
            timeframe=float(seconds(timeframe)),
            close=close[-1],
            before=close[-2] if len(close) > 1 else np.nan,
            atr=market.average_true_range(
                frame["high"].tolist(), frame["low"].tolist(), close, period
            ),
        )

    def _crash(
        self, exchange: Exchange, pair: str, view: market.MarketView, now: float
    ) -> str | None:
        index = self._index(exchange, "the fall of the index")
        if index is None:
            return None
        timeframe = self.timeframe or exchange._config["timeframe"]
        if seconds(timeframe) > HOUR:
            timeframe = "1h"
        step, frame = float(seconds(timeframe)), candles(exchange, index, timeframe, now)
        frame = frame.tail(int((self.settings.index_pause_hours + 4) * HOUR / step))
        columns = {name: frame[name].to_numpy(float) for name in ("open", "high", "low", "close")}
        dates = np.array([date.timestamp() for date in frame["date"]])
        series = IndexCandles(time=dates, step=step, **columns)
        price = view.mid if index == pair else self._price(exchange, index, now)
        return self.crash.tripped(now, series, price)

    def _spike(self, exchange: Exchange, now: float) -> str | None:
        index = self._index(exchange, "the volatility of the index")
        if index is None:
            return None
        frame = candles(exchange, index, "1h", now)
        age = now - frame["date"].iloc[-1].timestamp()
        if age > 2 * HOUR + self.settings.candle_grace_seconds:
            return f"candles of {self.settings.index}, the index, are missing"
        frame = frame.tail(24 * (self.settings.volatility_days + 1) + 1)
        volatility = basket(frame[["close"]].to_numpy(float), 60).volatility
        return volatility_spike(volatility, self.settings)

    def _index(self, exchange: Exchange, what: str) -> str | None:
        names = index_pairs(self.settings.index, exchange._config["stake_currency"])
        return self._listed(exchange, names, what)

    def _depeg(self, exchange: Exchange, now: float) -> str | None:
        pair = self._listed(exchange, self.settings.stablecoins, "a depeg")
        if pair is None:
            return None
        return depeg(pair, self._price(exchange, pair, now), self.settings)

    def _listed(self, exchange: Exchange, names: Sequence[str], what: str) -> str | None:
        """Return the first pair that the exchange trades; that there is none is logged once."""
        for name in names:
            known = exchange.markets.get(name)
            if known is not None and known.get("active") is not False:
                return name
        if what not in self._logged:
            self._logged.add(what)
            logger.warning(
                "Not watched: %s; none of %s is listed", what, ", ".join(dict.fromkeys(names))
            )
        return None

    def _price(self, exchange: Exchange, pair: str, now: float) -> float:
        then, price = self._prices.get(pair, (-np.inf, np.nan))
        if not 0 <= now - then < self.settings.cache_seconds:
            price = figure(exchange.fetch_ticker(pair)["last"])
            self._prices[pair] = (now, price)
        return price


def _gives_nothing(exchange: Exchange) -> bool:
    """Tell whether this is a dry run on an exchange without books; live that is a refusal."""
    if not exchange._config["dry_run"]:
        return False
    has = getattr(exchange, "exchange_has", None)
    return has is None or not has("fetchL2OrderBook")
