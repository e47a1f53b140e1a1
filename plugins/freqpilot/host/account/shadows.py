"""Keeps what the supervisor did not let through as it was asked for, or would not have: for
``freqpilot refusals --shadow``, which shows what the price did since.

Live, orders wait in memory until the loop's end and go to the store together; in a backtest the
run's own store in memory takes them. Both are bounded.
"""

import threading
from datetime import date, datetime

from freqpilot.host.account.interventions import Kind
from freqpilot.host.run.run import Run
from freqpilot.risk.account.ledger import STREAK
from freqpilot.shapes import OrderRequest
from freqpilot.store import ShadowKind, ShadowOrder

A_DAY = 2_000
"""Most orders of a live bot that are kept of a day (UTC); the rest is counted alone."""


class Shadows:
    """The shadow orders of a run; any thread may call it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._waiting: list[ShadowOrder] = []
        self._day: date | None = None
        self._of_day = 0

    def note(
        self,
        kind: Kind,
        rule: str,
        order: OrderRequest,
        allowed: float,
        reason: str,
        candle: datetime,
    ) -> None:
        """Keep an order that was cut, refused or reported; not one that was cut and sent.

        :param allowed: the stake that the rule leaves, in stake currency.
        :param candle: when the candle opened in which it was asked for.
        """
        chosen = self._kind(kind, rule)
        if chosen is None:
            return
        about = (self._run.key, chosen, order.pair, order.purpose, rule, candle, order.time)
        figures = (order.rate, order.leverage, order.stake, allowed)
        made = ShadowOrder(*about, order.side, order.tag, *figures, reason)
        if not self._run.live:
            self._run.store.add_shadows([made])
            return
        with self._lock:
            if order.time.date() != self._day:
                self._day, self._of_day = order.time.date(), 0
            self._of_day += 1
            if self._of_day <= A_DAY:
                self._waiting.append(made)
                return
        self._run.counters.count("shadow orders left out")

    def _kind(self, kind: Kind, rule: str) -> ShadowKind | None:
        run = self._run
        if kind == "reported":
            return "reported"
        if run.settings.risk.watches:
            return "watch"
        if kind == "cut":
            return None
        return "paper" if rule == "halted" and run.state.cause == STREAK else "refused"

    def save(self) -> None:
        """Bring what waits to the store; it waits on where that fails.

        :raises SQLAlchemyError: when the store fails.
        """
        with self._lock:
            waiting = list(self._waiting)
        if not waiting:
            return
        self._run.store.add_shadows(waiting)
        with self._lock:
            del self._waiting[: len(waiting)]
