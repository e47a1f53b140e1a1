"""What a market does to the positions that are held: which there are, and a jump that ends one."""

from decimal import Decimal

from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.venue.account import FuturesAccount
from freqpilot.rehearsal.venue.spot import MIN_NOTIONAL, ZERO, Venue

HOUR_MS = 3_600_000
SUDDEN_MS = 16 * 60_000
"""How near the next candle has to be for a position to be still there when it opens."""
CRASH, SPIKE = (0.30, 0.42), (1.60, 1.80)
"""What a price jumps to, as a share of it: beyond what a position at leverage 2 bears."""


def positions(venue: Venue, now: int) -> dict[str, int]:
    """Return the symbols with a position that is worth an order, each with 1 for a long one and −1
    for a short one."""
    found = {}
    for pair in venue.tape.pairs.values():
        symbol = pair.symbol
        if symbol in venue.closed:
            continue
        if isinstance(venue, FuturesAccount):
            amount = venue.position(symbol).amount
        else:
            amount = venue.balances.get(venue.assets(symbol)[0], ZERO)
        if abs(amount) * Decimal(str(pair.price(now))) >= MIN_NOTIONAL:
            found[symbol] = 1 if amount > 0 else -1
    return found


def is_sudden(now: int) -> bool:
    """Tell whether the next candle opens before the bot's next loop."""
    return next_hour(now) - now <= SUDDEN_MS


def next_hour(now: int) -> int:
    """Return when the next candle of an hour opens."""
    return (now // HOUR_MS + 1) * HOUR_MS


def jump_beyond(tape: Tape, symbol: str, sign: int, now: int, hours: int, share: float) -> Tape:
    """Return the market with a jump, from the next candle on and for some hours, beyond the
    liquidation price of a position in ``symbol``.

    :param share: 0…1, how far beyond.
    """
    least, most = CRASH if sign > 0 else SPIKE
    begin = next_hour(now)
    factor = least + (most - least) * share
    return tape.jumped(tape.symbol(symbol).pair, begin, begin + hours * HOUR_MS, factor)
