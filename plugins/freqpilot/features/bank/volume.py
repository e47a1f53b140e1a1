"""Features of volume: on which side it traded, at what price, and how much of it."""

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank.registry import feature
from freqpilot.features.bank.rolling import highest, mean
from freqpilot.features.engine.graph import (
    CLOSE,
    HIGH,
    LOW,
    VOLUME,
    Node,
    Op,
    clip,
    ewm,
    pick,
    ratio,
    windowed,
)

_FAST, _SLOW = 2.0 / 4, 2.0 / 11
_CHAIKIN = 96
"""Beyond :func:`settle_of`: volume is ragged, and a first value may be a hundred times the mean."""


@feature("mfi_14")
def _() -> Node:
    """Money flow index, −1…1 instead of 0…100 (Quong and Soudack 1989)."""
    return f.money_flow_index(14)


@feature("obv_24")
def _() -> Node:
    """Rise of the on-balance volume (Granville 1963) over 24 candles as a share of the volume."""
    return f.balance(VOLUME, f.log_return(1), 24)


@feature("accumulation_24")
def _() -> Node:
    """Rise of the accumulation/distribution line (Chaikin) as a share of the volume, −1…1."""
    return f.money_flow(24)


@feature("chaikin_3_10")
def _() -> Node:
    """Chaikin oscillator: the fast less the slow EMA of the accumulation/distribution line, over
    the mean volume. The line never forgets, but its distance from an EMA is (1 − α)/α times the
    EMA of its summands, which does."""
    flow = f.close_place() * VOLUME
    slow = ((1 - _SLOW) / _SLOW) * ewm(flow, _SLOW, _CHAIKIN)
    fast = ((1 - _FAST) / _FAST) * ewm(flow, _FAST, _CHAIKIN)
    return ratio(slow - fast, ewm(VOLUME, _SLOW, _CHAIKIN))


@feature("vwap_distance_24")
def _() -> Node:
    """Distance of the close from the volume-weighted price of 24 candles, in ATRs."""
    return f.per_atr(CLOSE - f.weighted_price(24))


def _profile() -> list[Node]:
    """Point of control, lower and upper end of the value area of 96 candles in 24 bins."""
    inputs = (HIGH, LOW, f.typical(), VOLUME)
    found = windowed(Op.VOLUME_PROFILE, inputs, 95, (96.0, 24.0), 3)
    return [pick(found, place) for place in range(3)]


@feature("profile_control_96")
def _() -> Node:
    """Distance of the typical price from where most was traded in 96 candles, in ATRs."""
    return f.per_atr(f.typical() - _profile()[0])


@feature("profile_place_96")
def _() -> Node:
    """Place of the typical price in the value area, −1 at its lower end, 1 at its upper; ±3."""
    _, low, high = _profile()
    return clip(ratio(2.0 * f.typical() - low - high, high - low), -3.0, 3.0)


@feature("volume_climax_96")
def _() -> Node:
    """Volume over the highest of 96 candles, 0…1."""
    return ratio(VOLUME, highest(VOLUME, 96))


@feature("volume_dryup_24")
def _() -> Node:
    """Volume over its mean of 24 candles; near 0 where trade dries up."""
    return ratio(VOLUME, mean(VOLUME, 24))
