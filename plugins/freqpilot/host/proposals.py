"""What a strategy of the pack answers when Freqtrade asks for a stake or a confirmation.

These only propose: the gate judges what comes of it. Freqtrade takes an exception in a callback
for consent, so here each one is a refusal.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from freqpilot.host import supervisor
from freqpilot.host.positions import position_of
from freqpilot.risk import sizing
from freqpilot.settings import SizingMethod
from freqpilot.shapes import Book

logger = logging.getLogger(__name__)


def stake(row: Any, pair: str, time: datetime, call: Mapping[str, Any]) -> float:
    """Return the stake for an entry, 0 for none.

    :param row: the last closed candle's row with ``atr`` and ``confidence``, or None.
    :param call: the other arguments of Freqtrade's ``custom_stake_amount``.
    """
    try:
        run = supervisor.current()
        if row is None:
            return 0.0
        if not run.settings.supervisor:
            return float(call["proposed_stake"])
        book = supervisor.book([position_of(trade) for trade in _open_trades()])
        if book is None or not clear_enough(row, book.threshold):
            run.counters.count("entries_vetoed")
            return 0.0
        verdict = sizing.propose(
            sizing.Proposal(
                time=time,
                pair=pair,
                side="short" if call["side"] == "short" else "long",
                rate=float(call["current_rate"]),
                atr=float(row["atr"]),
                confidence=float(row["confidence"]),
                leverage=float(call["leverage"]),
                min_stake=float(call["min_stake"] or 0.0),
                max_stake=float(call["max_stake"]),
                strength=_strength(row, run.settings.risk.sizing.method),
            ),
            _adapted(book, row),
            run.settings.risk,
        )
        if verdict.veto and run.live:
            supervisor.note_unsized(time, pair, row["date"].to_pydatetime(), verdict.veto)
    except Exception:  # Freqtrade would take the proposed stake instead
        logger.exception("No stake for %s: sizing failed, so there is no entry", pair)
        return 0.0
    run.counters.count("entries_sized" if verdict.stake else "entries_vetoed")
    return verdict.stake


def clear_enough(row: Any, threshold: float) -> bool:
    """Tell whether the composite of a decision is as strong as a losing streak asks for."""
    return threshold <= 0 or abs(float(row["composite"])) >= threshold


def _adapted(book: Book, row: Any) -> Book:
    """Return ``book`` with the cut of the regime and volatility at a decision among its factors."""
    if "size_factor" not in row:
        return book
    cut = float(row["size_factor"])
    if not 0 <= cut <= 1:  # NaN as well: what cannot be told is no reason to enter
        cut = 0.0
    return replace(book, factors=(*book.factors, ("regime", cut))) if cut < 1 else book


def _strength(row: Any, method: SizingMethod) -> float:
    """Return how strong a decision's composite is, for the method that asks for it."""
    return abs(float(row["composite"])) if method == "blueprint" else 1.0


def confirm(row: Any, pair: str, tag: str | None) -> bool:
    """Tell whether an entry may go on to the gate: once a pair and closed candle, unless a person
    forced it."""
    try:
        if tag == "force_entry":
            return True
        return row is not None and supervisor.claim(pair, row["date"].to_pydatetime())
    except Exception:  # Freqtrade would take it for consent
        logger.exception("Entry in %s refused: it could not be confirmed", pair)
        return False


def _open_trades() -> list[Any]:
    from freqtrade.persistence import Trade

    return list(Trade.get_trades_proxy(is_open=True))
