"""How much an entry may stake: a target, scaled by confidence and drawdown, capped."""

import math
from dataclasses import dataclass
from datetime import datetime

from freqpilot.risk.account.responses import drawdown_factor
from freqpilot.risk.account.tiers import tier_in
from freqpilot.risk.entries.caps import caps
from freqpilot.risk.entries.limits import judge
from freqpilot.risk.entries.targets import target
from freqpilot.risk.entries.volatility import UNSCALED, Scaling, sized, with_stop
from freqpilot.risk.exits.stops import initial_stop, risk_distance
from freqpilot.risk.soundness import fault_of, is_number
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Book, Cut, OrderRequest, RiskVerdict, Side

MIN_CONFIDENCE_FACTOR = 0.5


@dataclass(frozen=True)
class Proposal:
    """An entry that asks for a stake.

    ``rate`` and ``atr`` are prices in the quote currency; ``confidence`` is 0…1; ``min_stake`` and
    ``max_stake`` are the exchange's and the wallet's bounds in stake currency; ``free`` is the
    wallet's free money where ``max_stake`` does not count it already; ``strength`` is the
    signal's, 0…1; ``volatility`` is what the market's does to it.
    """

    time: datetime
    pair: str
    side: Side
    rate: float
    atr: float
    confidence: float
    leverage: float
    min_stake: float
    max_stake: float
    free: float | None = None
    strength: float = 1.0
    volatility: Scaling = UNSCALED


def propose(proposal: Proposal, book: Book, settings: RiskSettings) -> RiskVerdict:
    """Return the stake for an entry, which :func:`~freqpilot.risk.entries.limits.judge` allows, or
    0.

    The base is the :func:`~freqpilot.risk.entries.targets.target` of the chosen method, the stop
    distance being ``stop_atr_multiple`` × ATR / rate, or a wider one. It is multiplied by the
    confidence, at least one half, and by the drawdown factor; then the smallest cap wins. ``cuts``
    lists every rule that lowered it, in order. A stake below the exchange's minimum is refused,
    never raised to it.
    """
    if fault := _fault_of(proposal):
        return RiskVerdict(False, 0.0, veto=fault)
    book = sized(book, proposal.volatility.size)
    settings = with_stop(settings, proposal.volatility.stop)
    if fault := fault_of(_order(proposal, 1.0), book):
        return RiskVerdict(False, 0.0, veto=fault)
    distance = risk_distance(proposal.rate, proposal.atr, settings) / proposal.rate
    base = target(distance, proposal.leverage, proposal.strength, book, settings)
    if base.veto:
        return RiskVerdict(False, 0.0, cuts=(Cut("edge", 0.0),), veto=base.veto)
    stake = base.stake
    if not is_number(stake, above=0):
        veto = f"an ATR of {proposal.atr} at a rate of {proposal.rate} gives no stake"
        return RiskVerdict(False, 0.0, veto=veto)
    cuts = list(base.cuts)
    for rule, bound in _bounds(proposal, book, settings, stake):
        if max(bound, 0.0) < stake:
            stake = max(bound, 0.0)
            cuts.append(Cut(rule, stake))
    return _verdict(proposal, book, settings, stake, tuple(cuts))


def _bounds(
    proposal: Proposal, book: Book, settings: RiskSettings, target: float
) -> list[tuple[str, float]]:
    tier = tier_in(book, settings)
    trusted = target * min(1.0, max(MIN_CONFIDENCE_FACTOR, proposal.confidence))
    bounds = [("confidence", trusted)]
    for cause, factor in (("drawdown", drawdown_factor(book.drawdown, settings)), *book.factors):
        if factor < 1.0:
            trusted *= factor
            bounds.append((cause, trusted))
    bounds += [
        (cap.rule, cap.room(book.equity)) for cap in caps(proposal.pair, book, tier, settings)
    ]
    bounds.append(("max_stake", proposal.max_stake))
    if proposal.free is not None:
        bounds.append(("free", proposal.free))
    return bounds


def _verdict(
    proposal: Proposal, book: Book, settings: RiskSettings, stake: float, cuts: tuple[Cut, ...]
) -> RiskVerdict:
    # A limit of the account says more than the stake of 0 it left, so limits are asked first; a
    # stake of 0 is asked about as the least order possible.
    least = math.ulp(0.0)
    verdict = judge(_order(proposal, max(stake, least)), book, settings)
    if not verdict.allowed:
        return RiskVerdict(False, 0.0, cuts=cuts + verdict.cuts, veto=verdict.veto)
    if stake <= 0:
        return RiskVerdict(False, 0.0, cuts=cuts, veto=f"nothing is left by {cuts[-1].rule}")
    if stake < proposal.min_stake:
        veto = f"the stake of {stake:.2f} is below the exchange's minimum {proposal.min_stake:.2f}"
        return RiskVerdict(False, 0.0, cuts=cuts, veto=veto)
    stop = initial_stop(proposal.side, proposal.rate, proposal.atr, math.nan, settings)
    return RiskVerdict(True, stake, proposal.leverage, stop, cuts)


def _order(proposal: Proposal, stake: float) -> OrderRequest:
    return OrderRequest(
        time=proposal.time,
        pair=proposal.pair,
        side=proposal.side,
        purpose="entry",
        stake=stake,
        rate=proposal.rate,
        leverage=proposal.leverage,
    )


def _fault_of(proposal: Proposal) -> str | None:
    for name in ("rate", "atr", "confidence", "leverage", "strength"):
        if not is_number(getattr(proposal, name), above=0):
            return f"the {name} is {getattr(proposal, name)}, not a positive number"
    for name in ("size", "stop"):
        if not is_number(getattr(proposal.volatility, name), above=0):
            return "the volatility of the last week is not known"
    for name in ("confidence", "strength"):
        if getattr(proposal, name) > 1 + 1e-9:
            return f"the {name} is {getattr(proposal, name)}, above 1"
    for name in ("min_stake", "max_stake", "free"):
        figure = getattr(proposal, name)
        if (name != "free" or figure is not None) and not is_number(figure):
            return f"the {name} is {figure}, not a number"
    return None
