"""Which features a window's trees may use: those that gain more than shifted copies do."""

import numpy as np

from freqpilot.models.base.window import Window
from freqpilot.models.trees import binned
from freqpilot.shapes import Ints

ROUNDS = 30
MOST_ROWS = 12_000
MOST_CELLS = 1_700_000
"""Rows times features that are looked at: LightGBM holds 12 bytes of each, and of its shadow."""
QUANTILE = 0.75
LEAST = 8


def select(window: Window, seed: int, rows: Ints | None = None) -> tuple[int, ...]:
    """Return the numbers of the columns to use, rising, by some ``rows`` of a window, all of them
    by default.

    Trees are grown on the features beside *shadows*, which are all features shifted around the
    window in time by one random lag: copies with the same memory and the same relations among each
    other, but without a relation to the label (Kursa and Rudnicki, Feature Selection with the
    Boruta Package, 2010, permute rows; overlapping labels would make any slow feature beat such
    a copy). A column is kept whose gain is above :data:`QUANTILE` of the shadows'; the
    :data:`LEAST` best are always. Only ``rows`` are seen: give the training part.
    """
    from lightgbm import train

    if rows is None:
        rows = np.arange(len(window.time))
    count, width = len(rows), window.x.shape[1]
    if width <= LEAST or count < 4:
        return tuple(range(width))
    step = max(1, -(-count // min(MOST_ROWS, max(MOST_CELLS // width, 1))))
    lag = int(np.random.default_rng(seed).integers(count // 4, count - count // 4))
    some = np.arange(0, count, step)
    y = np.clip(window.y[rows[some]], -3.0, 3.0)
    settings = {
        "objective": "regression",
        "learning_rate": 0.1,
        "num_leaves": 15,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "max_bin": 31,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
        "seed": seed,
    }
    if len(np.unique(y)) < 2:
        return tuple(range(width))
    table = binned.Table(window.x, rows[some], np.arange(width), rows[(some - lag) % count])
    data = binned.dataset(table, y, window.weights[rows[some]])
    gain = train(settings, data, ROUNDS).feature_importance("gain")
    own, shadow = gain[:width], gain[width:]
    kept = own > float(np.quantile(shadow, QUANTILE))
    kept[np.argsort(-own, kind="stable")[:LEAST]] = True
    kept[[window.names.index(name) for name in window.categorical]] = True
    return tuple(int(column) for column in np.flatnonzero(kept))
