"""Features against the market: the close of a reference pair (BTC/<stake>) at the same dates.

They read ``Candles.market``, which :func:`~freqpilot.features.candles.frames.with_market` joins. A
missing candle of either gives NaN for as long as it is in the window, as everywhere in the bank:
FreqAI leaves such rows out of its training and says ``do_predict`` 0 for them, which a neutral
value would hide. For the reference pair itself betas and correlations are 1 and the others what
that gives: no strength of its own, no spread.
"""

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank.registry import feature
from freqpilot.features.bank.rolling import beta, comoment, correlation, mean
from freqpilot.features.engine.graph import (
    MARKET,
    Node,
    Op,
    clip,
    difference,
    largest,
    log,
    node,
    ratio,
    root,
    scale,
)

MOST_SCORE = 10.0
"""The largest cointegration score; in its own window no residual of 240 is beyond 15.5."""


def market_return(lag: int) -> Node:
    """Log return of the reference pair over ``lag`` candles."""
    return difference(log(MARKET), lag)


def spread_score(x: Node, market: Node, window: int) -> Node:
    """Residual of the least-squares line of ``x`` on ``market`` over ``window`` values, at the
    newest, in the residuals' standard deviation (the first step of Engle and Granger 1987).

    The hedge ratio is the window's own slope, fitted anew at every candle. 0 where ``x`` lies on
    the line up to rounding.
    """
    hedge = beta(x, market, window)
    residual = (x - mean(x, window)) - hedge * (market - mean(market, window))
    moved = comoment(x, x, window)
    # The residuals are what the line leaves of x; below this share they are rounding.
    left = largest(moved - hedge * comoment(x, market, window), scale(moved, f.ROUNDING))
    return ratio(residual, root(scale(left, 1.0 / window)))


@feature("beta_60")
def _() -> Node:
    return beta(f.log_return(1), market_return(1), 60)


@feature("beta_240")
def _() -> Node:
    return beta(f.log_return(1), market_return(1), 240)


@feature("market_correlation_60")
def _() -> Node:
    return correlation(f.log_return(1), market_return(1), 60)


@feature("market_correlation_240")
def _() -> Node:
    return correlation(f.log_return(1), market_return(1), 240)


@feature("relative_strength_24")
def _() -> Node:
    """Log return over a day of hours less what the market's explains by the beta of 240."""
    hedge = beta(f.log_return(1), market_return(1), 240)
    return f.log_return(24) - hedge * market_return(24)


@feature("market_lead_60")
def _() -> Node:
    """Correlation of the pair's return with the market's of the candle before: above 0 the pair
    follows late (Lo and MacKinlay 1990)."""
    market = market_return(1)
    before = node(Op.ADD, (scale(market, 0.0), market), (0, 1))
    return correlation(f.log_return(1), before, 60)


@feature("cointegration_score_240")
def _() -> Node:
    return clip(spread_score(f.log_close(), log(MARKET), 240), -MOST_SCORE, MOST_SCORE)
