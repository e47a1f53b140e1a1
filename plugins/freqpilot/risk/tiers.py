"""Which limits an account of a given size has."""

from freqpilot.settings import RiskSettings, Tier


def tier_of(equity: float, settings: RiskSettings) -> Tier:
    """Return the highest tier whose floor ``equity`` (stake currency) reaches.

    An equity that is NaN or below every floor gets the first tier, which the order gate never
    comes to ask about: it refuses such an account before.
    """
    reached = settings.tiers[0]
    for tier in settings.tiers:
        if equity >= tier.equity_from:
            reached = tier
    return reached
