"""Where Freqpilot itself leaves a position: its catastrophe stop, and on futures the way to its
liquidation. The same live, in a dry run and in a backtest.

The catastrophe stop is for strategies that Freqpilot does not size itself. Its distance is that of
the day on which the trade was opened, and stays; its price follows the mean price that was paid,
so an addition moves it.
"""

import logging
import math
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from freqpilot.host.account.interventions import Interventions
from freqpilot.host.candles.daily import Days
from freqpilot.host.candles.timeframe import DAY, HOUR
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Strategy, Trade
from freqpilot.risk.exits import catastrophe, liquidation
from freqpilot.risk.exits.dailyrange import atr_share
from freqpilot.shapes import OrderRequest, Side

logger = logging.getLogger(__name__)

CATASTROPHE = "freqpilot_catastrophe_stop"
"""Exit reason of a trade that the catastrophe stop has closed."""
REDUCED = "freqpilot_liquidation_reduce"
"""Exit tag of what was sold of a position on its way to its liquidation."""
NEAR_LIQUIDATION = "freqpilot_liquidation_close"
"""Exit reason of a trade that was closed on its way to its liquidation."""
SPARE_DAYS = 3
"""Days of candles that are asked for beyond those that the mean needs."""


class WayOut(NamedTuple):
    """A price at which Freqpilot leaves ``share`` of a position, and the reason that stands beside
    it."""

    price: float
    reason: str
    share: float = 1.0


class WaysOut:
    """The ways out of a run's positions. Any thread may call it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = threading.RLock()
        self._days: Days | None = None
        self._strategy: Strategy | None = None
        self._margin = ""
        self._gives = False
        self._end = 0
        self._of_day: dict[str, float] = {}
        self._of_trade: dict[int, tuple[datetime, float]] = {}
        self.planned: dict[int, tuple[WayOut, float]] = {}
        """In a backtest: how a trade is left in this candle, and at which price, by trade."""
        self.noted: set[tuple[int, str]] = set()
        """Trades that were left, or would have been, by the reason: each is counted once."""
        self.shown: set[int] = set()
        """Trades that were open before this run and that nobody has seen on the near side of their
        catastrophe stop since: it leaves none of them."""

    def begin(self, days: Days, strategy: Strategy | None, config: Mapping[str, Any]) -> None:
        """Take the daily candles from ``days``, for the positions of this strategy; of none there
        are no positions."""
        settings, sized = self._run.settings, getattr(strategy, "sized_by_supervisor", False)
        futures = str(config.get("trading_mode", "spot")) == "futures"
        with self._lock:
            self._days, self._strategy, self._end = days, strategy, 0
            self._margin = str(config.get("margin_mode", "isolated")) if futures else ""
            self._gives = settings.supervisor and settings.risk.catastrophe_stop.enabled
            self._gives = self._gives and strategy is not None and not sized
            self._of_trade.clear()

    @property
    def gives_stops(self) -> bool:
        """Whether this run's positions get a catastrophe stop."""
        return self._gives

    @property
    def active(self) -> bool:
        """Whether there may be a way out of this run's positions."""
        return self._gives or bool(self._margin)

    @property
    def is_cross(self) -> bool:
        """Whether all positions share one margin."""
        return self._margin == "cross"

    @property
    def begun(self) -> bool:
        """Whether this run has a strategy."""
        return self._strategy is not None

    @property
    def own_rests(self) -> bool:
        """Whether the strategy's own stops rest on the exchange."""
        kinds = getattr(self._strategy, "order_types", None) or {}
        return bool(kinds.get("stoploss_on_exchange"))

    def distance(self, pair: str, time: datetime) -> float:
        """Return how far a catastrophe stop is from the price, as a share of it, by the candles
        that are known at ``time``.

        What counts until the end of an hour after midnight UTC is what was known at the midnight
        before, so that a bot that asks early sees what its backtest sees.
        """
        end = (int(time.timestamp()) - HOUR) // DAY * DAY
        with self._lock:
            if end != self._end:
                self._end = end
                self._of_day.clear()
            if pair not in self._of_day:
                found = self._range(pair, end)
                if math.isnan(found) and self._run.live:
                    return catastrophe.distance(found, self._run.settings.risk.catastrophe_stop)
                self._of_day[pair] = found
            found = self._of_day[pair]
        return catastrophe.distance(found, self._run.settings.risk.catastrophe_stop)

    def _range(self, pair: str, end: int) -> float:
        """Return a pair's mean range of a day, NaN where its candles do not say."""
        if self._days is None:
            return math.nan
        period = self._run.settings.risk.atr_period
        try:
            return atr_share(self._days(pair, end - (period + SPARE_DAYS) * DAY), end, period)
        except Exception as error:  # ccxt and Freqtrade raise many kinds
            logger.warning(
                "No daily candles of %s (%s); its catastrophe stop is the one without", pair, error
            )
            return math.nan

    def order_distance(
        self, pair: str, time: datetime, leverage: float, trade: Trade | None = None
    ) -> float | None:
        """Return how far the stop is that will bound an order's loss, as a share of the price; None
        where this run gives none.

        :param trade: the open trade that the order belongs to, whose distance stays.
        """
        if not self._gives:
            return None
        if trade is None:
            share = self._behind_own(self.distance(pair, time), leverage)
        else:
            share = self.share_of(trade)
        own = self._own(leverage)
        return min(share, own) if self.own_rests and own > 0 else share

    def _own(self, leverage: float) -> float:
        """Return how far the strategy's own stop is from the price, as a share of it; 0 without."""
        return abs(float(getattr(self._strategy, "stoploss", 0.0) or 0.0)) / max(1.0, leverage)

    def _behind_own(self, share: float, leverage: float) -> float:
        """Return a distance that leaves the first turn to a stop that the strategy watches."""
        if self.own_rests:
            return share
        return catastrophe.behind(
            share, self._own(leverage), self._run.settings.risk.catastrophe_stop
        )

    def share_of(self, trade: Trade) -> float:
        """Return the distance of a trade's stop, as a share of what was paid; it stays for as long
        as the trade is open."""
        opened = trade.open_date_utc
        known = self._of_trade.get(trade.id)
        if known is None or known[0] != opened:
            share = self._behind_own(self.distance(trade.pair, opened), float(trade.leverage or 1))
            known = self._of_trade[trade.id] = opened, share
        return known[1]

    def remember(self, number: int, opened: datetime, share: float) -> None:
        """Take a trade's distance from before a restart."""
        self._of_trade[number] = opened, share

    def of(self, trade: Trade) -> list[WayOut]:
        """Return the ways out of a position: none where Freqpilot gives none."""
        return list(self._of(trade)) if trade.open_rate else []

    def _of(self, trade: Trade) -> Iterator[WayOut]:
        side, paid = side_of(trade), float(trade.open_rate)
        if self._gives and trade.id not in self.shown:
            yield WayOut(catastrophe.level(side, paid, self.share_of(trade)), CATASTROPHE)
        guard = self._run.settings.risk.liquidation
        if not (self._margin and guard.enabled and self._run.settings.supervisor):
            return
        end = float(trade.liquidation_price or 0.0)
        close = liquidation.price_at(side, paid, end, guard.close_at)
        if math.isnan(close):
            return
        yield WayOut(close, NEAR_LIQUIDATION)
        if not is_reduced(trade):
            price = liquidation.price_at(side, paid, end, guard.reduce_at)
            yield WayOut(price, REDUCED, guard.reduce_share)

    def stop_price(self, trade: Trade) -> float | None:
        """Return the price of the stop that Freqpilot rests on the exchange for a position, None
        where it rests none.

        In isolated margin it is no further than where the position would be closed on its way to
        the liquidation: a stop beyond that would never be reached. In cross margin the liquidation
        moves with all positions, so no resting stop follows it.
        """
        if not self._gives or trade.id in self.shown:
            return None
        side = side_of(trade)
        whole = [each for each in self.of(trade) if each.share == 1.0]
        fixed = [each.price for each in whole if not self.is_cross or each.reason == CATASTROPHE]
        if not fixed:
            return None
        return max(fixed) if side == "long" else min(fixed)


def side_of(trade: Trade) -> Side:
    """Return a trade's side."""
    return "short" if trade.is_short else "long"


def stop_way(ways: WaysOut, trade: Trade) -> WayOut | None:
    """Return the catastrophe stop of a trade as a way out, None where it has none."""
    return next((each for each in ways.of(trade) if each.reason == CATASTROPHE), None)


def is_reduced(trade: Trade) -> bool:
    """Tell whether a position was reduced on its way to its liquidation since its last entry."""
    for order in reversed(trade.orders):
        if order.ft_order_side == trade.entry_side and order.safe_filled:
            return False
        if order.ft_order_tag == REDUCED and (order.safe_filled or order.ft_is_open):
            return True
    return False


def first_hit(ways: list[WayOut], side: Side, low: float, high: float) -> WayOut | None:
    """Return the way out that a price between ``low`` and ``high`` takes first: of those that leave
    the whole position the nearest, else the one that leaves a part; None where it takes none."""
    hit = [each for each in ways if catastrophe.is_hit(side, each.price, low, high)]
    whole = [each for each in hit if each.share == 1.0]
    if not whole:
        return hit[0] if hit else None
    return max(whole, key=lambda each: each.price if side == "long" else -each.price)


def check(reason: str) -> Any:
    """Return an exit of ours as Freqtrade takes it."""
    from freqtrade.enums import ExitCheckTuple, ExitType

    return ExitCheckTuple(exit_type=ExitType.EMERGENCY_EXIT, exit_reason=reason)


def note(run: Run, trade: Trade, way: WayOut) -> None:
    """Count a position that is left, or would be, once a trade and reason."""
    about = (int(trade.id), way.reason)
    if about in run.part(WaysOut).noted:
        return
    run.part(WaysOut).noted.add(about)
    stake = float(trade.stake_amount or 0.0)
    order = OrderRequest(
        time=trade.open_date_utc,
        pair=trade.pair,
        side=side_of(trade),
        purpose="entry",
        stake=stake,
        rate=float(trade.open_rate),
        tag=trade.enter_tag,
    )
    rule = way.reason.removeprefix("freqpilot_")
    run.part(Interventions).note("closed", rule, order, stake * (1 - way.share))
    run.counters.count(f"{rule}{' (watch)' if run.settings.risk.watches else ''}")
