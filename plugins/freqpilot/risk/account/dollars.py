"""What the stake currency is worth in US dollars: the floors of tiers and the least flow are in
dollars, all else of an account is in its own currency.
"""

from freqpilot.risk.soundness import is_number

DOLLARS = ("USD", "USDT", "USDC", "FDUSD", "BUSD", "TUSD", "DAI", "PYUSD")
"""The dollar and the coins that are made to be worth one."""
STEP = 0.05
"""A rate may move by that share at once; further only when it is read twice."""
AGREEMENT = 0.01
"""By how much two readings may differ and agree."""
COIN = 10.0
"""From so many dollars on, hundredths of a currency are no small change."""


def is_dollar(currency: str) -> bool:
    """Tell whether a currency counts as a dollar where nobody quotes it."""
    return currency in DOLLARS


def quotes(currency: str) -> list[tuple[str, bool]]:
    """Return the pairs that say what a currency is worth, the best first, and of each whether its
    price has to be inverted. What is a dollar already is priced in true dollars alone."""
    against = DOLLARS[:1] if is_dollar(currency) else DOLLARS[:4]
    found = []
    for dollar in against:
        if dollar != currency:
            found += [(f"{currency}/{dollar}", False), (f"{dollar}/{currency}", True)]
    return found


def settled(rate: float | None, former: float | None, reading: float) -> float | None:
    """Return the rate that counts after a reading: the reading where it is near the rate so far, or
    agrees with the reading before; else the rate so far.

    One wrong price could cost an account its tier, which it gets back only after many trades.
    """
    if not is_number(reading, above=0):
        return rate
    if rate is not None and abs(reading / rate - 1.0) <= STEP:
        return reading
    if former is not None and abs(reading - former) <= AGREEMENT * max(reading, former):
        return reading
    return rate


def money(amount: float, usd: float | None) -> str:
    """Return an amount in words: with hundredths, or with eight decimals of a dear currency.

    :param usd: dollars that one unit is worth, None where that is not known.
    """
    return f"{amount:.2f}" if usd is None or usd < COIN else f"{amount:.8f}"
