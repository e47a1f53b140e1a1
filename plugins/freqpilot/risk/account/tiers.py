"""Which limits an account has: by its equity at the start, by what it has proved afterwards."""

import math
from typing import NamedTuple

from freqpilot.risk.account.record import KEPT, Record
from freqpilot.settings import RiskSettings, Tier
from freqpilot.shapes import Book


class TierRecord(NamedTuple):
    """What an account has shown since its tier began: how many trades were closed, and its worst
    drawdown, a share of the highest equity of that time."""

    trades: int
    drawdown: float


def tier_of(equity: float, settings: RiskSettings) -> Tier:
    """Return the highest tier whose floor ``equity`` (US dollars) reaches.

    An equity that is NaN or below every floor gets the first tier, which the order gate never
    comes to ask about: it refuses such an account before.
    """
    reached = settings.tiers[0]
    for tier in settings.tiers:
        if equity >= tier.equity_from:
            reached = tier
    return reached


def named(name: str | None, equity: float, settings: RiskSettings) -> Tier:
    """Return the tier called ``name``; where there is none, the one of ``equity``."""
    found = [tier for tier in settings.tiers if tier.name == name]
    return found[0] if found else tier_of(equity, settings)


def tier_in(book: Book, settings: RiskSettings) -> Tier:
    """Return the tier whose limits an account has now."""
    return named(book.tier, math.nan if book.usd is None else book.equity * book.usd, settings)


def stepped(
    name: str | None, equity: float, since: TierRecord, record: Record, settings: RiskSettings
) -> Tier:
    """Return the tier after an observation: the same, the next one, or that of the equity.

    Below ``demote_below`` of its floor a tier is lost at once. The next one needs its floor and
    the record for it, so that a lucky trade or a deposit does not change the limits.

    :param name: the tier so far; None for an account that was not observed before.
    :param equity: in US dollars.
    """
    tier = named(name, equity, settings)
    if equity < settings.demote_below * tier.equity_from:
        return tier_of(equity, settings)
    above = [each for each in settings.tiers if each.equity_from > tier.equity_from]
    if above and equity >= above[0].equity_from and proved(since, record, settings):
        return above[0]
    return tier


def proved(since: TierRecord, record: Record, settings: RiskSettings) -> bool:
    """Tell whether an account has the record for the next tier, its equity apart."""
    return (
        since.trades >= settings.advance_trades
        and record.win_rate(50) > settings.advance_win_rate
        and profit_factor(since, record) > settings.advance_profit_factor
        and since.drawdown < settings.advance_drawdown
    )


def profit_factor(since: TierRecord, record: Record) -> float:
    """Return gains over losses of the tier's trades that are kept; infinite where some won and none
    lost, NaN where nothing was won or lost."""
    count = min(KEPT, len(record.outcomes), since.trades)
    profits = [outcome.profit for outcome in record.outcomes[-count:]] if count else []
    if profits and min(profits) >= 0:
        return math.inf if max(profits) > 0 else math.nan
    return record.profit_factor(count) if count else math.nan
