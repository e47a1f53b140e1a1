"""The indicators by name against TA-Lib: random and real candles, gaps, no volume, none at all."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.support.candles import frame_of
from benchmarks.support.libraries import LOSSY, by_talib
from candle_source import candles
from freqpilot.features.bank.indicators import (
    ON_CANDLES,
    ON_INPUT,
    SINGLE,
    IndicatorBank,
    indicator,
)
from freqpilot.features.bank.registry import evaluate
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.features.engine.graph import CLOSE
from freqpilot.shapes import Bools, Candles, Floats

SETTLED = 1_500  # candles after which two origins of the slowest average agree to 1e-9


SHAPES = ("random", "gap", "no volume", "jump")


def check(c: Candles) -> None:
    expected = by_talib(c)
    ours = evaluate([indicator(name) for name in expected], c)
    for row, (name, values) in zip(ours, expected.items(), strict=True):
        scale = float(np.nanstd(values[SETTLED:])) or 1.0
        digits = 1e-6 if name in LOSSY else 1e-9
        known = comparable(c, row) if name == "mfi_14" else np.ones(len(c), dtype=bool)
        known[:SETTLED] = False
        np.testing.assert_allclose(
            row[known], values[known], rtol=digits, atol=digits * scale, err_msg=name
        )


def comparable(c: Candles, mfi: Floats) -> Bools:
    """Tell where the MFI has to be TA-Lib's.

    Without any flow TA-Lib says 0, we say the middle. Typical prices that are equal in decimals are
    equal to us; to TA-Lib they may rise or fall by a last binary digit.
    """
    price = pd.Series((c.high + c.low + c.close) / 3)
    tie = (price.diff().abs() < 1e-11 * price).rolling(14).max().to_numpy() == 1
    assert tie.mean() < 0.25
    return np.asarray((mfi != 50.0) & ~tie)


@pytest.mark.parametrize("mutation", SHAPES)
@pytest.mark.parametrize("seed", [1, 2])
def test_parity_on_random_candles(seed: int, mutation: str) -> None:
    check(candles(seed, 4_000, mutation))


def test_parity_on_real_candles(realdata: Path) -> None:
    for pair in ("BTC/USDT", "XRP/USDT"):
        frame = frame_of(realdata / "candles" / "binance", pair)
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
    names += [name + "_2" * count for name, count in known] + [f"{name}_1" for name in SINGLE]
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
        ("rsi", "rsi takes 1 of 2 to 2000, as rsi_14"),
        ("macd_12", "macd takes 2 of 2 to 2000, as macd_14_14"),
        ("ema_0", "ema takes 1 of 2"),
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
