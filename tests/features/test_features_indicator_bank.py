"""The indicators by name against TA-Lib: random and real candles, gaps, no volume, none at all."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import talib

from candle_source import candles
from freqpilot.features.candles import candles_from_frame
from freqpilot.features.graph import CLOSE
from freqpilot.features.indicators import ON_CANDLES, ON_INPUT, IndicatorBank, indicator
from freqpilot.features.registry import evaluate
from freqpilot.shapes import Candles, Floats

SETTLED = 1_500  # candles after which two origins of the slowest average agree to 1e-9


def theirs(c: Candles) -> dict[str, Floats]:
    """Return every indicator that TA-Lib has, as TA-Lib computes it."""
    high, low, close, volume = c.high, c.low, c.close, c.volume
    macd = talib.MACD(close, 12, 26, 9)
    k, d = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
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


LOSSY = {"deviation_20", "correlation_30", "bollinger_upper_20", "bollinger_lower_20"}
"""TA-Lib takes these as a difference of squares, which costs it digits."""
SHAPES = ("random", "gap", "no volume", "jump")


def check(c: Candles) -> None:
    expected = theirs(c)
    ours = evaluate([indicator(name) for name in expected], c)
    for row, (name, values) in zip(ours, expected.items(), strict=True):
        scale = float(np.nanstd(values[SETTLED:])) or 1.0
        digits = 1e-6 if name in LOSSY else 1e-9
        np.testing.assert_allclose(
            row[SETTLED:], values[SETTLED:], rtol=digits, atol=digits * scale, err_msg=name
        )


@pytest.mark.parametrize("mutation", SHAPES)
@pytest.mark.parametrize("seed", [1, 2])
def test_parity_on_random_candles(seed: int, mutation: str) -> None:
    check(candles(seed, 4_000, mutation))


def test_parity_on_real_candles(realdata: Path) -> None:
    for pair in ("BTC_USDT", "XRP_USDT"):
        frame = pd.read_feather(realdata / "candles" / "binance" / f"{pair}-1h.feather")
        check(candles_from_frame(frame.tail(20_000)))


def test_what_talib_loses_digits_of_is_exact_here() -> None:
    c = candles(3, 300)
    ours = evaluate([indicator("deviation_20"), indicator("correlation_30")], c)
    for i in range(29, 300, 7):
        assert ours[0, i] == pytest.approx(c.close[i - 19 : i + 1].std(), rel=1e-12)
        pair = np.corrcoef(c.high[i - 29 : i + 1], c.low[i - 29 : i + 1])[0, 1]
        assert ours[1, i] == pytest.approx(pair, rel=1e-12)


def test_every_indicator_is_computed_and_settles() -> None:
    known = [(name, count) for name, (count, _) in (ON_INPUT | ON_CANDLES).items()]
    names = [name + "_7_14_28"[: (2, 5, 8)[count - 1]] for name, count in known]
    bank = IndicatorBank(names)
    frame = bank.compute(candles(4, 1_000))
    assert frame.names == tuple(names)
    assert np.isfinite(frame.values[bank.startup :]).all()


def test_constant_prices_and_missing_candles() -> None:
    names = ("rsi_14", "stochastic_k_14_3", "cci_20", "mfi_14", "deviation_20", "atr_14", "adx_14")
    flat = IndicatorBank(names).compute(candles(5, 800, "flat"))
    settled = flat.values[flat.first_valid :]
    # Its volumes trade at no change of the typical price, its candles have no range.
    np.testing.assert_array_equal(settled, np.broadcast_to([50, 50, 0, 50, 0, 0, 0], settled.shape))
    holes = IndicatorBank(names).compute(candles(5, 2_000, "nan")).values
    assert np.isnan(holes[1_000:1_101]).all()
    assert np.isfinite(holes[-400:]).all()


@pytest.mark.parametrize("length", [0, 1])
def test_one_candle_and_none(length: int) -> None:
    frame = IndicatorBank(["ema_8", "highest_1"]).compute(candles(1, 5).window(0, length))
    assert frame.values.shape == (length, 2)
    assert np.isnan(frame.values[:, 0]).all()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rsix_14", "no indicator rsix_14; there are"),
        ("rsi", "rsi takes 1 of 1 to 2000, as rsi_14"),
        ("macd_12", "macd takes 2 of 1 to 2000, as macd_14_14"),
        ("ema_0", "ema takes 1 of 1"),
        ("adx_14@volume", "the input of adx is"),
        ("ema_14@price", "the input of ema is open, high"),
    ],
)
def test_a_bad_name_says_what_is_wrong(name: str, words: str) -> None:
    with pytest.raises(KeyError, match=words):
        indicator(name)


def test_the_same_formula_is_the_same_step() -> None:
    assert indicator("ema_21") is indicator("ema_21@close")
    assert indicator("sma_20@close") is not indicator("sma_21@close")
    one, two = (IndicatorBank(names) for names in (["atr_14"], ["atr_14", "natr_14"]))
    assert two.program.series - one.program.series <= 2
    assert CLOSE.startup == 1
