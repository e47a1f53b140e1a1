"""Kernels over rolling windows against pandas, SciPy and plain loops; their features' invariance.

The invariance suite covers the features too; here each is met by name, with fewer cases.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from candle_source import MUTATIONS, candles, shuffled_after
from freqpilot.features.bank import rolling, statistics
from freqpilot.features.bank.registry import FEATURES, FeatureBank, evaluate
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.engine.graph import CLOSE, VOLUME, Node
from freqpilot.features.kernels import windows
from freqpilot.shapes import Candles, Floats

OURS = [name for name, f in FEATURES.items() if f.room == statistics.__name__]
WINDOW = 60
LAGS = (1, 2, 4, 8)
KINDS = ("random", "ties", "flat", "nan", "inf", "level", "one", "none")


def series(kind: str, seed: int = 5) -> Floats:
    """Return 400 values with what ``kind`` says in them."""
    x = np.random.default_rng(seed).standard_normal(400)
    if kind == "ties":
        x = np.round(x)
    elif kind == "flat":
        x[:] = 0.1
    elif kind in {"nan", "inf"}:
        x[[3, 150, 151]] = np.nan if kind == "nan" else np.inf
        x[300:380] = x[300]
    elif kind == "level":
        x += 1e6
    return x[: {"one": 1, "none": 0}.get(kind, 400)]


def by_window(x: Floats, window: int, compute: Callable[[Floats], float]) -> Floats:
    """Return ``compute`` of every window without a bad value, NaN elsewhere."""
    out = np.full(len(x), np.nan)
    for i in range(window - 1, len(x)):
        part = x[i - window + 1 : i + 1]
        if np.isfinite(part).all():
            out[i] = compute(part)
    return out


def zscore(part: Floats) -> float:
    return (part[-1] - part.mean()) / part.std() if np.ptp(part) else 0.0


def moments(part: Floats, power: int) -> float:
    if not np.ptp(part):
        return 0.0
    return float(stats.skew(part) if power == 3 else stats.kurtosis(part))


def words(part: Floats) -> float:
    up = part > 0
    _, counts = np.unique(np.stack([up[:-2], up[1:-1], up[2:]]), axis=1, return_counts=True)
    return float(stats.entropy(counts, base=2)) / 3


def binned(part: Floats) -> float:
    if not np.ptp(part):
        return 0.0
    edges = part.mean() + part.std() * np.linspace(-2, 2, 9)[1:-1]
    counts = np.bincount(np.searchsorted(edges, part, side="right"), minlength=8)
    return float(stats.entropy(counts, base=2)) / 3


def hurst(part: Floats) -> float:
    squares = [((part[lag:] - part[:-lag]) ** 2).mean() for lag in LAGS]
    return np.polyfit(np.log(LAGS), np.log(squares), 1)[0] / 2 if min(squares) else 0.5


def variance_ratio(part: Floats) -> float:
    change, q = np.diff(part), 4
    n, drift = len(change), (part[-1] - part[0]) / len(change)
    one = ((change - drift) ** 2).sum() / (n - 1)
    many = ((part[q:] - part[:-q] - q * drift) ** 2).sum() / (q * (n - q + 1) * (1 - q / n))
    return many / one - 1 if one else 0.0


def lagged(part: Floats, lag: int = 1) -> float:
    return float(np.corrcoef(part[:-lag], part[lag:])[0, 1]) if np.ptp(part) else 0.0


def over(formula: Node, x: Floats, y: Floats | None = None) -> Floats:
    """Return a formula of the close (``x``) and the volume (``y``)."""
    return evaluate([formula], Candles(np.arange(len(x)), x, x, x, x, x if y is None else y))[0]


CASES: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats], float], int]] = {
    "sum": (lambda x: over(rolling.total(CLOSE, WINDOW), x), lambda p: p.sum(), WINDOW),
    "quantile": (
        lambda x: over(statistics.quantiles(CLOSE, WINDOW, (0.3,))[0], x),
        lambda p: np.quantile(p, 0.3),
        WINDOW,
    ),
    "zscore": (lambda x: over(rolling.zscore(CLOSE, WINDOW), x), zscore, WINDOW),
    "skew": (lambda x: over(rolling.skew(CLOSE, WINDOW), x), lambda p: moments(p, 3), WINDOW),
    "kurtosis": (
        lambda x: over(rolling.excess_kurtosis(CLOSE, WINDOW), x),
        lambda p: moments(p, 4),
        WINDOW,
    ),
    "sign entropy": (lambda x: windows.sign_entropy(x, WINDOW, 3), words, WINDOW),
    "hurst": (lambda x: over(statistics.hurst(CLOSE, WINDOW, LAGS), x), hurst, WINDOW),
    "variance ratio": (
        lambda x: over(rolling.variance_ratio(CLOSE, WINDOW, 4), x),
        variance_ratio,
        WINDOW + 1,
    ),
    "lag 1": (lambda x: over(rolling.autocorrelation(CLOSE, WINDOW, 1), x), lagged, WINDOW),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_against_a_loop_over_windows(name: str, kind: str) -> None:
    ours, theirs, window = CASES[name]
    x = series(kind)
    # At a level of 1e6 the references themselves lose six digits.
    tolerance = 1e-6 if kind == "level" else 1e-9
    expected = by_window(x, window, theirs)
    np.testing.assert_allclose(ours(x), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in {"ties", "level"}])
def test_entropy_of_bins(kind: str) -> None:
    """Not with ties or levels: whether a value on an edge falls left or right is rounding."""
    x = series(kind)
    expected = by_window(x, WINDOW, binned)
    np.testing.assert_allclose(windows.bin_entropy(x, WINDOW, 8), expected, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window", [2, 7, 96])
def test_rank_is_that_of_pandas(kind: str, window: int) -> None:
    x = series(kind)
    ours = windows.rolling_rank(x, window)
    finite = pd.Series(np.where(np.isfinite(x), x, np.nan), dtype=float)
    theirs = (finite.rolling(window).rank().to_numpy() - 1) / (window - 1)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_quantiles_are_those_of_pandas() -> None:
    x, shares = series("ties"), np.array([0.0, 0.25, 0.9, 1.0])
    for row, share in zip(windows.rolling_quantiles(x, 50, shares), shares, strict=True):
        theirs = pd.Series(x).rolling(50).quantile(share)
        np.testing.assert_allclose(row, theirs, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_correlation_and_beta_of_two_series(kind: str) -> None:
    x, y = series(kind), series("random" if kind != "flat" else "ties", 6)[: len(series(kind))]
    y = np.ascontiguousarray(y + 0.5 * np.where(np.isfinite(x), x, 0.0))
    correlation = over(rolling.correlation(CLOSE, VOLUME, WINDOW), x, y)
    beta = over(rolling.beta(CLOSE, VOLUME, WINDOW), x, y)
    places = np.arange(len(x), dtype=float)
    places[~np.isfinite(x)] = np.nan

    def both(part: Floats) -> float:
        rows = part.astype(int)
        return float(np.corrcoef(x[rows], y[rows])[0, 1]) if np.ptp(x[rows]) else 0.0

    def slope(part: Floats) -> float:
        rows = part.astype(int)
        return float(np.cov(x[rows], y[rows])[0, 1] / y[rows].var(ddof=1))

    np.testing.assert_allclose(correlation, by_window(places, WINDOW, both), atol=1e-9)
    np.testing.assert_allclose(beta, by_window(places, WINDOW, slope), atol=1e-9)
    assert (over(rolling.beta(CLOSE, VOLUME, WINDOW), y, np.ones(len(y)))[WINDOW - 1 :] == 0).all()


def test_fractional_weights_by_hand() -> None:
    np.testing.assert_allclose(windows.fractional_weights(1.0, 1e-9), [1, -1])
    np.testing.assert_allclose(windows.fractional_weights(0.5, 0.06), [1, -0.5, -0.125, -0.0625])
    long = windows.fractional_weights(0.4, 1e-4)
    assert abs(long[-1]) >= 1e-4
    assert len(long) <= 300


@pytest.mark.parametrize("kind", KINDS)
def test_fractional_difference(kind: str) -> None:
    weights = windows.fractional_weights(0.4, 1e-2)
    ours = windows.fractional_difference(series(kind), weights)
    theirs = by_window(series(kind), len(weights), lambda p: float(p[::-1] @ weights))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_hurst_knows_a_trend_from_reversion() -> None:
    noise = np.random.default_rng(1).standard_normal(20_000)
    assert np.nanmean(over(statistics.hurst(CLOSE, 256, LAGS), noise)) < 0.05
    assert abs(np.nanmean(over(statistics.hurst(CLOSE, 256, LAGS), np.cumsum(noise))) - 0.5) < 0.03
    assert np.nanmean(over(statistics.hurst(CLOSE, 256, LAGS), np.cumsum(np.cumsum(noise)))) > 0.9


def bank() -> FeatureBank:
    return FeatureBank(OURS)


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("seed", range(4))
def test_prefix_and_origin(seed: int, mutation: str) -> None:
    whole, cut, begin = candles(seed, 800, mutation), 97 + 180 * seed, 1 + 31 * seed
    full = bank().compute(whole)
    part = bank().compute(whole.window(0, cut)).values
    np.testing.assert_array_equal(part, full.values[:cut])
    other = bank().compute(shuffled_after(whole, cut, seed)).values
    np.testing.assert_array_equal(other[:cut], full.values[:cut])
    late = bank().compute(whole.window(begin))
    for name in OURS:
        a = full.column(name)[begin + FEATURES[name].startup :]
        b = late.column(name)[FEATURES[name].startup :]
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("name", OURS)
def test_settles_and_recovers(name: str, mutation: str) -> None:
    startup = FEATURES[name].startup
    column = Workspace(candles(3, 1_500, mutation)).values(FEATURES[name].node)
    assert not np.isinf(column).any()
    assert np.isfinite(column[startup : 750 if mutation == "nan" else None]).all()
    assert np.isnan(column[: startup - 1]).all(), "the startup is no longer than needed"
    if mutation == "nan":
        assert np.isnan(column[750])
        assert np.isfinite(column[750 + 76 + startup :]).all()
    if mutation == "flat":
        assert np.unique(column[startup:]).size == 1 or "volume" in name


def test_no_movement_is_0_and_the_unit_of_the_price_does_not_matter() -> None:
    flat, source = Workspace(candles(1, 700, "flat")), candles(1, 700)
    scaled = candles(1, 700)
    for column in scaled[1:5]:
        np.multiply(column, 1e5, out=column)
    dear = Workspace(scaled)
    for name in OURS:
        if name != "volume_rank_96":
            assert flat.values(FEATURES[name].node)[-1] == 0, name
        ours, theirs = (
            Workspace(source).values(FEATURES[name].node),
            dear.values(FEATURES[name].node),
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_tiny_inputs(length: int) -> None:
    assert np.isnan(bank().compute(candles(1, 5).window(0, length)).values).all()


@pytest.mark.parametrize("window", [1, 4_097])
def test_a_window_that_cannot_be_ordered_is_refused(window: int) -> None:
    with pytest.raises(ValueError, match="take 2 to 4096 values"):
        rolling.rank(CLOSE, window)
    with pytest.raises(ValueError, match=f"a window of {window}"):
        statistics.quantiles(CLOSE, window, (0.5,))
