"""How much own money may be in a trade so that the way to its stop costs no more than its
budget."""

from freqpilot.risk.entries.caps import Cap, stake_in
from freqpilot.risk.exits.catastrophe import loss_share
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Book, OrderRequest

RULE = "trade_risk"


def risk_caps(order: OrderRequest, book: Book, settings: RiskSettings) -> tuple[Cap, ...]:
    """Return the cap of a trade with all its additions by the loss at its stop; none where the
    strategy is sized by its own stop, or the cap is only reported."""
    if order.stop_distance is None or RULE in settings.report_only:
        return ()
    budget = settings.catastrophe_stop.budget
    lost = loss_share(order.stop_distance, order.leverage)
    now = f", as its stop {order.stop_distance:.1%} away may cost {budget:.1%} of equity"
    what = f"the position in {order.pair}"
    return (Cap(RULE, what, budget / lost, stake_in(order.pair, book), now),)
