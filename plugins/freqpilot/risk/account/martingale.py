"""Stakes that grow with loss, told from the trades that a strategy made.

A martingale stakes more after each loss to win all of it back. It wins often and small until a run
of losses takes the account, so its record says nothing of what it can lose. It is looked for in two
places: the first stake of a trade after the trade that closed last before it, and additions that
are made while a trade is in loss.

Both are tests of ranks or signs against a sizer whose stakes do not depend on what came before, and
name a finding from :data:`SURE` standard deviations on. A test looks again after each trade, so it
errs more often than one look would. How often is measured in
``tests/risk/account/test_risk_account_martingale.py`` and stands in docs/risk.md. A strategy that
sizes at random is named in fewer than 1 of 100 runs of a thousand trades. Not seen are a
martingale of fewer than about a dozen losses, one that grows by less than a quarter, and one that
is spread over pairs or bots so that its next trade begins before the last is over. What was cut by
limits counts as it was filled.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Literal, NamedTuple

SURE = 4.0
"""Standard deviations from which on a finding is named."""
FAIRLY_SURE = 3.0
"""Those of a second test beside the first."""
GROWS = 1.25
"""From this ratio of two stakes on the later one has grown."""
LEAST = 5
"""Trades after a loss, and after a win, that are needed for an opinion."""
WINDOW = 100
"""The newest trades that are looked at."""

Kind = Literal["entries", "additions"]


class EntryOrder(NamedTuple):
    """An order that opened or enlarged a trade: own money in stake currency, and its price."""

    stake: float
    price: float


class StakedTrade(NamedTuple):
    """A trade as it was staked: when it was opened and closed (None while it is open), its profit
    in stake currency, and its entry orders, oldest first."""

    opened: datetime
    closed: datetime | None
    profit: float
    bets: tuple[EntryOrder, ...]
    is_short: bool = False


@dataclass(frozen=True)
class Finding:
    """Stakes that grow with loss: of which ``kind``, in how many ``cases``, and by how many
    ``deviations`` that is from chance. ``loss`` is the stake after a loss and ``usual`` the one
    after no loss, in stake currency; for additions, the shares of cases that grew and shrank."""

    kind: Kind
    cases: int
    usual: float
    loss: float
    deviations: float

    def __str__(self) -> str:
        if self.kind == "entries":
            return (
                f"the first stake of a trade is {self.loss:,.2f} (the middle of {self.cases} "
                f"cases) after a trade that lost, and {self.usual:,.2f} after one that did not"
            )
        return (
            f"of {self.cases} additions to trades in loss {self.loss:.0%} were at least "
            f"{GROWS - 1:.0%} larger than the order before, and {self.usual:.0%} smaller"
        )


def findings(trades: Sequence[StakedTrade]) -> list[Finding]:
    """Return in what the stakes of the newest trades grow with loss; nothing where they do not."""
    newest = sorted(trades, key=lambda trade: trade.opened)[-WINDOW:]
    return [found for found in (_entries(newest), _additions(newest)) if found is not None]


def _entries(trades: Sequence[StakedTrade]) -> Finding | None:
    """Compare first stakes by what the trade brought that closed last before: a test of rank sums
    (Mann and Whitney 1947) with its variance corrected for ties.

    Stakes that are larger in bad times would look the same, so a stake after a loss has to be
    larger than that trade's as well, by a test of signs. That alone would name who stakes more
    where more is won: what is lost was staked less then.
    """
    lost, others, ratios = [], [], []
    for trade in trades:
        before = _before(trade, trades)
        if before is None or not trade.bets:
            continue
        stake = trade.bets[0].stake
        if before.profit < 0:
            lost.append(stake)
            ratios.append(stake / before.bets[0].stake if before.bets else 1.0)
        else:
            others.append(stake)
    if min(len(lost), len(others)) < LEAST or _sign_deviations(ratios) < FAIRLY_SURE:
        return None
    usual, grown = median(others), median(lost)
    deviations = rank_deviations(lost, others)
    if grown < GROWS * usual or deviations < SURE:
        return None
    return Finding("entries", len(lost), usual, grown, deviations)


def _before(trade: StakedTrade, trades: Sequence[StakedTrade]) -> StakedTrade | None:
    """Return the trade that closed last before another was opened."""
    done = [each for each in trades if each.closed is not None and each.closed <= trade.opened]
    return max(done, key=lambda each: each.closed or each.opened) if done else None


def _sign_deviations(ratios: Sequence[float]) -> float:
    """Return by how many standard deviations stakes grew more often than they shrank."""
    grown = sum(ratio >= GROWS for ratio in ratios)
    shrunk = sum(ratio <= 1 / GROWS for ratio in ratios)
    return (grown - shrunk) / math.sqrt(grown + shrunk) if grown + shrunk else 0.0


def rank_deviations(larger: Sequence[float], others: Sequence[float]) -> float:
    """Return by how many standard deviations the ranks of ``larger`` are above what chance gives
    them; 0 where all are alike."""
    count, rest = len(larger), len(others)
    total = count + rest
    ranks, ties = _ranks([*larger, *others])
    above = sum(ranks[:count]) - count * (count + 1) / 2 - count * rest / 2
    variance = count * rest / 12 * (total + 1 - ties / (total * (total - 1)))
    return above / math.sqrt(variance) if variance > 0 else 0.0


def _ranks(values: Sequence[float]) -> tuple[list[float], float]:
    """Return the rank of each value from 1 on, equal ones at their mean, and the sum of t³ − t over
    the groups of equal ones."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, ties, begin = [0.0] * len(values), 0.0, 0
    while begin < len(order):
        end = begin
        while end + 1 < len(order) and values[order[end + 1]] == values[order[begin]]:
            end += 1
        for place in order[begin : end + 1]:
            ranks[place] = (begin + end) / 2 + 1
        alike = end - begin + 1
        ties += alike**3 - alike
        begin = end + 1
    return ranks, ties


def _additions(trades: Sequence[StakedTrade]) -> Finding | None:
    """Count additions in loss that are larger than the order before them and such that are smaller:
    a test of signs. Two stakes of a random sizer are as often the one as the other."""
    ratios = [ratio for trade in trades for ratio in _in_loss(trade)]
    grown = sum(ratio >= GROWS for ratio in ratios)
    shrunk = sum(ratio <= 1 / GROWS for ratio in ratios)
    deviations = _sign_deviations(ratios)
    if deviations < SURE or grown * 2 < len(ratios):
        return None
    count = len(ratios)
    return Finding("additions", count, shrunk / count, grown / count, deviations)


def _in_loss(trade: StakedTrade) -> Iterator[float]:
    """Yield how large each addition that was made in loss is, to the order before it."""
    paid = amount = 0.0
    before: EntryOrder | None = None
    for bet in trade.bets:
        if not (bet.stake > 0 and bet.price > 0):
            continue
        if before is not None:
            mean = paid / amount
            if bet.price > mean if trade.is_short else bet.price < mean:
                yield bet.stake / before.stake
        paid, amount, before = paid + bet.stake, amount + bet.stake / bet.price, bet
