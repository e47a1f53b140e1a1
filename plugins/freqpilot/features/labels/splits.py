"""Splits of a training window that keep labels of one part out of the other."""

import numpy as np

from freqpilot.shapes import Ints


def purged_split(
    label_end: Ints, rows: int, validation_share: float, purge: int, embargo: int
) -> tuple[Ints, Ints]:
    """Return the rows to train on and the rows to validate on: the newest, in time.

    A training row whose label is decided at or after the first validation row is purged, and so
    are the ``purge`` rows before it; the first ``embargo`` validation rows are left out, because
    their features still look back into the training part (López de Prado 2018, section 7.4).

    :param label_end: for each row the row at which its label is decided.
    :param rows: length of the window.
    :returns: two arrays of row numbers; both empty when nothing is left of one of them.
    """
    first = rows - round(rows * validation_share)
    train = np.arange(max(first - purge, 0), dtype=np.int64)
    train = train[label_end[: len(train)] < first]
    valid = np.arange(min(first + embargo, rows), rows, dtype=np.int64)
    if not len(train) or not len(valid):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return train, valid
