"""Features that gain no more than their shifted copies are left out, by the training part alone."""

import numpy as np

from freqpilot.models.base.window import Window, known
from freqpilot.models.trees.boosting import TreesRegressor
from freqpilot.models.trees.selection import LEAST, select
from freqpilot.settings import LabelSettings

WIDTH = 40


def window(rows: int = 2_000, signal: float = 1.0, seed: int = 1) -> Window:
    """Return a window of slow features, of which the 21st tells the outcome."""
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.standard_normal((rows, WIDTH)), axis=0).astype(np.float32) / 30
    x[:, 20] = rng.standard_normal(rows)
    y = signal * x[:, 20].astype(np.float64) + rng.standard_normal(rows)
    ones = np.ones(rows)
    names = tuple(f"f{k}" for k in range(WIDTH))
    return known(x, y, np.arange(rows), ones, ones, names)


def test_what_tells_is_kept_and_most_of_the_rest_is_not() -> None:
    kept = select(window(), 1)
    assert 20 in kept
    assert len(kept) < WIDTH * 0.6
    assert kept == select(window(), 1)
    assert list(kept) == sorted(kept)


def test_without_any_signal_the_least_number_stays() -> None:
    assert LEAST <= len(select(window(signal=0.0), 1)) < WIDTH * 0.6


def test_the_tail_has_no_say() -> None:
    """What tells only in the newest candles must not be chosen by them."""
    whole = window(signal=0.0)
    x = whole.x.copy()
    x[1_600:, 5] = whole.y[1_600:]
    labels = LabelSettings(horizon=4, purge=6, embargo=6)
    plain = TreesRegressor().fit(whole, labels, 1).columns
    ones = np.ones(len(x))
    peeked = known(x, whole.y, whole.end, ones, ones, whole.names)
    assert TreesRegressor().fit(peeked, labels, 1).columns == plain


def test_some_rows_are_looked_at_as_if_they_were_all() -> None:
    whole = window()
    rows = np.arange(100, 900)
    assert select(whole, 1, rows) == select(whole.take(rows), 1)
