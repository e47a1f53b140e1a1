"""How unusual a count of mentions is, and when that cannot be told."""

import math

import numpy as np
import pytest

from freqpilot.risk.memes.social import growth, spike

NAN = math.nan


@pytest.mark.parametrize(
    ("counts", "least", "score"),
    [
        ([1, 3, 4], 2, 2 / math.sqrt(2)),  # mean 2, deviation √2 of two counts
        ([1, 3, 2], 2, 0.0),
        ([1, 3, 0], 2, -2 / math.sqrt(2)),
        ([2, 4, 6, 10], 2, 3.0),
        ([1, 3, 4], 3, NAN),  # two before it, three wanted
        ([5, 5, 9], 2, NAN),  # those never changed
        ([5, 9], 1, NAN),  # one count has no deviation
        ([5], 0, NAN),
        ([], 0, NAN),
        ([1, NAN, 3, 4], 2, NAN),
        ([1, 2, 3, math.inf], 2, NAN),
        ([0.0, 0.2, 0.4, 0.5], 2, 1.5),
    ],
)
def test_a_spike(counts: list[float], least: int, score: float) -> None:
    assert spike(np.array(counts, dtype=float), least) == pytest.approx(score, nan_ok=True)


@pytest.mark.parametrize(
    ("now", "before", "share"),
    [
        (600, 100, 5.0),
        (100, 100, 0.0),
        (50, 100, -0.5),
        (1, 0.5, 1.0),
        (1, 0, NAN),
        (1, -0.5, NAN),
        (1, NAN, NAN),
        (NAN, 1, NAN),
    ],
)
def test_growth(now: float, before: float, share: float) -> None:
    assert growth(now, before) == pytest.approx(share, nan_ok=True)
