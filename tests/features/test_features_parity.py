"""The kernels against TA-Lib and pandas, past the warm-up."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import talib

from benchmarks.support.candles import frame_of
from candle_source import candles
from freqpilot.errors import Degraded
from freqpilot.features.bank import rolling
from freqpilot.features.bank.atr import atr
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.candles.frames import candles_from_frame
from freqpilot.features.engine.graph import CLOSE
from freqpilot.features.labels.splits import purged_split
from freqpilot.features.labels.targets import age_weights, uniqueness
from freqpilot.shapes import Candles

SETTLED = 700  # candles after which two origins of a Wilder average agree to 1e-9


def check(source: Candles) -> None:
    work = Workspace(source)
    high, low, close = source.high, source.low, source.close
    pairs = {
        "ema": (work.ema(21), talib.EMA(close, 21)),
        "rsi": (50 * work.rsi() + 50, talib.RSI(close, 14)),
        "atr": (atr(source, 14), talib.ATR(high, low, close, 14)),
        "adx": (100 * work.adx(), talib.ADX(high, low, close, 14)),
        "mean": (work.mean(200), talib.SMA(close, 200)),
    }
    for name, (ours, theirs) in pairs.items():
        np.testing.assert_allclose(ours[SETTLED:], theirs[SETTLED:], rtol=1e-9, err_msg=name)
    series = pd.Series(close)
    deviation = series.rolling(20).std(ddof=0).to_numpy()
    np.testing.assert_allclose(
        work.values(rolling.deviation(CLOSE, 20))[20:], deviation[20:], rtol=1e-6
    )
    top = series.rolling(48).max().to_numpy()
    np.testing.assert_array_equal(work.values(rolling.highest(CLOSE, 48))[48:], top[48:])
    rank = (series.rolling(96).rank().to_numpy() - 1) / 95
    np.testing.assert_allclose(work.values(rolling.rank(CLOSE, 96))[96:], rank[96:], atol=1e-12)


@pytest.mark.parametrize("seed", [1, 2])
def test_parity_on_random_candles(seed: int) -> None:
    check(candles(seed, 2_000))


def test_parity_on_real_candles(realdata: Path) -> None:
    frame = frame_of(realdata / "candles" / "binance", "ETH/USDT")
    check(candles_from_frame(frame.tail(5_000)))


def frame(rows: int = 3) -> pd.DataFrame:
    dates = pd.date_range("2026-01-01", periods=rows, freq="h", tz="UTC")
    prices = {name: np.ones(rows) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"date": dates, **prices})


def test_candles_from_a_frame_ignore_other_columns() -> None:
    read = candles_from_frame(frame().assign(open_count=5))
    assert len(read) == 3
    assert read.date[1] - read.date[0] == 3_600_000_000_000
    assert len(candles_from_frame(frame(0))) == 0


def test_bad_frames_say_what_to_do() -> None:
    with pytest.raises(Degraded, match=r"no column volume.*download"):
        candles_from_frame(frame().drop(columns="volume"))
    twice = pd.concat([frame(), frame().tail(1)], ignore_index=True)
    with pytest.raises(Degraded, match="not later than the one before"):
        candles_from_frame(twice)


def test_uniqueness_by_hand() -> None:
    # Label 0 spans rows 1-2, label 1 spans rows 2-3, label 2 spans nothing, label 3 spans row 4.
    np.testing.assert_allclose(uniqueness(np.array([2, 3, 2, 4, 4])), [0.75, 0.75, 1, 1, 1])


def test_age_weights_fall_to_the_oldest() -> None:
    weights = age_weights(5, oldest=0.5)
    assert weights[0] == pytest.approx(0.5)
    assert weights[-1] == 1
    assert (np.diff(weights) > 0).all()
    assert age_weights(1).tolist() == [1]


def test_no_training_label_reaches_into_validation() -> None:
    rows, horizon = 200, 12
    end = np.minimum(np.arange(rows) + horizon, rows - 1)
    train, valid = purged_split(end, rows, 0.2, horizon, 5)
    assert valid[0] == 160 + 5
    assert valid[-1] == rows - 1
    assert end[train].max() < 160
    assert train[-1] == 160 - horizon - 1


def test_a_long_label_is_purged_even_without_a_gap() -> None:
    end = np.arange(100) + 1
    end[10] = 90
    train, _ = purged_split(end, 100, 0.2, 0, 0)
    assert 10 not in train
    assert 11 in train


def test_a_window_too_small_gives_nothing() -> None:
    train, valid = purged_split(np.arange(10), 10, 0.2, 12, 12)
    assert len(train) == len(valid) == 0
