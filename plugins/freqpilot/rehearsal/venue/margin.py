"""What an isolated position of a USD-M future owes: margin, PnL, liquidation price, funding.

Sources: Binance's "How to Calculate Liquidation Price of USDⓈ-M Futures Contracts"
(binance.com/en/support/faq/b3c689c1f50a44cabb3a84e663b81d93) and "Introduction to Binance Futures
Funding Rates" (binance.com/en/support/faq/360033525031).
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

ZERO = Decimal(0)
EIGHT = Decimal("0.00000001")
MAINTENANCE = Decimal("0.005")
"""Maintenance margin as a share of the position: one bracket for all, with no maintenance amount
(``cum``) to take off."""
MAX_LEVERAGE = 50
MAX_NOTIONAL = Decimal(50_000_000)
DEFAULT_LEVERAGE = 20


@dataclass
class Position:
    """One symbol's position in one-way mode: ``amount`` in base currency (below zero: short),
    ``cost`` what it was entered for (amount · mean entry price, of its sign), ``margin`` the wallet
    set apart for it."""

    symbol: str
    leverage: int = DEFAULT_LEVERAGE
    margin_type: str = "CROSSED"
    amount: Decimal = ZERO
    cost: Decimal = ZERO
    margin: Decimal = ZERO
    updated: int = 0

    @property
    def sign(self) -> int:
        """1 for a long position, −1 for a short one, 0 for none."""
        return (self.amount > 0) - (self.amount < 0)

    @property
    def entry(self) -> Decimal:
        """Mean entry price, 0 without a position."""
        return self.cost / self.amount if self.amount else ZERO

    def reducible(self, sign: int) -> Decimal:
        """Return how much an order of ``sign`` can take off the position."""
        return abs(self.amount) if self.sign == -sign else ZERO

    def profit(self, price: Decimal) -> Decimal:
        """Return the PnL that is not realised at ``price``."""
        return self.amount * price - self.cost

    def maintenance(self, price: Decimal) -> Decimal:
        """Return the maintenance margin at ``price``."""
        return abs(self.amount) * price * MAINTENANCE

    @property
    def liquidation_price(self) -> Decimal:
        """Where margin + PnL = maintenance margin; 0 when no price is that bad.

        (margin − amount · entry) / (|amount| · rate − amount), with amount below zero for a short.
        """
        if not self.amount:
            return ZERO
        price = (self.margin - self.cost) / (abs(self.amount) * MAINTENANCE - self.amount)
        return max(ZERO, price)

    def trade(self, signed: Decimal, price: Decimal, now: int) -> Decimal:
        """Take in a fill of ``signed`` amount; returns the PnL that it realises.

        What it closes gives back its share of the margin, what it opens takes 1/leverage of its
        value.
        """
        self.updated, sign = now, 1 if signed > 0 else -1
        closing = min(abs(signed), self.reducible(sign))
        opening = abs(signed) - closing
        realised = ZERO
        if closing:
            part = closing / abs(self.amount)
            whole = closing == abs(self.amount)
            cost = self.cost if whole else (self.cost * part).quantize(EIGHT)
            margin = self.margin if whole else (self.margin * part).quantize(EIGHT)
            realised = -sign * closing * price - cost
            self.amount += sign * closing
            self.cost -= cost
            self.margin -= margin
        if opening:
            self.amount += sign * opening
            self.cost += sign * opening * price
            self.margin += initial_margin(opening * price, self.leverage)
        return realised


def initial_margin(notional: Decimal, leverage: int) -> Decimal:
    """Return what a position of ``notional`` sets apart when it is opened."""
    return (notional / leverage).quantize(EIGHT, ROUND_CEILING)


def funding_fee(amount: Decimal, price: Decimal, rate: Decimal) -> Decimal:
    """Return what a position pays at a funding time; below zero it receives."""
    return (amount * price * rate).quantize(EIGHT, ROUND_CEILING)
