"""Cuts the stake of any strategy to what the limits leave room for, before Freqtrade makes an order
of it: the same live, in a dry run, in a backtest and in hyperopt.

What no smaller stake would keep, such as a halt, is left as it is for the gate to refuse. A stake
is never raised: where less than the exchange's minimum is left, there is no order.

A strategy that adds to its positions is cut as a whole. Its first order gets the share of the room
that it has of the whole ladder, ``risk.ladder_share``; without that as if every addition were as
large as the first order. Nothing that a live trade did changes it, so a backtest cuts as live.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from freqpilot.errors import NoEntry
from freqpilot.host.account.verdict import account_book, note_cut, refuse
from freqpilot.host.gate.bookrisk import BookRisk
from freqpilot.host.run.run import Run
from freqpilot.host.seams.freqtrade import Strategy
from freqpilot.risk.entries import limits
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Cut, OrderRequest, Position, RiskVerdict

logger = logging.getLogger(__name__)

UNLIMITED_ADDITIONS = 4
"""Additions that are counted with where a strategy sets no largest number of them."""


class Fitted(NamedTuple):
    """The stake that an order may have, and why it is refused where that is 0."""

    stake: float
    refusal: str = ""


class _Room(NamedTuple):
    """The largest stake that fits, and the rule that has cut it and why; no rule where nothing has,
    or where the gate is to say so."""

    stake: float
    rule: str = ""
    reason: str = ""


def ladder_share(strategy: Strategy, settings: RiskSettings) -> float:
    """Return which share of all that it may put into a trade a strategy's first order is, 0…1."""
    if not getattr(strategy, "position_adjustment_enable", False):
        return 1.0
    if getattr(strategy, "sized_by_supervisor", False):
        return 1.0  # it plans its additions within the limits itself
    if settings.ladder_share is not None:
        return settings.ladder_share
    most = int(getattr(strategy, "max_entry_position_adjustment", -1))
    return 1.0 / (1 + (most if most >= 0 else UNLIMITED_ADDITIONS))


def fitted(
    run: Run,
    order: OrderRequest,
    positions: Sequence[Position],
    *,
    share: Callable[[], float] = lambda: 1.0,
    least: Callable[[], float | None] = lambda: None,
) -> Fitted:
    """Return the stake that an order may have in stake currency: its own, a smaller one, or 0 where
    what is left lies below the exchange's minimum.

    :param positions: open ones, without the order's own stake.
    :param share: returns which share of its whole ladder the order is.
    :param least: returns the exchange's minimum, None where it has none.
    """
    risk = run.settings.risk
    if not run.settings.supervisor or risk.oversized == "refuse":
        return Fitted(order.stake)
    part = share()
    try:
        room = _room(run, replace(order, stake=order.stake / part), positions)
    except NoEntry:
        return Fitted(order.stake)  # the gate says so
    cut = Cut(room.rule, room.stake * part)
    if cut.stake >= order.stake:
        return Fitted(order.stake)
    if room.rule and not risk.watches and cut.stake < (minimum := least() or 0.0):
        return _refused(run, order, cut.stake, minimum, room.reason)
    if room.rule:
        note_cut(run, order, cut, _words(room.reason, part))
    return Fitted(order.stake if risk.watches else cut.stake)


def _refused(run: Run, order: OrderRequest, stake: float, minimum: float, reason: str) -> Fitted:
    veto = (
        f"the limits leave a stake of {stake:.2f}, below the exchange's minimum of {minimum:.2f}: "
        f"{reason}"
    )
    refuse(run, order, RiskVerdict(False, 0.0, cuts=(Cut("min_stake", 0.0),), veto=veto))
    return Fitted(0.0, veto)


def _words(reason: str, share: float) -> str:
    return reason if share == 1.0 else f"{reason} with its whole ladder (first order {share:.0%})"


def _room(run: Run, order: OrderRequest, positions: Sequence[Position]) -> _Room:
    """Return what the limits and the book leave of an order's stake; all of it where it is not the
    stake that is refused."""
    everything = _Room(order.stake)
    known = account_book(run, positions)
    if known is None:
        return everything
    risk = run.settings.risk
    verdict = limits.fit(order, known, risk)
    if not verdict.allowed:
        return everything
    room = everything
    if verdict.cuts:
        rule = verdict.cuts[-1].rule
        room = _Room(verdict.stake, rule, limits.reason(rule, order, known, risk))
    if "book" in risk.report_only:
        return room
    found = run.part(BookRisk).room(replace(order, stake=room.stake), positions)
    if found.stake <= 0:
        return _Room(room.stake)  # for the gate to refuse by the book's rule
    return room if found.stake >= room.stake else _Room(*found)
