"""The features that the pack's classifier is trained on: stationary, few, and cheap."""

from freqpilot.features.bank import formulas as f
from freqpilot.features.bank.registry import feature
from freqpilot.features.bank.rolling import deviation, mean, rank
from freqpilot.features.engine.graph import CLOSE, Node, ratio

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


@feature("return_1")
def _() -> Node:
    return f.log_return(1)


@feature("return_6")
def _() -> Node:
    return f.log_return(6)


@feature("return_24")
def _() -> Node:
    return f.log_return(24)


@feature("trend_8_21")
def _() -> Node:
    """Distance of two EMAs in ATRs."""
    return f.per_atr(f.ema(CLOSE, 8) - f.ema(CLOSE, 21))


@feature("trend_21_50")
def _() -> Node:
    return f.per_atr(f.ema(CLOSE, 21) - f.ema(CLOSE, 50))


@feature("trend_200")
def _() -> Node:
    """Distance of the close from its mean of 200 candles, in ATRs."""
    return f.per_atr(CLOSE - mean(CLOSE, 200))


@feature("rsi_14")
def _() -> Node:
    return f.rsi()


@feature("adx_14")
def _() -> Node:
    return f.adx()


@feature("direction_14")
def _() -> Node:
    return f.direction_index()


@feature("natr_14")
def _() -> Node:
    """ATR as a fraction of the close."""
    return ratio(f.atr(), CLOSE)


@feature("bollinger_position_20")
def _() -> Node:
    """Distance of the close from its mean, in standard deviations."""
    return ratio(CLOSE - mean(CLOSE, 20), deviation(CLOSE, 20))


@feature("bollinger_width_20")
def _() -> Node:
    """Width of the two-deviation band as a fraction of the mean."""
    return ratio(4.0 * deviation(CLOSE, 20), mean(CLOSE, 20))


@feature("volatility_ratio")
def _() -> Node:
    """Volatility of the last day over that of the last week (1h candles)."""
    return ratio(f.volatility(24), f.volatility(168))


@feature("volume_score_48")
def _() -> Node:
    return f.volume_score(48)


@feature("donchian_48")
def _() -> Node:
    """Place of the close in the channel of 48 candles, −1 at its bottom, 1 at its top."""
    return f.channel_place(48)


@feature("rank_96")
def _() -> Node:
    """Rank of the close among the last 96, −1…1."""
    return 2.0 * rank(CLOSE, 96) - 1.0


@feature("money_flow_20")
def _() -> Node:
    return f.money_flow(20)
