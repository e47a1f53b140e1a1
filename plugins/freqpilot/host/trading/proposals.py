"""What a strategy of the pack answers when Freqtrade asks for a stake or a confirmation.

These only propose: the gate judges what comes of it. Freqtrade takes an exception in a callback
for consent, so here each one is a refusal.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from freqpilot.host.account.positions import position_of
from freqpilot.host.account.trades import open_trades
from freqpilot.host.account.verdict import account_book, claim, note_unproposed, note_unsized
from freqpilot.host.gate.bookrisk import BookRisk
from freqpilot.host.run.current import current
from freqpilot.host.run.run import Run
from freqpilot.risk.entries import sizing, volatility
from freqpilot.risk.exits import plan as exitplan
from freqpilot.settings import SizingMethod, VolatilitySettings
from freqpilot.shapes import OrderRequest, Position

logger = logging.getLogger(__name__)


def stake(
    row: Mapping[str, Any] | None,
    pair: str,
    time: datetime,
    call: Mapping[str, Any],
    stoploss: float | None = None,
    reserved: Sequence[Position] = (),
) -> float:
    """Return the stake for an entry, 0 for none.

    :param row: the last closed candle's row with ``atr`` and ``confidence``, or None.
    :param call: the other arguments of Freqtrade's ``custom_stake_amount``.
    :param stoploss: as in :func:`freqpilot.host.trading.exits.stop`, which has to be told the same.
    :param reserved: positions that count as if they were open.
    """
    try:
        run = current()
        if row is None:
            return 0.0
        if not run.settings.supervisor:
            return float(call["proposed_stake"])
        if run.unsure is not None:  # asked for now, the one entry of this candle would be spent
            note_unsized(run, time, pair, row["date"].to_pydatetime(), run.unsure)
            run.counters.count("entries_vetoed")
            return 0.0
        positions = [*(position_of(trade, run.rates) for trade in open_trades()), *reserved]
        book = account_book(run, positions)
        if book is None or not clear_enough(row, book.threshold):
            run.counters.count("entries_vetoed")
            if book is not None:
                why = f"the composite is weaker than {book.threshold:g}, as a losing streak asks"
                _keep(run, _order(pair, time, call), row, "streak_threshold", why)
            return 0.0
        proposal = sizing.Proposal(
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
            volatility=scaling(row, str(call["side"]), run.settings.risk.volatility),
        )
        side, leverage = proposal.side, proposal.leverage
        risk = exitplan.risk_of(pair, side, run.settings.risk, stoploss, leverage)
        verdict = sizing.propose(proposal, book, risk)
        if verdict.allowed:
            verdict = run.part(BookRisk).fitted(proposal, verdict, positions)
        if verdict.veto:
            rule = verdict.cuts[-1].rule if verdict.cuts else "unnamed"
            _keep(run, _order(pair, time, call), row, rule, verdict.veto)
    except Exception:  # Freqtrade would take the proposed stake instead
        logger.exception("No stake for %s: sizing failed, so there is no entry", pair)
        return 0.0
    run.counters.count("entries_sized" if verdict.stake else "entries_vetoed")
    return verdict.stake


def _order(pair: str, time: datetime, call: Mapping[str, Any]) -> OrderRequest:
    """Return the entry that was asked for; its stake is not known."""
    return OrderRequest(
        time=time,
        pair=pair,
        side="short" if call["side"] == "short" else "long",
        purpose=call.get("purpose", "entry"),
        stake=math.nan,
        rate=float(call["current_rate"]),
        leverage=float(call["leverage"]),
        tag=call.get("entry_tag"),
    )


def _keep(run: Run, order: OrderRequest, row: Mapping[str, Any], rule: str, reason: str) -> None:
    """Keep an entry that got no stake, live once a candle, as the loop asks again."""
    candle = row["date"].to_pydatetime()
    if not run.live or note_unsized(run, order.time, order.pair, candle, reason):
        note_unproposed(run, order, rule, reason)


def clear_enough(row: Mapping[str, Any], threshold: float) -> bool:
    """Tell whether the composite of a decision is as strong as a losing streak asks for."""
    return threshold <= 0 or abs(float(row["composite"])) >= threshold


def _strength(row: Mapping[str, Any], method: SizingMethod) -> float:
    """Return how strong a decision's composite is, for the method that asks for it."""
    return abs(float(row["composite"])) if method == "blueprint" else 1.0


def scaling(row: Mapping[str, Any], side: str, settings: VolatilitySettings) -> volatility.Scaling:
    """Return what the volatility and the regime that a row holds do to an entry; nothing where the
    strategy has not asked for the columns."""
    found = volatility.UNSCALED
    if "volatility_ratio" in row:
        trend = float(row.get("contrib_technical_trend", 0.0))
        found = volatility.scaling(
            float(row["volatility_ratio"]),
            float(row["volatility_day"]),
            float(row["adx"]),
            settings,
            trends=trend < 0 if side == "short" else trend > 0,
        )
    if "size_factor" in row:
        size, stop = float(row["size_factor"]), float(row["stop_factor"])
        found = volatility.with_regime(found, size, stop)
    return found


def confirm(row: Mapping[str, Any] | None, pair: str, tag: str | None) -> bool:
    """Tell whether an entry may go on to the gate: once a pair and closed candle, unless a person
    forced it."""
    try:
        if tag == "force_entry":
            return True
        return row is not None and claim(current(), pair, row["date"].to_pydatetime())
    except Exception:  # Freqtrade would take it for consent
        logger.exception("Entry in %s refused: it could not be confirmed", pair)
        return False
