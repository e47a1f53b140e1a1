"""The same columns as other libraries compute them: TA-Lib, ft-pandas-ta, a plain loop."""

from typing import Any

import numpy as np
import pandas as pd
import talib
from numpy.typing import NDArray

from freqpilot.settings import LabelSettings
from freqpilot.shapes import Candles, Floats

SIMPLE: Any = 0
"""TA-Lib's number of the simple mean."""
LOSSY = {"deviation_20", "correlation_30", "bollinger_upper_20", "bollinger_lower_20"}
"""TA-Lib takes these as a difference of squares, which costs it digits."""


def by_talib(c: Candles) -> dict[str, Floats]:
    """Return every indicator that TA-Lib has as well, as TA-Lib computes it."""
    high, low, close, volume = c.high, c.low, c.close, c.volume
    macd = talib.MACD(close, 12, 26, 9)
    k, d = talib.STOCH(high, low, close, 14, 3, SIMPLE, 3, SIMPLE)
    upper, _, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    return {
        "sma_30": talib.SMA(close, 30),
        "ema_8": talib.EMA(close, 8),
        "ema_50": talib.EMA(close, 50),
        "ema_20@volume": talib.EMA(volume, 20),
        "dema_20": talib.DEMA(close, 20),
        "tema_20": talib.TEMA(close, 20),
        "wma_20": talib.WMA(close, 20),
        "rsi_14": talib.RSI(close, 14),
        "rsi_21": talib.RSI(close, 21),
        "cmo_14": talib.CMO(close, 14),
        "roc_10": talib.ROC(close, 10),
        "momentum_10": talib.MOM(close, 10),
        "deviation_20": talib.STDDEV(close, 20),
        "highest_30": talib.MAX(close, 30),
        "lowest_30": talib.MIN(close, 30),
        "total_30@volume": talib.SUM(volume, 30),
        "slope_14": talib.LINEARREG_SLOPE(close, 14),
        "regression_14": talib.LINEARREG(close, 14),
        "bollinger_upper_20": upper,
        "bollinger_lower_20": lower,
        "macd_12_26": macd[0],
        "macd_signal_12_26_9": macd[1],
        "macd_histogram_12_26_9": macd[2],
        "trix_15": talib.TRIX(close, 15),
        "adx_14": talib.ADX(high, low, close, 14),
        "plus_di_14": talib.PLUS_DI(high, low, close, 14),
        "minus_di_14": talib.MINUS_DI(high, low, close, 14),
        "atr_14": talib.ATR(high, low, close, 14),
        "natr_14": talib.NATR(high, low, close, 14),
        "stochastic_k_14_3": k,
        "stochastic_d_14_3_3": d,
        "williams_14": talib.WILLR(high, low, close, 14),
        "cci_20": talib.CCI(high, low, close, 20),
        "mfi_14": talib.MFI(high, low, close, volume, 14),
        "ultimate_7_14_28": talib.ULTOSC(high, low, close, 7, 14, 28),
        "chaikin_3_10": talib.ADOSC(high, low, close, volume, 3, 10),
        "midprice_14": talib.MIDPRICE(high, low, 14),
        "donchian_upper_20": talib.MAX(high, 20),
        "donchian_lower_20": talib.MIN(low, 20),
        "correlation_30": talib.CORREL(high, low, 30),
    }


def frame_of(c: Candles) -> pd.DataFrame:
    """Return candles as the frame that ft-pandas-ta reads."""
    columns = {"open": c.open, "high": c.high, "low": c.low, "close": c.close, "volume": c.volume}
    return pd.DataFrame(columns, index=pd.to_datetime(c.date, utc=True))


def by_pandas_ta(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the indicators that ft-pandas-ta has as well, without its help from TA-Lib.

    Its MFI does not run on pandas 3.
    """
    import pandas_ta as ta  # type: ignore[import-untyped]

    high, low, close = (frame[name] for name in ("high", "low", "close"))
    plain = {"talib": False}
    macd = ta.macd(close, 12, 26, 9, **plain)
    stochastic = ta.stoch(high, low, close, 14, 3, 3, **plain)
    bands = ta.bbands(close, 20, 2.0, **plain)
    adx = ta.adx(high, low, close, 14, **plain)
    return {
        "sma_30": ta.sma(close, 30, **plain),
        "ema_8": ta.ema(close, 8, **plain),
        "ema_50": ta.ema(close, 50, **plain),
        "dema_20": ta.dema(close, 20, **plain),
        "tema_20": ta.tema(close, 20, **plain),
        "wma_20": ta.wma(close, 20, **plain),
        "rsi_14": ta.rsi(close, 14, **plain),
        "rsi_21": ta.rsi(close, 21, **plain),
        "cmo_14": ta.cmo(close, 14, **plain),
        "roc_10": ta.roc(close, 10, **plain),
        "momentum_10": ta.mom(close, 10, **plain),
        "deviation_20": ta.stdev(close, 20, 0, **plain),
        "slope_14": ta.slope(close, 14),
        "bollinger_upper_20": bands.iloc[:, 2],
        "bollinger_lower_20": bands.iloc[:, 0],
        "macd_12_26": macd.iloc[:, 0],
        "macd_histogram_12_26_9": macd.iloc[:, 1],
        "macd_signal_12_26_9": macd.iloc[:, 2],
        "trix_15": ta.trix(close, 15),
        "adx_14": adx.iloc[:, 0],
        "plus_di_14": adx.iloc[:, 1],
        "minus_di_14": adx.iloc[:, 2],
        "atr_14": ta.atr(high, low, close, 14, **plain),
        "natr_14": ta.natr(high, low, close, 14, **plain),
        "stochastic_k_14_3": stochastic.iloc[:, 0],
        "stochastic_d_14_3_3": stochastic.iloc[:, 1],
        "williams_14": ta.willr(high, low, close, 14, **plain),
        "cci_20": ta.cci(high, low, close, 20, **plain),
        "ultimate_7_14_28": ta.uo(high, low, close, 7, 14, 28, **plain),
        "midprice_14": ta.midprice(high, low, 14, **plain),
    }


def triple_barrier_loop(
    c: Candles, width: Floats, settings: LabelSettings, *, lists: bool = False
) -> NDArray[np.int8]:
    """Return triple-barrier labels by a plain loop, over arrays as it is mostly written."""
    columns: Any = (c.close, c.high, c.low, width)
    close, high, low, widths = (x.tolist() for x in columns) if lists else columns
    horizon = settings.horizon
    label = np.zeros(len(close), dtype=np.int8)
    for i in range(len(close) - horizon):
        if not widths[i] > 0:
            continue
        top = close[i] * np.exp(settings.profit_multiple * widths[i])
        bottom = close[i] * np.exp(-settings.loss_multiple * widths[i])
        for j in range(i + 1, i + horizon + 1):
            if low[j] <= bottom:
                label[i] = -1
                break
            if high[j] >= top:
                label[i] = 1
                break
    return label
