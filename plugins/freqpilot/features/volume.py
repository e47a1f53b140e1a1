"""Features of volume: on which side it traded, at what price, and how much of it."""

import numpy as np

from freqpilot.features import kernels, oscillators
from freqpilot.features.oscillators import per_atr, typical
from freqpilot.features.registry import feature
from freqpilot.features.workspace import WILDER, Workspace, settle_of
from freqpilot.shapes import Floats

_ATR = settle_of(WILDER) + 1
_FAST, _SLOW = 2.0 / 4, 2.0 / 11
_CHAIKIN = 96
"""Beyond :func:`settle_of`: volume is ragged, and a first value may be a hundred times the mean."""


def signed_share(amount: Floats, change: Floats, window: int) -> Floats:
    """Amount at rises less that at falls, as a share of all of it, −1…1."""
    balance = kernels.rolling_mean(oscillators.signed(amount, change), window)
    return np.asarray(kernels.ratio(balance, kernels.rolling_mean(amount, window)))


@feature("mfi_14", 15)
def _(w: Workspace) -> Floats:
    """Money flow index, −1…1 instead of 0…100 (Quong and Soudack 1989)."""
    price = typical(w)
    change = kernels.lag_difference(price, 1)
    flow = oscillators.signed(price * w.candles.volume, change)
    balance, size = kernels.rolling_mean(flow, 14), kernels.rolling_mean(np.abs(flow), 14)
    return np.asarray(kernels.ratio(balance, size))


@feature("obv_24", 25)
def _(w: Workspace) -> Floats:
    """Rise of the on-balance volume (Granville 1963) over 24 candles as a share of the volume."""
    return signed_share(w.candles.volume, w.log_return(1), 24)


@feature("accumulation_24", 24)
def _(w: Workspace) -> Floats:
    """Rise of the accumulation/distribution line (Chaikin) as a share of the volume, −1…1."""
    return w.money_flow(24)


@feature("chaikin_3_10", _CHAIKIN)
def _(w: Workspace) -> Floats:
    """Chaikin oscillator: the fast less the slow EMA of the accumulation/distribution line, over
    the mean volume. The line never forgets, but its distance from an EMA is (1 − α)/α times the
    EMA of its summands, which does."""
    c = w.candles
    place = kernels.ratio(2 * c.close - c.high - c.low, c.high - c.low)
    flow = np.asarray(place * c.volume)
    slow = (1 - _SLOW) / _SLOW * kernels.ewm(flow, _SLOW, _CHAIKIN)
    fast = (1 - _FAST) / _FAST * kernels.ewm(flow, _FAST, _CHAIKIN)
    return np.asarray(kernels.ratio(slow - fast, kernels.ewm(c.volume, _SLOW, _CHAIKIN)))


@feature("vwap_distance_24", _ATR)
def _(w: Workspace) -> Floats:
    """Distance of the close from the volume-weighted price of 24 candles, in ATRs."""
    vwap = oscillators.rolling_weighted(typical(w), w.candles.volume, 24)
    return per_atr(w, w.candles.close - vwap)


@feature("volume_climax_96", 96)
def _(w: Workspace) -> Floats:
    """Volume over the highest of 96 candles, 0…1."""
    volume = w.candles.volume
    return np.asarray(kernels.ratio(volume, kernels.rolling_extreme(volume, 96, 1.0)))


@feature("volume_dryup_24", 24)
def _(w: Workspace) -> Floats:
    """Volume over its mean of 24 candles; near 0 where trade dries up."""
    volume = w.candles.volume
    return np.asarray(kernels.ratio(volume, kernels.rolling_mean(volume, 24)))
