"""LightGBM's binned data of a large matrix, without its copies.

To find bins LightGBM copies each figure with its row number into vectors that grow: up to 22 bytes
a cell were measured, half of all that a pooled fit took. Here it gets one block of 8. The figures
are the same, and so are bins and trees, bit by bit.
"""

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqpilot.shapes import Floats, Floats32, Ints

FEW = 1_000_000
"""Cells up to which LightGBM's own way is taken: below it nothing was gained in a whole run."""
MOST_ROWS = 200_000
"""Rows above which LightGBM looks at a sample of them, of its own drawing, to find bins."""
ZERO = 1e-35
"""LightGBM's: what is not larger counts as 0 and is left out of a sample."""
BATCH = 512
"""Rows that are binned at once; those that are not neighbours are copied by as many."""

Columns = tuple[list[NDArray[np.float64]], list[NDArray[np.int32]]]


@dataclass(frozen=True)
class Table:
    """Some ``rows`` and ``columns`` of a matrix (n × k), and where ``beside`` is given those rows
    beside them (n × 2k): nothing is copied before it is asked for."""

    x: Floats32
    rows: Ints
    columns: Ints
    beside: Ints | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.rows), len(self.columns) * (1 if self.beside is None else 2)

    def column(self, number: int) -> Floats32:
        """Return one column."""
        width = len(self.columns)
        rows = self.rows if self.beside is None or number < width else self.beside
        found: Floats32 = self.x[rows, self.columns[number % width]]
        return found

    def block(self, at: slice) -> Floats32:
        """Return some rows whole."""
        own = self.x[np.ix_(self.rows[at], self.columns)]
        if self.beside is None:
            return own
        return np.concatenate([own, self.x[np.ix_(self.beside[at], self.columns)]], axis=1)


def dataset(
    x: Floats32 | Table,
    y: Floats | Ints,
    weights: Floats,
    categorical: Sequence[int] = (),
    reference: Any = None,
) -> Any:
    """Return a ``lightgbm.Dataset`` of features ``x`` (n × k), not built yet.

    Where a figure is missing LightGBM's own way is taken too: of a column that is constant
    otherwise its two ways make different bins.

    :param x: a :class:`Table` has no figure that is missing.
    :param categorical: numbers of the columns that hold codes.
    :param reference: one whose bins are taken; it finds none of its own, and copies nothing.
    """
    import lightgbm

    named: dict[str, Any] = {"weight": weights, "params": {"verbosity": -1}}
    count, width = x.shape
    lean = reference is None and count * width > FEW and count <= MOST_ROWS
    if not isinstance(x, Table):
        lean = lean and not np.isnan(x.min())
    if lean:
        table = x if isinstance(x, Table) else Table(x, np.arange(count), np.arange(width))
        rows, sparing = _classes()
        return sparing(rows(table), y, categorical_feature=list(categorical), **named)
    whole = x.block(slice(None)) if isinstance(x, Table) else x
    if reference is not None:
        return lightgbm.Dataset(whole, y, reference=reference, **named)
    return lightgbm.Dataset(whole, y, categorical_feature=list(categorical), **named)


def sampled(x: Table, rows: NDArray[np.int32]) -> Columns:
    """Return of each column, in which no figure is missing, those at ``rows`` that are not 0, and
    their places in ``rows``."""
    count, width = x.shape
    block = _apart(width, len(rows))
    every = np.arange(len(rows), dtype=np.int32)
    whole = len(rows) == count
    values, places = [], []
    for number, out in enumerate(block):
        column = x.column(number)
        out[:] = column if whole else column[rows]
        there = np.abs(out) > ZERO
        if there.all():
            values.append(out)
            places.append(every)
        else:
            values.append(out[there])
            places.append(every[there])
    return values, places


def _apart(rows: int, columns: int) -> Floats:
    """Return zeros that the system takes back as soon as they are gone: the C library would keep
    their place among what stays."""
    size = max(rows * columns, 1)
    found = np.frombuffer(mmap.mmap(-1, 8 * size), np.float64)
    return found[: rows * columns].reshape(rows, columns)


@cache
def _classes() -> tuple[Any, Any]:
    """Return LightGBM's rows of a table, and a dataset of them that samples as above. Should
    LightGBM no longer ask this method, it samples by itself, to the same bins."""
    import lightgbm

    class Rows(lightgbm.Sequence):
        batch_size = BATCH

        def __init__(self, table: Table) -> None:
            self.table = table

        def __getitem__(self, at: Any) -> Any:
            if isinstance(at, slice):
                return self.table.block(at)
            return self.table.block(slice(at, at + 1))[0]

        def __len__(self) -> int:
            return self.table.shape[0]

    class Lean(lightgbm.Dataset):
        def _Dataset__sample(self, *, seqs: list[Rows], total_nrow: int) -> Columns:
            (given,) = seqs
            return sampled(given.table, self._create_sample_indices(total_nrow=total_nrow))

        def _init_from_sample(
            self, sample_data: list[Any], sample_indices: list[Any], *given: Any
        ) -> Any:
            super()._init_from_sample(sample_data, sample_indices, *given)
            sample_data.clear()  # its caller holds them while it bins the rows
            sample_indices.clear()
            return self

    return Rows, Lean
