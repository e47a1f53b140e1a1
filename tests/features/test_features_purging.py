"""Where the barriers lie, and what a purged split leaves out, each rule on its own."""

import numpy as np
import pytest

from freqpilot.features.labels.splits import purged_split
from freqpilot.features.labels.targets import triple_barrier
from freqpilot.settings import LabelSettings
from freqpilot.shapes import Candles

ENTRY = 119
ASYMMETRIC = LabelSettings(profit_multiple=2.0, loss_multiple=0.5)
# Returns of ±1 % have a deviation of 1 %: over 12 candles the volatility is 1 % · √12.
WIDTH = 0.01 * np.sqrt(ASYMMETRIC.horizon)


def touching(move: float) -> Candles:
    """Return calm candles, and on the third after the entry a wick ``move`` (log) away."""
    calm = 100 * np.exp(0.01 * (np.arange(ENTRY + 1) % 2))
    close = np.concatenate([calm, np.full(20, calm[-1])])
    high, low = close.copy(), close.copy()
    wick = close[ENTRY] * np.exp(move)
    high[ENTRY + 3], low[ENTRY + 3] = max(wick, close[ENTRY]), min(wick, close[ENTRY])
    return Candles(np.arange(len(close)), close, high, low, close, np.ones(len(close)))


@pytest.mark.parametrize(
    ("move", "label", "taken"),
    [
        (2.0 * WIDTH * 1.001, 1, 3),
        (2.0 * WIDTH * 0.999, 0, 12),
        (-0.5 * WIDTH * 1.001, -1, 3),
        (-0.5 * WIDTH * 0.999, 0, 12),
    ],
)
def test_each_barrier_lies_at_its_own_multiple_of_the_volatility(
    move: float, label: int, taken: int
) -> None:
    barriers = triple_barrier(touching(move), ASYMMETRIC)
    assert barriers.known[ENTRY]
    assert barriers.label[ENTRY] == label
    assert barriers.end[ENTRY] - ENTRY == taken


def test_the_purge_holds_where_labels_are_short() -> None:
    train, _ = purged_split(np.arange(200) + 1, 200, 0.2, 12, 0)
    assert train[-1] == 160 - 12 - 1


def test_a_label_decided_on_the_first_validation_row_is_purged() -> None:
    end = np.arange(100)
    end[10], end[11] = 80, 79
    train, valid = purged_split(end, 100, 0.2, 0, 0)
    assert valid[0] == 80
    assert 10 not in train
    assert 11 in train
