"""The leverage that the pack's strategies ask for on futures. The gate refuses one above the
tier's; here nothing above it is asked for."""

import logging

from freqpilot.host.run.current import current
from freqpilot.host.seams.freqtrade import Exchange
from freqpilot.risk.account.tiers import tier_in
from freqpilot.risk.entries import leverage as rules

logger = logging.getLogger(__name__)


def chosen(pair: str, most: float, stoploss: float, exchange: Exchange) -> float:
    """Return the leverage of a new trade: ``risk.leverage``, at most the tier's and the exchange's,
    and so much that a liquidation is two stop distances away. 1 where that cannot be told.

    :param most: the exchange's largest for the pair.
    :param stoploss: the strategy's, a share of own money.
    :param exchange: Freqtrade's, which knows the maintenance rates.
    """
    try:
        run = current()
        risk, book = run.settings.risk, run.state.book()
        if risk.leverage <= 1 or book is None:
            return 1.0
        tier = tier_in(book, risk)
        wanted = min(risk.leverage, most)
        largest = wanted if not run.settings.supervisor else tier.max_leverage
        notional = book.equity * tier.max_position * wanted
        rate, _ = exchange.get_maintenance_ratio_and_amt(pair, notional)
        buffer = float(exchange.liquidation_buffer)
        return rules.leverage(wanted, largest, stoploss, float(rate), buffer)
    except Exception:  # Freqtrade would take 1 as well
        logger.exception("The leverage of %s could not be told; it is 1", pair)
        return 1.0
