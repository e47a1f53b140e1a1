"""Several sleeves in one account: what all want together, and how the account is shared."""

import numpy as np

from freqpilot.shapes import Bools, Floats

BOUNDS = (0.5, 2.0)
"""How far inverse volatility may take a budget from the configured one."""
MIN_DAYS = 20


def shares(want: Floats, slot: Floats, budget: Floats, active: Bools) -> Floats:
    """Return what each sleeve wants of a pair, as a share of the account (below zero short).

    :param want: share of its slot, −1…1; what is not finite wants nothing.
    :param slot: share of a sleeve's money that belongs to one pair.
    :param budget: share of the account that belongs to a sleeve.
    :param active: a sleeve that is switched off wants nothing.
    """
    known = np.where(np.isfinite(want) & active, np.clip(want, -1.0, 1.0), 0.0)
    found: Floats = known * slot * budget
    return found


def net(wanted: Floats, *, can_short: bool) -> float:
    """Return the one target of a pair: the sum of :func:`shares`. Without shorts a net short is
    flat."""
    total = float(np.sum(wanted))
    return total if can_short else max(total, 0.0)


def inverse_volatility(budget: Floats, returns: Floats) -> Floats:
    """Return the budgets in proportion to configured budget / volatility, with the same sum, each
    within :data:`BOUNDS` of the configured one (equal risk as in R. Carver, Systematic Trading,
    2015, without its correlations).

    :param returns: daily returns (n_days × n_sleeves). With fewer than :data:`MIN_DAYS`, or a
        sleeve that has not moved in them, the configured budgets stay.
    """
    if len(returns) < MIN_DAYS:
        return budget.copy()
    spread = returns.std(axis=0, ddof=1)
    if not np.all(np.isfinite(spread) & (spread > 1e-9)):
        return budget.copy()
    raw, total = budget / spread, float(budget.sum())
    low, high = BOUNDS[0] * budget, BOUNDS[1] * budget
    # The sum rises with the factor, from the sum of all lower bounds to that of all upper ones.
    least, most = 0.0, float((high / raw).max())
    for _ in range(80):
        middle = (least + most) / 2
        if np.clip(middle * raw, low, high).sum() > total:
            most = middle
        else:
            least = middle
    found: Floats = np.clip(least * raw, low, high)
    return found
