"""Every feature that the classifier sees, against TA-Lib, pandas or its plain formula.

Invariance cannot tell a feature from its negative or from another lag; this can.
"""

import numpy as np
import pandas as pd
import pytest
import talib

from candle_source import candles
from freqpilot.features.bank.library import CORE, FEATURES
from freqpilot.features.bank.workspace import Workspace
from freqpilot.shapes import Candles, Floats

SETTLED = 700  # candles after which two origins of the slowest average agree to 1e-9


def reference(c: Candles) -> dict[str, Floats]:
    """Return each core feature as other libraries compute it."""
    high, low, close = c.high, c.low, c.close
    series, traded, logged = pd.Series(close), pd.Series(c.volume), pd.Series(np.log(close))
    atr = talib.ATR(high, low, close, 14)
    ema = {span: talib.EMA(close, span) for span in (8, 21, 50)}
    up, down = talib.PLUS_DI(high, low, close, 14), talib.MINUS_DI(high, low, close, 14)
    mean, deviation = series.rolling(20).mean(), series.rolling(20).std(ddof=0)
    volatility = {n: logged.diff().rolling(n).std(ddof=0) for n in (24, 168)}
    score = pd.Series(np.log1p(c.volume))
    top, bottom = talib.MAX(high, 48), talib.MIN(low, 48)
    place = pd.Series((2 * close - high - low) / (high - low))
    return {
        **{f"return_{n}": logged.diff(n).to_numpy() for n in (1, 6, 24)},
        "trend_8_21": (ema[8] - ema[21]) / atr,
        "trend_21_50": (ema[21] - ema[50]) / atr,
        "trend_200": (close - talib.SMA(close, 200)) / atr,
        "rsi_14": talib.RSI(close, 14) / 50 - 1,
        "adx_14": talib.ADX(high, low, close, 14) / 100,
        "direction_14": (up - down) / (up + down),
        "natr_14": talib.NATR(high, low, close, 14) / 100,
        "bollinger_position_20": ((series - mean) / deviation).to_numpy(),
        "bollinger_width_20": (4 * deviation / mean).to_numpy(),
        "volatility_ratio": (volatility[24] / volatility[168]).to_numpy(),
        "volume_score_48": (
            (score - score.rolling(48).mean()) / score.rolling(48).std(ddof=0)
        ).to_numpy(),
        "donchian_48": 2 * (close - bottom) / (top - bottom) - 1,
        "rank_96": 2 * (series.rolling(96).rank().to_numpy() - 1) / 95 - 1,
        "money_flow_20": ((place * traded).rolling(20).sum() / traded.rolling(20).sum()).to_numpy(),
    }


@pytest.mark.parametrize("name", CORE)
@pytest.mark.parametrize("seed", [1, 2])
def test_parity(name: str, seed: int) -> None:
    source = candles(seed, 2_000)
    ours, theirs = Workspace(source).values(FEATURES[name].node), reference(source)[name]
    # pandas updates running sums, which costs digits.
    np.testing.assert_allclose(ours[SETTLED:], theirs[SETTLED:], rtol=1e-7, atol=1e-9)
