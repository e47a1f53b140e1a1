"""Features of volatility: how wide the candles and the channels are, and how that changes."""

import math

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank.registry import feature
from freqpilot.features.bank.rolling import deviation, highest, lowest, mean
from freqpilot.features.engine.graph import (
    CLOSE,
    HIGH,
    LOW,
    Node,
    Op,
    absolute,
    lagged,
    ratio,
    root,
)


@feature("parkinson_24")
def _() -> Node:
    return root(f.parkinson_variance(24))


@feature("garman_klass_24")
def _() -> Node:
    return root(f.garman_klass_variance(24))


@feature("realised_ratio_24_168")
def _() -> Node:
    """Realised volatility (Andersen and Bollerslev 1998) of a day over that of a week of hours."""
    change = f.log_return(1)
    return root(ratio(f.mean_square(change, 24), f.mean_square(change, 168)))


@feature("parkinson_ratio_24_168")
def _() -> Node:
    return root(ratio(f.parkinson_variance(24), f.parkinson_variance(168)))


@feature("range_efficiency_24")
def _() -> Node:
    """Volatility from close to close over that inside the candles: above 1 it trends or gaps."""
    return root(ratio(f.mean_square(f.log_return(1), 24), f.parkinson_variance(24)))


@feature("semivariance_24")
def _() -> Node:
    """Share of the realised variance from rises less that from falls, −1…1
    (Barndorff-Nielsen, Kinnebrock and Shephard 2010)."""
    change = f.log_return(1)
    return ratio(mean(change * absolute(change), 24), f.mean_square(change, 24))


@feature("bipower_24")
def _() -> Node:
    """Bipower over realised variance: well below 1 after a jump
    (Barndorff-Nielsen and Shephard 2004)."""
    change = f.log_return(1)
    size = absolute(change)
    pairs = (0.5 * math.pi) * lagged(Op.MUL, size, size, 1)
    return ratio(mean(pairs, 24), f.mean_square(change, 24))


@feature("keltner_position_20")
def _() -> Node:
    """Place in the channel of two ATRs around an EMA, ±1 at its bands (Keltner 1960, in the form
    of Raschke)."""
    return 0.5 * f.per_atr(CLOSE - f.ema(CLOSE, 20))


@feature("donchian_width_20")
def _() -> Node:
    """Width of the channel of 20 candles as a fraction of the close (Donchian 1960)."""
    return ratio(highest(HIGH, 20) - lowest(LOW, 20), CLOSE)


@feature("squeeze_20")
def _() -> Node:
    """Width of the Bollinger band (2 deviations) over that of the Keltner channel (1.5 ATRs);
    below 1 the one lies inside the other (Carter 2005)."""
    return f.per_atr((2.0 / 1.5) * deviation(CLOSE, 20))
