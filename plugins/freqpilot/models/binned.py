"""LightGBM's binned data of a large matrix, without its copies.

To find bins LightGBM copies each figure with its row number into vectors that grow: up to 22 bytes
a cell were measured, half of all that a pooled fit took. Here it gets one block of 8. The figures
are the same, and so are bins and trees, bit by bit.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqpilot.shapes import Floats, Floats32, Ints

FEW = 4_000_000
"""Cells up to which LightGBM's own way is taken: below it nothing was gained in a whole run."""
MOST_ROWS = 200_000
"""Rows above which LightGBM looks at a sample of them, of its own drawing, to find bins."""
ZERO = 1e-35
"""LightGBM's: what is not larger counts as 0 and is left out of a sample."""
BATCH = 4096

Columns = tuple[list[NDArray[np.float64]], list[NDArray[np.int32]]]


def dataset(
    x: Floats32,
    y: Floats | Ints,
    weights: Floats,
    categorical: Sequence[int] = (),
    reference: Any = None,
) -> Any:
    """Return a ``lightgbm.Dataset`` of features ``x`` (n × k), not built yet.

    Where a figure is missing LightGBM's own way is taken too: of a column that is constant
    otherwise its two ways make different bins.

    :param categorical: numbers of the columns that hold codes.
    :param reference: one whose bins are taken; it finds none of its own, and copies nothing.
    """
    import lightgbm

    named: dict[str, Any] = {"weight": weights, "params": {"verbosity": -1}}
    if reference is not None:
        return lightgbm.Dataset(x, y, reference=reference, **named)
    named["categorical_feature"] = list(categorical)
    if x.size <= FEW or len(x) > MOST_ROWS or np.isnan(x.min()):
        return lightgbm.Dataset(x, y, **named)
    rows, lean = _classes()
    return lean(rows(x), y, **named)


def sampled(x: Floats32, rows: NDArray[np.int32]) -> Columns:
    """Return of each column, in which no figure is missing, those at ``rows`` that are not 0, and
    their places in ``rows``."""
    block = np.empty((x.shape[1], len(rows)))
    every = np.arange(len(rows), dtype=np.int32)
    whole = len(rows) == len(x)
    values, places = [], []
    for number, out in enumerate(block):
        column = x[:, number]
        out[:] = column if whole else column[rows]
        there = np.abs(out) > ZERO
        if there.all():
            values.append(out)
            places.append(every)
        else:
            values.append(out[there])
            places.append(every[there])
    return values, places


@cache
def _classes() -> tuple[Any, Any]:
    """Return LightGBM's rows of a matrix, and a dataset of them that samples as above. Should
    LightGBM no longer ask this method, it samples by itself, to the same bins."""
    import lightgbm

    class Rows(lightgbm.Sequence):
        batch_size = BATCH

        def __init__(self, x: Floats32) -> None:
            self.x = x

        def __getitem__(self, at: Any) -> Any:
            return self.x[at]

        def __len__(self) -> int:
            return len(self.x)

    class Lean(lightgbm.Dataset):
        def _Dataset__sample(self, *, seqs: list[Rows], total_nrow: int) -> Columns:
            (given,) = seqs
            return sampled(given.x, self._create_sample_indices(total_nrow=total_nrow))

    return Rows, Lean
