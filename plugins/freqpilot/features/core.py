"""The features that the pack's classifier is trained on: stationary, few, and cheap."""

import numpy as np

from freqpilot.features import kernels
from freqpilot.features.registry import feature
from freqpilot.features.workspace import EMA_ALPHA, FLAT, WILDER, Workspace, settle_of
from freqpilot.shapes import Floats

CORE = (
    "return_1",
    "return_6",
    "return_24",
    "trend_8_21",
    "trend_21_50",
    "trend_200",
    "rsi_14",
    "adx_14",
    "direction_14",
    "natr_14",
    "bollinger_position_20",
    "bollinger_width_20",
    "volatility_ratio",
    "volume_score_48",
    "donchian_48",
    "rank_96",
    "money_flow_20",
)
"""Names in the order in which models see them; another feature changes no model."""

_ATR = settle_of(WILDER) + 1
_ADX = 2 * settle_of(WILDER) + 1


@feature("return_1", 2)
def _(w: Workspace) -> Floats:
    return w.log_return(1)


@feature("return_6", 7)
def _(w: Workspace) -> Floats:
    return w.log_return(6)


@feature("return_24", 25)
def _(w: Workspace) -> Floats:
    return w.log_return(24)


@feature("trend_8_21", max(_ATR, settle_of(EMA_ALPHA[21])))
def _(w: Workspace) -> Floats:
    """Distance of two EMAs in ATRs."""
    return np.asarray(kernels.ratio(w.ema(8) - w.ema(21), w.atr()))


@feature("trend_21_50", max(_ATR, settle_of(EMA_ALPHA[50])))
def _(w: Workspace) -> Floats:
    return np.asarray(kernels.ratio(w.ema(21) - w.ema(50), w.atr()))


@feature("trend_200", 200)
def _(w: Workspace) -> Floats:
    """Distance of the close from its mean of 200 candles, in ATRs."""
    return np.asarray(kernels.ratio(w.candles.close - w.mean(200), w.atr()))


@feature("rsi_14", settle_of(WILDER) + 1)
def _(w: Workspace) -> Floats:
    return w.rsi()


@feature("adx_14", _ADX)
def _(w: Workspace) -> Floats:
    return w.adx()


@feature("direction_14", _ATR)
def _(w: Workspace) -> Floats:
    return w.direction_index()


@feature("natr_14", _ATR)
def _(w: Workspace) -> Floats:
    """ATR as a fraction of the close."""
    return np.asarray(kernels.ratio(w.atr(), w.candles.close))


@feature("bollinger_position_20", 20)
def _(w: Workspace) -> Floats:
    """Distance of the close from its mean, in standard deviations."""
    deviation = kernels.rolling_std(w.candles.close, 20)
    # A constant that binary cannot hold has a deviation of pure rounding.
    deviation = np.where(deviation < FLAT * np.abs(w.mean(20)), 0.0, deviation)
    return np.asarray(kernels.ratio(w.candles.close - w.mean(20), deviation))


@feature("bollinger_width_20", 20)
def _(w: Workspace) -> Floats:
    """Width of the two-deviation band as a fraction of the mean."""
    return np.asarray(kernels.ratio(4 * kernels.rolling_std(w.candles.close, 20), w.mean(20)))


@feature("volatility_ratio", 169)
def _(w: Workspace) -> Floats:
    """Volatility of the last day over that of the last week (1h candles)."""
    return np.asarray(kernels.ratio(w.volatility(24), w.volatility(168)))


@feature("volume_score_48", 48)
def _(w: Workspace) -> Floats:
    return w.volume_score(48)


@feature("donchian_48", 48)
def _(w: Workspace) -> Floats:
    """Place of the close in the channel of 48 candles, −1 at its bottom, 1 at its top."""
    top = kernels.rolling_extreme(w.candles.high, 48, 1.0)
    bottom = kernels.rolling_extreme(w.candles.low, 48, -1.0)
    return np.asarray(kernels.ratio(2 * w.candles.close - top - bottom, top - bottom))


@feature("rank_96", 96)
def _(w: Workspace) -> Floats:
    """Rank of the close among the last 96, −1…1."""
    return np.asarray(2 * kernels.rolling_rank(w.candles.close, 96) - 1)


@feature("money_flow_20", 20)
def _(w: Workspace) -> Floats:
    return w.money_flow(20)
