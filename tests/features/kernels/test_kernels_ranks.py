"""The block-wise rolling rank and quantiles: bit by bit those of ``windows``, and right."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqpilot.features.kernels import quantiles, ranks, windows
from freqpilot.shapes import Floats

SHAPES = {
    "walk": lambda g, n: np.cumsum(g.normal(size=n)) * 1e-3 + 10.0,
    "volume": lambda g, n: g.lognormal(3.0, 1.5, n),
    "ties": lambda g, n: g.integers(-3, 4, n).astype(float),
    "ticks": lambda g, n: np.round(np.cumsum(g.normal(size=n)), 1),
    "zeros": lambda g, n: g.choice([-0.0, 0.0, 5e-324, -5e-324, 1e-310], n),
    "constant": lambda g, n: np.full(n, g.normal()),
    "rising": lambda g, n: np.arange(n) * 0.1,
    "falling": lambda g, n: np.arange(n) * -0.1,
    "cauchy": lambda g, n: g.standard_cauchy(n),
    "heavy": lambda g, n: np.exp(g.uniform(-700.0, 700.0, n)) * g.choice([-1.0, 1.0], n),
    "huge": lambda g, n: g.uniform(-1.0, 1.0, n) * 1.7e308,
    "clusters": lambda g, n: g.choice([0.0, 1e9], n) + g.normal(size=n) * 1e-6,
    "saw": lambda g, n: np.arange(n) % 97 * 1.0,
}


def _same(left: Floats, right: Floats) -> None:
    np.testing.assert_array_equal(left, right)
    known = ~np.isnan(left)
    assert (np.signbit(left[known]) == np.signbit(right[known])).all()


def _gaps(x: Floats, generator: np.random.Generator, share: float) -> Floats:
    holes = generator.random(x.shape[0]) < share
    return np.where(holes, generator.choice([np.nan, np.inf, -np.inf], x.shape[0]), x)


def _brute(x: Floats, window: int, shares: Floats) -> tuple[Floats, Floats]:
    placed, shared = np.full(x.shape[0], np.nan), np.full((len(shares), x.shape[0]), np.nan)
    for i in range(window - 1, x.shape[0]):
        part = x[i - window + 1 : i + 1]
        if not np.isfinite(part).all():
            continue
        twice = (part[:-1] < x[i]).sum() + (part[:-1] <= x[i]).sum()
        placed[i] = 0.5 * twice / (window - 1)
        ordered = np.sort(part)
        for k, share in enumerate(shares):
            place = share * (window - 1)
            low = int(place)
            high = min(low + 1, window - 1)
            with np.errstate(over="ignore", invalid="ignore"):
                shared[k, i] = ordered[low] + (ordered[high] - ordered[low]) * (place - low)
    return placed, shared


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.one_of(st.integers(0, 12), st.integers(0, 3000)),
    window=st.one_of(st.integers(2, 9), st.integers(2, 700)),
    gaps=st.sampled_from([0.0, 0.001, 0.05]),
)
def test_same_as_windows(shape: str, seed: int, n: int, window: int, gaps: float) -> None:
    generator = np.random.default_rng(seed)
    x = _gaps(SHAPES[shape](generator, n), generator, gaps)
    kept = x.copy()
    shares = np.array([0.0, 1.0, 0.5, generator.random(), 0.05])
    _same(ranks.rolling_rank(x, window), windows.rolling_rank(x, window))
    ours = quantiles.rolling_quantiles(x, window, shares)
    _same(ours, windows.rolling_quantiles(x, window, shares))
    np.testing.assert_array_equal(x, kept)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(sorted(SHAPES)),
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 150),
    window=st.integers(2, 40),
    gaps=st.sampled_from([0.0, 0.02, 0.2]),
)
def test_same_as_brute_force(shape: str, seed: int, n: int, window: int, gaps: float) -> None:
    generator = np.random.default_rng(seed)
    x = _gaps(SHAPES[shape](generator, n), generator, gaps)
    shares = np.array([0.0, 0.25, generator.random(), 1.0])
    placed, shared = _brute(x, window, shares)
    _same(ranks.rolling_rank(x, window), placed)
    _same(quantiles.rolling_quantiles(x, window, shares), shared)


@pytest.mark.parametrize("shape", ["walk", "volume", "ties", "heavy"])
@pytest.mark.parametrize("window", [2, 96, 480])
def test_same_as_pandas(shape: str, window: int) -> None:
    x = SHAPES[shape](np.random.default_rng(5), 6000)
    series = pd.Series(x).rolling(window)
    expected = (series.rank().to_numpy() - 1.0) / (window - 1)
    np.testing.assert_allclose(ranks.rolling_rank(x, window), expected, rtol=0, atol=1e-12)
    for share in (0.05, 0.5):
        ours = quantiles.rolling_quantiles(x, window, np.array([share]))[0]
        np.testing.assert_allclose(ours, series.quantile(share).to_numpy(), rtol=1e-12)


@pytest.mark.parametrize("window", [2, 4096])
@pytest.mark.parametrize("shape", ["walk", "ties", "heavy"])
def test_widest_and_narrowest(shape: str, window: int) -> None:
    x = SHAPES[shape](np.random.default_rng(6), 9_000)
    shares = np.array([0.0, 0.3, 1.0])
    _same(ranks.rolling_rank(x, window), windows.rolling_rank(x, window))
    ours = quantiles.rolling_quantiles(x, window, shares)
    _same(ours, windows.rolling_quantiles(x, window, shares))


def test_changing_shape_and_stride() -> None:
    """Blocks that need different ways follow each other; the input is every second value."""
    generator = np.random.default_rng(8)
    parts = [make(generator, 2500) for make in SHAPES.values()]
    x = np.repeat(np.concatenate(parts), 2)[::2]
    shares = np.array([0.1, 0.9])
    for window in (3, 96, 480):
        _same(ranks.rolling_rank(x, window), windows.rolling_rank(x, window))
        ours = quantiles.rolling_quantiles(x, window, shares)
        _same(ours, windows.rolling_quantiles(x, window, shares))


def test_no_shares() -> None:
    assert quantiles.rolling_quantiles(np.arange(9.0), 3, np.empty(0)).shape == (0, 9)
