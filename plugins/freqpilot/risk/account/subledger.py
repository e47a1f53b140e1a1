"""One account, several sleeves: who holds what of each position, and what each has earned.

Freqtrade holds one position a pair. Its amount is split among the sleeves and a last row, the
*rest*, which holds what no sleeve wanted (a forced entry, a trade from before). Whatever happens
to the position happens to the rows, so their sums are the account's trades, always: amounts in base
currency (below zero short), money in stake currency.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from freqpilot.shapes import Bools, Floats

REST = "rest"
DUST = 1e-9
"""A sum that is less than this of its terms is what rounding left."""


@dataclass(frozen=True)
class Books:
    """``amounts`` (n_rows × n_pairs) and, for each row, ``cash`` (what trading paid and took, fees
    and funding included), ``fees`` and ``funding`` (received, below zero paid); ``base`` is the
    money that was allotted, ``peak`` the highest equity. ``prices`` are the last known ones. The
    last row is the rest: it has no money of its own."""

    names: tuple[str, ...]
    pairs: tuple[str, ...]
    amounts: Floats
    cash: Floats
    fees: Floats
    funding: Floats
    base: Floats
    peak: Floats
    prices: Floats

    @property
    def pnl(self) -> Floats:
        """What each row has earned, open positions at the last prices included."""
        # A pair that nobody holds may have no price.
        values = np.where(self.amounts != 0, self.amounts * self.prices, 0.0)
        earned: Floats = self.cash + values.sum(axis=1)
        return earned

    @property
    def equity(self) -> Floats:
        """The money that was allotted and what was earned with it."""
        return self.base + self.pnl

    @property
    def exposure(self) -> Floats:
        """The value of each row's open positions, long and short added."""
        values = np.where(self.amounts != 0, np.abs(self.amounts * self.prices), 0.0)
        found: Floats = values.sum(axis=1)
        return found

    @property
    def drawdown(self) -> Floats:
        """Each row's fall from its peak as a fraction, 0…1; 1 where that cannot be told."""
        known = np.isfinite(self.equity) & (self.peak > 0)
        fall = 1.0 - self.equity / np.where(known, self.peak, 1.0)
        return np.where(known, np.clip(fall, 0.0, 1.0), 1.0)

    def held(self, pair: str) -> Floats:
        """Return each row's amount of a pair."""
        found: Floats = np.zeros(len(self.names))
        if pair in self.pairs:
            found = self.amounts[:, self.pairs.index(pair)]
        return found


def empty(sleeves: Sequence[str], base: Floats) -> Books:
    """Return the books of sleeves that have traded nothing, with the money that is theirs."""
    rows = len(sleeves) + 1
    allotted = np.append(base, 0.0).astype(np.float64)
    none = np.zeros(rows)
    return Books(
        names=(*sleeves, REST),
        pairs=(),
        amounts=np.zeros((rows, 0)),
        cash=none.copy(),
        fees=none.copy(),
        funding=none.copy(),
        base=allotted,
        peak=allotted.copy(),
        prices=np.zeros(0),
    )


def parts_of(amount: float, held: Floats, want: Floats) -> Floats:
    """Return how a fill of ``amount`` (signed) is split among the rows.

    First to those that want more of its direction, in proportion to how much; what is beyond their
    wants comes from those who hold the other direction, in proportion to that; then it is the
    rest's. Nobody wants anything for the rest.
    """
    sign = math.copysign(1.0, amount)
    missing = np.maximum(sign * (np.append(want, 0.0) - held), 0.0)
    left, parts = abs(amount), np.zeros(len(held))
    for claims in (missing, None):
        claim = np.maximum(-sign * (held + sign * parts), 0.0) if claims is None else claims
        total = float(claim.sum())
        if left > 0 and total > 0:
            taken = min(left, total)
            parts += claim * (taken / total)
            left -= taken
    parts[-1] += max(left, 0.0)
    # Shares of a sum are off by a last digit: the largest takes it, so that the sum is the fill.
    parts[int(np.argmax(parts))] += abs(amount) - float(parts.sum())
    return sign * parts


def filled(
    books: Books, pair: str, amount: float, money: float, fee: float, want: Floats
) -> tuple[Books, Floats]:
    """Return the books after a fill, and what part of it each row took (summing to 1).

    :param amount: base currency, below zero sold.
    :param money: what was paid for it, the fee not counted; of the sign of ``amount``.
    :param want: each sleeve's wanted amount.
    """
    if not amount:
        return books, np.zeros(len(books.names))
    books = _with(books, pair)
    parts = parts_of(amount, books.held(pair), want)
    part = parts / amount
    column = books.pairs.index(pair)
    amounts, prices = books.amounts.copy(), books.prices.copy()
    amounts[:, column] += parts
    prices[column] = money / amount
    return replace(
        books,
        amounts=amounts,
        prices=prices,
        cash=books.cash - part * (money + fee),
        fees=books.fees + part * fee,
    ), part


def crossed(books: Books, pair: str, want: Floats, price: float) -> Books:
    """Return the books after the sleeves have traded a pair with each other at ``price``, without
    fee: those that hold too much with those that hold too little, each in proportion. The position
    stays as it is."""
    held = books.held(pair)
    missing = np.append(want, 0.0) - held
    more, less = np.maximum(missing, 0.0), np.maximum(-missing, 0.0)
    volume = min(float(more.sum()), float(less.sum()))
    if not (volume > 0 and math.isfinite(price) and price > 0):
        return books
    books = _with(books, pair)
    moved = more * (volume / more.sum()) - less * (volume / less.sum())
    moved[int(np.argmax(np.abs(moved)))] -= float(moved.sum())
    column = books.pairs.index(pair)
    amounts, prices = books.amounts.copy(), books.prices.copy()
    amounts[:, column] += moved
    prices[column] = price
    return replace(books, amounts=amounts, prices=prices, cash=books.cash - moved * price)


def funded(books: Books, pair: str, money: float) -> Books:
    """Return the books after funding was received (below zero paid) on a pair's position: each row
    by what it holds, a short one against it. Of a position that nobody holds it is the rest's."""
    held = books.held(pair)
    total, gross = float(held.sum()), float(np.abs(held).sum())
    part = np.zeros(len(held))
    if abs(total) > DUST * gross:
        part = held / total
    else:
        part[-1] = 1.0
    part[-1] += 1.0 - float(part.sum())
    paid = part * money
    return replace(books, cash=books.cash + paid, funding=books.funding + paid)


def dropped(books: Books, pair: str, amount: float) -> Books:
    """Return the books without ``amount`` (signed) of a pair, which no trade holds any more; it is
    taken from who holds it, and is worth nothing."""
    if not amount or pair not in books.pairs:
        return books
    held = books.held(pair)
    amounts = books.amounts.copy()
    amounts[:, books.pairs.index(pair)] += parts_of(-amount, held, held[:-1])
    return replace(books, amounts=amounts)


def settled(books: Books, volume: Floats, money: float) -> Books:
    """Return the books after what a closed trade was worth beyond its fills (late fees, rounding)
    went to the rows by their ``volume`` in it."""
    part = np.zeros(len(books.names))
    total = float(volume.sum())
    if total > 0:
        part = volume / total
    part[int(np.argmax(part)) if total > 0 else -1] += 1.0 - float(part.sum())
    return replace(books, cash=books.cash + part * money)


def marked(books: Books, prices: Mapping[str, float]) -> Books:
    """Return the books at new prices, with the peaks that they make; a price that is no positive
    number is left out."""
    known = [prices.get(pair, math.nan) for pair in books.pairs]
    new = np.array(known, dtype=np.float64)
    usable = np.isfinite(new) & (new > 0)
    books = replace(books, prices=np.where(usable, new, books.prices))
    return replace(books, peak=np.fmax(books.peak, books.equity))


def rebased(books: Books, equity: Floats) -> Books:
    """Return the books after money was moved so that the sleeves have ``equity``: what each has
    earned and its drawdown stay."""
    old, new = books.equity, np.append(equity, books.equity[-1])
    factor = np.where(old > 0, new / np.where(old > 0, old, 1.0), 1.0)
    return replace(books, base=books.base + new - old, peak=books.peak * factor)


def resumed(books: Books, rows: Bools) -> Books:
    """Return the books with the peaks of these sleeves at what they are worth now."""
    chosen = np.append(rows, False)
    return replace(books, peak=np.where(chosen, books.equity, books.peak))


def _with(books: Books, pair: str) -> Books:
    if pair in books.pairs:
        return books
    return replace(
        books,
        pairs=(*books.pairs, pair),
        amounts=np.column_stack([books.amounts, np.zeros(len(books.names))]),
        prices=np.append(books.prices, math.nan),
    )


def to_dict(books: Books) -> dict[str, Any]:
    """Return the books as plain data."""
    arrays = ("cash", "fees", "funding", "base", "peak", "prices")
    return {
        "names": list(books.names),
        "pairs": list(books.pairs),
        "amounts": books.amounts.tolist(),
        **{name: getattr(books, name).tolist() for name in arrays},
    }


def from_dict(saved: Mapping[str, Any]) -> Books:
    """Return the books of :func:`to_dict`."""
    arrays = ("cash", "fees", "funding", "base", "peak", "prices")
    rows, pairs = len(saved["names"]), len(saved["pairs"])
    return Books(
        names=tuple(saved["names"]),
        pairs=tuple(saved["pairs"]),
        amounts=np.array(saved["amounts"], dtype=np.float64).reshape(rows, pairs),
        **{name: np.array(saved[name], dtype=np.float64) for name in arrays},
    )


def arranged(books: Books, sleeves: Sequence[str], base: Floats) -> Books:
    """Return the books of these sleeves: a new one begins with its ``base``, what one that is gone
    held and earned is the rest's."""
    if books.names[:-1] == tuple(sleeves):
        return books
    new = empty(sleeves, base)
    for pair in books.pairs:
        new = _with(new, pair)
    into = [new.names.index(name) if name in new.names else -1 for name in books.names]
    amounts, cash = new.amounts.copy(), new.cash.copy()
    fees, funding = new.fees.copy(), new.funding.copy()
    money, peak = new.base.copy(), new.peak.copy()
    for row, place in enumerate(into):
        amounts[place] += books.amounts[row]
        cash[place] += books.cash[row]
        fees[place] += books.fees[row]
        funding[place] += books.funding[row]
        if place >= 0:
            money[place], peak[place] = books.base[row], books.peak[row]
    return replace(
        new,
        amounts=amounts,
        cash=cash,
        fees=fees,
        funding=funding,
        base=money,
        peak=peak,
        prices=books.prices.copy(),
    )
