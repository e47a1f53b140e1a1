"""The one judgement on an order that raises risk, live and in a backtest.

Live an entry first waits for what has to be known: that the bot may open positions at all, that the
account is seen, that the books agree, that the exchange is well, that no order's fate is open and
that the key cannot withdraw.
Then, as in a backtest, the limits and the book judge it, and live the market right before it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from freqpilot.host.account import others
from freqpilot.host.account.verdict import ask
from freqpilot.host.gate.bookrisk import BookRisk
from freqpilot.host.gate.health import Health
from freqpilot.host.gate.keyright import KeyRight
from freqpilot.host.gate.latecandles import LateCandles
from freqpilot.host.gate.market import Market
from freqpilot.host.orders.lookup import require_certainty
from freqpilot.host.orders.pending import Pending
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.orders.stopless import Stopless
from freqpilot.host.run import exitsonly
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Exchange
from freqpilot.shapes import OrderRequest, Position, RiskVerdict

Wait = Callable[[Run, Any], None]
"""Raises NoEntry while entries have to wait; is given the run and Freqtrade's exchange."""


def _reconciled(run: Run, exchange: Exchange) -> None:
    if not exchange._config["dry_run"]:
        run.part(Reconciliation).require_done()


def _sound(run: Run, exchange: Exchange) -> None:
    if not exchange._config["dry_run"]:
        run.part(Health).require_sound()


def _certain(run: Run, exchange: Exchange) -> None:
    if not exchange._config["dry_run"]:
        require_certainty(run, exchange._api)


def _key(run: Run, exchange: Exchange) -> None:
    run.part(KeyRight).require(exchange)


WAITS: dict[str, Wait] = {
    "allowed": lambda run, exchange: exitsonly.require(),
    "seen": lambda run, exchange: run.require_sight(),
    "reconciled": _reconciled,
    "sound": _sound,
    "certain": _certain,
    "key": _key,
}
"""What a live entry waits for, in the order in which it is asked."""


def wait(run: Run, exchange: Exchange) -> None:
    """Let a live entry go on to be judged.

    :raises NoEntry: with the first reason to wait.
    """
    for check in WAITS.values():
        check(run, exchange)


def judge(
    run: Run, order: OrderRequest, positions: Sequence[Position], exchange: Exchange | None = None
) -> RiskVerdict:
    """Return the verdict on an order that raises risk, beside these positions.

    :param exchange: Freqtrade's, live; None in a backtest.
    :raises NoEntry: when a live order has to wait.
    """
    if exchange is None:
        if run.live:  # never by less than all that a live order is asked
            raise TypeError("a live order is judged with its exchange")
        return ask(run, order, positions, run.part(BookRisk).asked(order, positions))
    wait(run, exchange)
    run.part(Pending).require_settled(order.pair)
    run.part(Stopless).require()
    if order.purpose == "entry":
        run.part(LateCandles).require(order.pair)
    others.announce(run, str(exchange._config.get("stake_currency")), positions, order)
    return ask(
        run,
        order,
        positions,
        run.part(BookRisk).asked(order, positions),
        lambda: run.part(Market).judge(exchange, order, positions),
    )


def refusal(
    run: Run, order: OrderRequest, positions: Sequence[Position], exchange: Exchange | None = None
) -> str | None:
    """Return why an order is refused, None where it is not; see :func:`judge`."""
    verdict = judge(run, order, positions, exchange)
    return None if verdict.allowed else verdict.veto or "refused without a reason"
