"""Rolling windows as trees: a window is joined from a few shorter ones, which other lengths share.

A value takes few steps, live as in a batch, and depends on its own window alone, bit by bit, as the
order of the steps is the same at every candle (Hillis and Steele 1986). Moments are joined about
their means (Chan, Golub and LeVeque 1979), so nothing is lost to a price's level, and
a constant window has a variance of exactly 0. A NaN gives NaN as long as it is in the window.
"""

from functools import cache

from freqpilot.features.engine.graph import (
    Node,
    Op,
    clip,
    lagged,
    largest,
    node,
    pick,
    ratio,
    root,
    scale,
    smallest,
    windowed,
)
from freqpilot.features.engine.moments import LONGEST

MOST_ORDERED = 4_096
"""The longest window of ranks and quantiles."""
# The recursions below are cached: each calls itself twice or more, so a window of 96 took a
# millisecond to build. The nodes are kept for ever anyway.


@cache
def total(x: Node, window: int) -> Node:
    """Sum of the last ``window`` values."""
    if window == 1:
        return x
    if window % 4 == 2:
        half = total(x, window // 2)
        return lagged(Op.ADD, half, half, window // 2)
    part = -(-window // 4)
    sizes = [part] * (window // part) + [window % part] * (window % part > 0)
    parts = tuple(total(x, size) for size in sizes)
    lags = tuple(part * place for place in range(len(sizes)))
    return node(Op.TOTAL4 if len(sizes) == 4 else Op.TOTAL3, parts, lags)


def mean(x: Node, window: int) -> Node:
    """Mean of the last ``window`` values."""
    return moment(x, window, 1)


def highest(x: Node, window: int) -> Node:
    """Highest of the last ``window`` values."""
    return _extreme(x, window, top=True)


def lowest(x: Node, window: int) -> Node:
    """Lowest of the last ``window`` values."""
    return _extreme(x, window, top=False)


def _extreme(x: Node, window: int, *, top: bool) -> Node:
    block, size = x, 1
    while size < window:
        # Overlapping windows do: the same value twice changes no extreme.
        lags = [min(size * place, window - size) for place in range(min(4, -(-window // size)))]
        if len(lags) == 2:
            return (largest if top else smallest)(block, block, lags[1])
        lags = [*lags, *lags[:1] * (4 - len(lags))]
        block = node(Op.HIGHEST4 if top else Op.LOWEST4, (block,) * 4, tuple(lags))
        size = min(4 * size, window)
    return block


def _parts(window: int) -> tuple[int, int]:
    """Return the lengths of the newer and the older part that ``window`` is joined from."""
    newer = 1 << ((window - 1).bit_length() - 1)
    return newer, window - newer


@cache
def moment(x: Node, window: int, order: int) -> Node:
    """Mean (``order`` 1) or sum of the 2nd to 4th powers of the distances from it."""
    if order == 2:
        return comoment(x, x, window)
    if window == 1:
        return x if order == 1 else scale(x, 0.0)
    if window == 3 and order == 1:
        return node(Op.MEAN3, (x, x, x), (0, 1, 2))
    new, old = _parts(window)
    n = float(window)
    if order == 1:
        share = (old / n,)
        return node(Op.TOWARDS, (moment(x, new, 1), moment(x, old, 1)), (0, new), share)
    inputs = tuple(moment(x, part, power) for power in range(order, 0, -1) for part in (new, old))
    lags = (0, new) * order
    if order == 3:
        thirds = (new * old * (old - new) / n**2, 3 * old / n, 3 * new / n)
        return node(Op.MOMENT3, inputs, lags, thirds)
    fourths = (
        new * old * (old * old - old * new + new * new) / n**3,
        6 * old * old / n**2,
        6 * new * new / n**2,
        4 * old / n,
        4 * new / n,
    )
    return node(Op.MOMENT4, inputs, lags, fourths)


@cache
def comoment(x: Node, y: Node, window: int) -> Node:
    """Sum of the products of the distances of two series from their means."""
    if window == 1:
        return scale(lagged(Op.ADD, x, y), 0.0)
    new, old = _parts(window)
    inputs = (
        comoment(x, y, new),
        comoment(x, y, old),
        moment(x, new, 1),
        moment(x, old, 1),
        moment(y, new, 1),
        moment(y, old, 1),
    )
    return node(Op.COMOMENT, inputs, (0, new) * 3, (new * old / float(window),))


def variance(x: Node, window: int) -> Node:
    """Population variance of the last ``window`` values."""
    return scale(comoment(x, x, window), 1.0 / window)


def deviation(x: Node, window: int) -> Node:
    """Population standard deviation of the last ``window`` values."""
    return root(variance(x, window))


def zscore(x: Node, window: int) -> Node:
    """Distance from the mean of the last ``window`` values in their standard deviations (Student
    1908); 0 where they are all the same."""
    return ratio(x - mean(x, window), deviation(x, window))


def skew(x: Node, window: int) -> Node:
    """m3 / m2^1.5 of the last ``window`` values (Pearson 1895); 0 where they are all the same."""
    square = variance(x, window)
    return ratio(scale(moment(x, window, 3), 1.0 / window), square * root(square))


def excess_kurtosis(x: Node, window: int) -> Node:
    """m4 / m2² − 3 of the last ``window`` values (Pearson 1905); 0 where they are all the same."""
    square = variance(x, window)
    fourth = scale(moment(x, window, 4), 1.0 / window)
    return ratio(fourth - 3.0 * (square * square), square * square)


def correlation(x: Node, y: Node, window: int) -> Node:
    """Correlation of the last ``window`` values of two series (Pearson 1896); 0 where one rests."""
    for parts in (3, 2):
        size = window // parts
        if size * parts == window and 2 <= size <= LONGEST:
            moments = windowed(Op.MOMENTS, (x, y), size - 1, (float(size),), size=5)
            five = tuple(pick(moments, place) for place in range(5))
            return windowed(Op.CORRELATION, five, window - size, (float(size), float(parts)))
    spread = root(comoment(x, x, window)) * root(comoment(y, y, window))
    return clip(ratio(comoment(x, y, window), spread), -1.0, 1.0)


def autocorrelation(x: Node, window: int, lag: int) -> Node:
    """Correlation of the last ``window`` values with those ``lag`` before, all of them within the
    window (Box and Jenkins 1970, with the means of the pairs, as pandas); 0 where flat."""
    return correlation(x, node(Op.ADD, (scale(x, 0.0), x), (0, lag)), window - lag)


def beta(x: Node, market: Node, window: int) -> Node:
    """Slope of ``x`` on ``market`` over ``window`` values (Sharpe 1964); 0 where that rests."""
    return ratio(comoment(x, market, window), comoment(market, market, window))


def slope(x: Node, window: int) -> Node:
    """Least-squares slope per candle over the last ``window`` values (Gauss 1809)."""
    return scale(_time_moment(x, window), 12.0 / (window**3 - window))


@cache
def _time_moment(x: Node, window: int) -> Node:
    """Sum of the products of the distances from the means, of the values and of their times."""
    if window == 1:
        return scale(x, 0.0)
    new, old = _parts(window)
    apart = lagged(Op.SUB, moment(x, new, 1), moment(x, old, 1), new)
    # The middles of the two parts lie half their joint length apart.
    weight = new * old / window * (window / 2.0)
    joined = lagged(Op.ADD, _time_moment(x, new), _time_moment(x, old), new)
    return joined + scale(apart, weight)


def mean_deviation(x: Node, window: int) -> Node:
    """Mean absolute distance of the last ``window`` values from their mean."""
    return node(Op.DEVIATION, (x, mean(x, window)), (window - 1, 0), (float(window),))


def check_ordered(window: int) -> None:
    """Raise :class:`ValueError` unless rank and quantiles of ``window`` values can be kept."""
    if not 2 <= window <= MOST_ORDERED:
        raise ValueError(
            f"a window of {window}: rank and quantiles take 2 to {MOST_ORDERED} values"
        )


def rank(x: Node, window: int) -> Node:
    """Share of the other ``window`` − 1 last values below the newest, ties counted half, 0…1.

    :raises ValueError: for a window that the sorted cells do not hold.
    """
    check_ordered(window)
    return windowed(Op.RANK, (x,), window - 1, (float(window),))


def variance_ratio(x: Node, window: int, lag: int) -> Node:
    """Variance of ``lag``-step changes of the levels ``x`` over ``lag`` times that of one step,
    less 1, from the last ``window`` changes (Lo and MacKinlay 1988, overlapping and unbiased):
    above 0 a trend, below 0 reversion; 0 where there is no variance."""
    step, far = lagged(Op.SUB, x, x, 1), lagged(Op.SUB, x, x, lag)
    count = window - lag + 1
    drift = mean(step, window)
    offset = mean(far, count) - scale(drift, float(lag))
    long = comoment(far, far, count) + scale(offset * offset, float(count))
    weight = lag * (window - lag + 1.0) * (1.0 - lag / window) / (window - 1.0)
    short = scale(comoment(step, step, window), weight)
    return ratio(long - short, short)
