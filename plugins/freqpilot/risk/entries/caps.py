"""How much own money may be in one place: what bounds the stake of an order that raises risk."""

from typing import NamedTuple

from freqpilot.risk.account.responses import cap_factor
from freqpilot.risk.entries.diversification import shares
from freqpilot.settings import RiskSettings, Tier
from freqpilot.shapes import Book


class Cap(NamedTuple):
    """A rule that bounds a stake: ``what`` it bounds, the ``limit`` as a share of equity, what is
    ``held`` there already in stake currency, and what the limit depends on, in words. ``weight`` is
    how much of it a unit of stake takes: 1 where stakes are bounded, above 0 and less where it is
    what they lose at a stop."""

    rule: str
    what: str
    limit: float
    held: float
    now: str = ""
    weight: float = 1.0

    def room(self, equity: float) -> float:
        """Return the largest stake that keeps the limit, in stake currency; below 0 where it is
        passed already."""
        return (self.limit * equity - self.held) / self.weight


def caps(pair: str, book: Book, tier: Tier, settings: RiskSettings) -> tuple[Cap, ...]:
    """Return the caps that the stake of an order in ``pair`` has to keep, in the order they are
    asked; those that are only reported are left out. ``book`` must not contain the order's own
    stake."""
    found = _all(pair, book, tier, settings)
    return tuple(cap for cap in found if cap.rule not in settings.report_only)


def _all(pair: str, book: Book, tier: Tier, settings: RiskSettings) -> tuple[Cap, ...]:
    most = tier.max_position * cap_factor(book, settings)
    now = f" now in tier {tier.name}"
    exchange = f"exposure on {book.exchange or 'the exchange'}"
    there = settings.max_exchange_exposure
    return (
        Cap("max_position", f"the position in {pair}", most, stake_in(pair, book), now),
        Cap("max_exposure", "exposure", settings.max_exposure, book.exposure),
        Cap("max_exchange_exposure", exchange, there, book.exchange_exposure),
        *(
            Cap(each.rule, each.what, each.limit, each.held, now)
            for each in shares(pair, book, tier, settings)
        ),
    )


def stake_in(pair: str, book: Book) -> float:
    """Return the own money that is already in ``pair``, in stake currency."""
    return sum(position.stake for position in book.positions if position.pair == pair)
