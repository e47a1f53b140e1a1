"""Performance statistics of return series, with the corrections for luck.

Returns are simple returns per period as fractions, oldest first. Ratios are per period unless a
function takes ``periods`` (periods a year), by whose root they are annualised. An undefined figure
(too few returns, no variance, a return that is not finite) is NaN, never an invented number.

Sources: Sharpe (1994), "The Sharpe Ratio"; Sortino and van der Meer (1991), "Downside Risk";
Bailey and López de Prado (2012), "The Sharpe Ratio Efficient Frontier"; Bailey and López de Prado
(2014), "The Deflated Sharpe Ratio".
"""

import math
from statistics import NormalDist

import numpy as np

from freqpilot.shapes import Floats, Ints

_NORMAL = NormalDist()
_FLAT = 1e-12  # spread of returns, relative to their size, that is only rounding


def sharpe(returns: Floats, periods: float = 1.0) -> float:
    """Return mean / standard deviation (n − 1) of the returns, × √periods."""
    if not _usable(returns):
        return math.nan
    return float(np.mean(returns) / np.std(returns, ddof=1)) * math.sqrt(periods)


def sortino(returns: Floats, periods: float = 1.0) -> float:
    """Return mean / downside deviation, × √periods.

    The downside deviation is √(mean of min(return, 0)²) over *all* returns; NaN when no return is
    negative.
    """
    if returns.size < 2 or not np.isfinite(returns).all():
        return math.nan
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return float(np.mean(returns)) / downside * math.sqrt(periods) if downside > 0 else math.nan


def max_drawdown(equity: Floats) -> float:
    """Return the largest fall of an equity curve from its peak before, as a fraction 0…1.

    Equity below zero counts as zero. NaN when the curve is empty, has a figure that is not finite
    or does not begin above zero.
    """
    if equity.size == 0 or not np.isfinite(equity).all() or equity[0] <= 0:
        return math.nan
    peak = np.maximum.accumulate(equity)
    return float(np.max(1.0 - np.maximum(equity, 0.0) / peak))


def drawdown_now(profits: Floats, starting_equity: float) -> float:
    """Return how far equity after ``profits`` (in stake currency, in order) stands below its
    highest value so far, the starting equity included, as a fraction 0…1."""
    equity = np.concatenate(([starting_equity], starting_equity + np.cumsum(profits)))
    peak = float(np.max(equity))
    if not math.isfinite(peak) or peak <= 0:
        return math.nan
    return min(1.0, 1.0 - float(equity[-1]) / peak)


def daily_returns(day: Ints, profit: Floats, days: int, starting_equity: float) -> Floats:
    """Return the account's return of each of ``days`` days, idle ones included as 0.

    :param day: index 0…days − 1 of the day each trade closed on; later and earlier ones count at
        the nearest end.
    :param profit: profit of each trade in stake currency.
    :returns: profit of the day / equity before it; −1 on the day equity is used up, then 0.
    :raises ValueError: when there is no day or the starting equity is not positive.
    """
    if days < 1 or not starting_equity > 0:
        raise ValueError(f"{days} days from an equity of {starting_equity} have no returns")
    sums = np.zeros(days)
    np.add.at(sums, np.clip(day, 0, days - 1), profit)
    equity = starting_equity + np.cumsum(sums)
    before = np.concatenate(([starting_equity], equity[:-1]))
    alive = np.minimum.accumulate(before) > 0
    returns = np.zeros(days)
    returns[alive] = np.maximum(sums[alive] / before[alive], -1.0)
    return returns


def turnover(traded: Floats, equity: Floats, periods: float = 1.0) -> float:
    """Return the mean of traded value (entries and exits, stake currency) / equity per period,
    × periods: how often a year the account is turned over. NaN where equity is not positive."""
    if traded.size == 0 or traded.shape != equity.shape or not (equity > 0).all():
        return math.nan
    return float(np.mean(traded / equity)) * periods


def skewness(returns: Floats) -> float:
    """Return the third standardised moment (population); 0 for a normal distribution."""
    return _moment(returns, 3)


def kurtosis(returns: Floats) -> float:
    """Return the fourth standardised moment (population), not in excess: 3 for a normal one."""
    return _moment(returns, 4)


def sharpe_statistic(
    sharpe_ratio: float, benchmark: float, count: int, skew: float = 0.0, kurt: float = 3.0
) -> float:
    """Return how many standard errors an observed Sharpe ratio stands above ``benchmark``.

    z = (SR − SR*) √(T − 1) / √(1 − γ₃ SR + (γ₄ − 1)/4 SR²), all per period, T = ``count``
    (Bailey and López de Prado 2012, eq. 11). NaN when undefined.
    """
    variance = 1.0 - skew * sharpe_ratio + (kurt - 1.0) / 4.0 * sharpe_ratio**2
    if count < 2 or not math.isfinite(variance) or variance <= 0:
        return math.nan
    return (sharpe_ratio - benchmark) * math.sqrt(count - 1) / math.sqrt(variance)


def probabilistic_sharpe(
    sharpe_ratio: float, benchmark: float, count: int, skew: float = 0.0, kurt: float = 3.0
) -> float:
    """Return the probability that the true Sharpe ratio is above ``benchmark``: Φ of
    :func:`sharpe_statistic`."""
    statistic = sharpe_statistic(sharpe_ratio, benchmark, count, skew, kurt)
    return math.nan if math.isnan(statistic) else _NORMAL.cdf(statistic)


def expected_max_sharpe(trials: int, variance: float) -> float:
    """Return the highest Sharpe ratio to expect of ``trials`` independent trials without skill.

    √V ((1 − γ) Φ⁻¹(1 − 1/N) + γ Φ⁻¹(1 − 1/(N e))), γ the Euler–Mascheroni constant (Bailey and
    López de Prado 2014, eq. 1); 0 for one trial.

    :param variance: of the trials' Sharpe ratios, per period.
    :raises ValueError: when there is no trial or the variance is negative.
    """
    if trials < 1 or not variance >= 0:
        raise ValueError(f"{trials} trials with a variance of {variance} have no maximum")
    if trials == 1:
        return 0.0
    # Φ⁻¹(1 − p) = −Φ⁻¹(p), which keeps its precision for many trials.
    highest = (1 - np.euler_gamma) * _NORMAL.inv_cdf(1 / trials)
    highest += np.euler_gamma * _NORMAL.inv_cdf(1 / (trials * math.e))
    return -float(highest) * math.sqrt(variance)


def deflated_statistic(returns: Floats, trials: int, variance: float | None = None) -> float:
    """Return :func:`sharpe_statistic` of the returns against the best of ``trials`` lucky ones.

    :param variance: of the trials' Sharpe ratios per period. Where it is unknown, as inside one
        trial, it is taken as 1 / (T − 1): what the estimate of a strategy without skill has.
    """
    if not _usable(returns):
        return math.nan
    count = returns.size
    benchmark = expected_max_sharpe(trials, 1 / (count - 1) if variance is None else variance)
    return sharpe_statistic(sharpe(returns), benchmark, count, skewness(returns), kurtosis(returns))


def deflated_sharpe(returns: Floats, trials: int, variance: float | None = None) -> float:
    """Return the deflated Sharpe ratio: the probability that the true Sharpe ratio is above what
    the best of ``trials`` without skill would show. Φ of :func:`deflated_statistic`."""
    statistic = deflated_statistic(returns, trials, variance)
    return math.nan if math.isnan(statistic) else _NORMAL.cdf(statistic)


def deflated_loss(returns: Floats, trade_count: int, trials: int, *, min_trades: int = 10) -> float:
    """Return a loss for a search over ``trials`` trials: lower is better, always −30…90.

    It is −:func:`deflated_statistic`, which orders trials as −deflated Sharpe ratio does but still
    tells them apart where that probability has run against 0 or 1. Below ``min_trades`` trades,
    or when the statistic is undefined, it is 90: no evidence.
    """
    statistic = deflated_statistic(returns, max(1, trials))
    if trade_count < min_trades or math.isnan(statistic):
        return 90.0
    return min(30.0, max(-30.0, -statistic))


def _usable(returns: Floats) -> bool:
    if returns.size < 2 or not np.isfinite(returns).all():
        return False
    return bool(np.std(returns) > _FLAT * max(float(np.max(np.abs(returns))), _FLAT))


def _moment(returns: Floats, order: int) -> float:
    if not _usable(returns):
        return math.nan
    centred = returns - np.mean(returns)
    return float(np.mean(centred**order) / np.mean(centred**2) ** (order / 2))
