"""How much leverage a position of the pack's strategies has."""

from freqpilot.risk.soundness import is_number

STOPS = 2.0
"""How many stop distances away a liquidation has to be at least."""


def leverage(
    wanted: float, most: float, stoploss: float, maintenance: float, buffer: float
) -> float:
    """Return the leverage of a new position, 1 or more: what is wanted, at most ``most``, and so
    much that the liquidation is at least :data:`STOPS` stop distances away.

    In isolated margin a short with leverage L is liquidated at a distance of (1/L − m)/(1 + m) of
    its price, m being the maintenance rate, and a long no nearer (Binance and Bybit, without fees).
    Freqtrade closes before that: its ``liquidation_buffer`` b takes a share of the distance. The
    stop is ``stoploss``/L away. What cannot be told gives 1.

    :param stoploss: the strategy's, a share of own money; a stop that moves only comes nearer.
    :param maintenance: the exchange's maintenance rate for the position, 0…1.
    :param buffer: Freqtrade's, 0…1.
    """
    if not all(map(is_number, (wanted, most, stoploss, maintenance, buffer))):
        return 1.0
    kept = (1.0 - buffer) / (1.0 + maintenance)
    left = kept - STOPS * abs(stoploss)
    if left <= 0:
        return 1.0
    safe = left / (maintenance * kept) if maintenance > 0 else wanted
    return max(1.0, min(wanted, most, safe))
