"""The features of momentum, volatility and volume: against TA-Lib, pandas and plain loops, and the
rules of the room (no look-ahead, no memory beyond the startup, never infinite)."""

import numpy as np
import pandas as pd
import pytest
import talib

from candle_source import MUTATIONS, candles, shuffled_after
from freqpilot.features.bank import formulas, momentum, rolling, volatility, volume
from freqpilot.features.bank.registry import FEATURES, FeatureBank, evaluate
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.engine.graph import CLOSE
from freqpilot.features.kernels import trend as kernels
from freqpilot.shapes import Candles, Floats

SETTLED = 700  # candles after which two origins of the slowest average agree to 1e-9
ROOMS = {module.__name__ for module in (momentum, volatility, volume)}
OURS = [name for name, known in FEATURES.items() if known.room in ROOMS]
SEEDS = (1, 2)


def column(name: str, source: Candles) -> Floats:
    return Workspace(source).values(FEATURES[name].node)


def same(
    ours: Floats, theirs: Floats, name: str = "", begin: int = SETTLED, noise: float = 0.0
) -> None:
    ours, theirs = ours[begin:], theirs[begin:]
    scale = np.nanstd(theirs) if np.isfinite(theirs).any() else 0.0
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * scale + noise, err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
def test_parity_with_talib(seed: int) -> None:
    c = candles(seed, 2_000)
    work = Workspace(c)
    high, low, close, traded = c.high, c.low, c.close, c.volume
    atr = talib.ATR(high, low, close, 14)
    macd = talib.MACD(close, 12, 26, 9)
    slow_k, slow_d = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
    width = 4 * talib.STDDEV(close, 20)
    theirs = {
        "macd_12_26": macd[0] / atr,
        "macd_signal_9": macd[1] / atr,
        "macd_histogram_9": macd[2] / atr,
        "stochastic_k_14": slow_k / 50 - 1,
        "stochastic_d_14": slow_d / 50 - 1,
        "williams_14": talib.WILLR(high, low, close, 14) / 50 + 1,
        "cci_20": talib.CCI(high, low, close, 20) / 100,
        "roc_12": talib.ROC(close, 12) / 100,
        "trix_15": talib.TRIX(close, 15),
        "slope_20": talib.LINEARREG_SLOPE(close, 20) / atr,
        "ichimoku_conversion_9": (close - talib.MIDPRICE(high, low, 9)) / atr,
        "ichimoku_base_26": (close - talib.MIDPRICE(high, low, 26)) / atr,
        "keltner_position_20": (close - talib.EMA(close, 20)) / (2 * atr),
        "donchian_width_20": (talib.MAX(high, 20) - talib.MIN(low, 20)) / close,
        "mfi_14": talib.MFI(high, low, close, traded, 14) / 50 - 1,
        "chaikin_3_10": talib.ADOSC(high, low, close, traded, 3, 10) / talib.EMA(traded, 10),
        "volume_climax_96": traded / talib.MAX(traded, 96),
        "volume_dryup_24": traded / talib.SMA(traded, 24),
    }
    for name, values in theirs.items():
        same(work.values(FEATURES[name].node), values, name)
    # TA-Lib takes its deviation as a difference of squares, which costs digits.
    squeeze = width / (3 * atr)
    np.testing.assert_allclose(column("squeeze_20", c)[SETTLED:], squeeze[SETTLED:], rtol=1e-6)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_parity_of_windows_with_pandas(mutation: str) -> None:
    c = candles(5, 1_200, mutation)
    opened, high, low, close, traded = (pd.Series(values) for values in c[1:6])
    logged = np.log(close).diff()
    squares, ranges = logged**2, np.log(high / low) ** 2
    body = np.log(close / opened) ** 2
    price = (high + low + close) / 3
    atr = pd.Series(Workspace(c).atr()).clip(lower=1e-9 * close)
    place = ((2 * close - high - low) / (high - low)).where(high > low, 0.0)
    place = place.where(high.notna())

    def mean(x: "pd.Series[float]", window: int = 24) -> "pd.Series[float]":
        return x.rolling(window).apply(np.mean, raw=True)

    sign = np.sign(logged)
    vwap = (mean(price * traded) / mean(traded)).where(mean(traded) != 0, mean(price))
    theirs = {
        "parkinson_24": np.sqrt(mean(ranges) / (4 * np.log(2))),
        "garman_klass_24": np.sqrt(mean(0.5 * ranges - (2 * np.log(2) - 1) * body)),
        "realised_ratio_24_168": np.sqrt(mean(squares) / mean(squares, 168)),
        "parkinson_ratio_24_168": np.sqrt(mean(ranges) / mean(ranges, 168)),
        "range_efficiency_24": np.sqrt(mean(squares) / mean(ranges) * 4 * np.log(2)),
        "semivariance_24": mean(sign * squares) / mean(squares),
        "bipower_24": mean(logged.abs() * logged.abs().shift()) / mean(squares) * np.pi / 2,
        "obv_24": mean(sign * traded) / mean(traded),
        "accumulation_24": mean(place * traded) / mean(traded),
        "vwap_distance_24": (close - vwap) / atr,
    }
    known = np.isfinite(c.close)
    for name, values in theirs.items():
        ours = column(name, c)
        quotient = values.to_numpy()
        startup = FEATURES[name].startup
        settled = pd.Series(known).rolling(startup).sum().to_numpy() == startup
        quotient = np.where(settled & ~np.isfinite(quotient), 0.0, quotient)  # 0 / 0
        quotient[~settled] = np.nan
        # Over flat candles the reference, unlike the kernel, divides the rounding of its sums.
        same(ours, quotient, name, 0, 1e-6 if mutation == "flat" else 0.0)


def supertrend(c: Candles, offset: Floats, begin: int, end: int) -> list[float]:
    """Close − Supertrend of each candle as in Seban's book, seeded at ``begin``; NaN: no trend."""
    half = (c.high + c.low) / 2
    upper, lower = half + offset, half - offset
    trend, gaps = 0, []
    for j in range(begin + 1, end + 1):
        if not (upper[j] < upper[j - 1] or c.close[j - 1] > upper[j - 1]):
            upper[j] = upper[j - 1]
        if not (lower[j] > lower[j - 1] or c.close[j - 1] < lower[j - 1]):
            lower[j] = lower[j - 1]
        trend = 1 if c.close[j] > upper[j] else -1 if c.close[j] < lower[j] else trend
        gaps.append((np.nan, c.close[j] - lower[j], c.close[j] - upper[j])[trend])
    return gaps


@pytest.mark.parametrize("seed", SEEDS)
def test_supertrend_by_plain_loop_and_against_the_one_with_memory(seed: int) -> None:
    c = candles(seed, 1_000)
    ranges = evaluate([formulas.true_range()], c)[0]
    offset = 3 * pd.Series(ranges).rolling(10).mean().to_numpy()
    ours = kernels.supertrend_distance(c.high, c.low, c.close, offset, 168)
    for end in range(190, 1_000, 17):
        expected = np.nan_to_num(supertrend(c, offset, end - 167, end)[-1])
        assert ours[end] == pytest.approx(expected, rel=1e-9)
    endless = np.array(supertrend(c, offset, 10, 999))[200:]
    assert np.mean(np.isclose(ours[211:], endless)) > 0.97, "mostly Seban's own recurrence"


def test_slope_and_weighted_mean_by_numpy() -> None:
    rng = np.random.default_rng(4)
    x, weight = rng.standard_normal(200), rng.lognormal(0, 2, 200)
    wide = Candles(np.arange(200), x, x, x, x, weight)
    slope, mean = evaluate([rolling.slope(CLOSE, 20), formulas.weighted_price(20)], wide)
    for i in range(19, 200):
        rows = slice(i - 19, i + 1)
        assert slope[i] == pytest.approx(np.polyfit(np.arange(20), x[rows], 1)[0], rel=1e-9)
        assert mean[i] == pytest.approx(np.average(x[rows], weights=weight[rows]), rel=1e-9)
    flat = np.full(50, 0.1)
    rest = Candles(np.arange(50), flat, flat, flat, flat, flat * 0)
    wanted = [
        formulas.weighted_price(20),
        rolling.slope(CLOSE, 20),
        formulas.commodity_channel(20),
    ]
    price, slope, channel = evaluate(wanted, rest)[:, 19:]
    np.testing.assert_allclose(price, 0.1, rtol=1e-15)
    assert (slope == 0).all()
    assert (channel == 0).all()


@pytest.mark.parametrize("seed", [3, 4, 5])
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_no_look_ahead_and_no_memory(seed: int, mutation: str) -> None:
    whole = candles(seed, 860, mutation)
    bank = FeatureBank(OURS)
    full = bank.compute(whole)
    for cut in (1, 2, 77, 430, 431, 500, 859):
        prefix = bank.compute(whole.window(0, cut)).values
        np.testing.assert_array_equal(prefix, full.values[:cut])
    other = bank.compute(shuffled_after(whole, 600, seed)).values
    np.testing.assert_array_equal(other[:600], full.values[:600])
    for begin in (1, 7 + seed, 64, 100, 433):
        late = bank.compute(whole.window(begin))
        for name in OURS:
            startup = FEATURES[name].startup
            a, b = full.column(name)[begin + startup :], late.column(name)[startup:]
            scale = np.nanstd(full.column(name))
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * scale + 1e-7, err_msg=name)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_settled_is_finite_and_not_before(mutation: str) -> None:
    source = candles(3, 1_500, mutation)
    for name in OURS:
        startup, values = FEATURES[name].startup, column(name, source)
        assert values.dtype == np.float64
        assert np.isnan(values[: startup - 1]).all(), name
        clean = slice(startup - 1, 750) if mutation == "nan" else slice(startup - 1, None)
        assert np.isfinite(values[clean]).all(), name
        if mutation == "flat":
            assert (values[startup:] == 0).all() or name.startswith("volume_") or name == "obv_24"


def test_behind_a_gap_of_nan_everything_starts_anew() -> None:
    source = candles(6, 1_500, "nan")
    behind = 750 + 76
    for name in OURS:
        values = column(name, source)
        assert np.isnan(values[750:behind]).all(), name
        np.testing.assert_array_equal(values[behind:], column(name, source.window(behind)), name)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_tiny_inputs(length: int) -> None:
    values = FeatureBank(OURS).compute(candles(1, 5).window(0, length)).values
    assert values.shape == (length, len(OURS))
    assert np.isnan(values).all()


def test_a_pair_that_has_stopped_trading_gives_no_noise() -> None:
    source = candles(8, 4_000)
    for values in source[1:5]:
        values[1_000:] = source.close[1_000] * 0.1
    source.volume[1_000:] = 0.0
    frame = FeatureBank(OURS).compute(source).values[3_000:]
    assert np.isfinite(frame).all()
    assert np.abs(np.delete(frame, OURS.index("chaikin_3_10"), axis=1)).max() < 1e-3


def test_bounds() -> None:
    for name in ("stochastic_k_14", "stochastic_d_14", "williams_14", "mfi_14", "obv_24"):
        assert np.nanmax(np.abs(column(name, candles(9, 1_000)))) <= 1 + 1e-12
    assert len(OURS) == 33
    assert max(FEATURES[name].startup for name in OURS) <= 600


def value_area_by_numpy(c: Candles, end: int) -> tuple[float, float]:
    """Return the value area of the 96 candles up to ``end``."""
    rows = slice(end - 95, end + 1)
    price = ((c.high + c.low + c.close) / 3)[rows]
    edges = np.linspace(c.low[rows].min(), c.high[rows].max(), 25)
    traded, _ = np.histogram(price, edges, weights=c.volume[rows])
    first = last = int(traded.argmax())
    while traded[first : last + 1].sum() < 0.7 * traded.sum():
        below = traded[first - 1] if first else -1.0
        above = traded[last + 1] if last < 23 else -1.0
        first, last = (first, last + 1) if above >= below else (first - 1, last)
    return float(edges[first]), float(edges[last + 1])


def test_volume_profile_by_numpy() -> None:
    c = candles(21, 700)
    price = (c.high + c.low + c.close) / 3
    place = column("profile_place_96", c)
    control = Workspace(c).values(FEATURES["profile_control_96"].node) * Workspace(c).atr()
    for end in range(190, 700, 13):
        low, high = value_area_by_numpy(c, end)
        expected = np.clip((2 * price[end] - low - high) / (high - low), -3, 3)
        assert place[end] == pytest.approx(expected, abs=1e-9)
        rows = slice(end - 95, end + 1)
        edges = np.linspace(c.low[rows].min(), c.high[rows].max(), 25)
        traded, _ = np.histogram(price[rows], edges, weights=c.volume[rows])
        middle = (edges[traded.argmax()] + edges[traded.argmax() + 1]) / 2
        assert control[end] == pytest.approx(price[end] - middle, abs=1e-9)


def test_a_profile_without_range_or_volume_is_the_price() -> None:
    assert (column("profile_place_96", candles(1, 400, "flat"))[200:] == 0).all()
    still = candles(2, 400)
    still.volume[:] = 0.0
    assert (column("profile_control_96", still)[250:] == 0).all()
