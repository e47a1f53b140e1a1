"""A forecast's reasons in words a person can read."""

import re
from collections.abc import Sequence

import numpy as np

from freqpilot.shapes import Floats, Floats32

TOP = 3
LEAST = 0.01
"""Log-odds below which a feature is no reason."""


def words(names: Sequence[str], x: Floats32, leaning: Floats, top: int = TOP) -> list[str]:
    """Return one text a row: the ``top`` features that moved the forecast most, with their value
    and what they added to the lean towards a rise (log-odds), as ``rsi 14 at 71 (+0.31)``; empty
    where none did.

    :param names: of the columns of ``x``, as FreqAI names features.
    :param leaning: what each feature added, of the shape of ``x``.
    """
    readable = [plain(name) for name in names]
    size = np.abs(np.nan_to_num(leaning))
    ranked = np.argsort(-size, axis=1, kind="stable")[:, :top]
    return [
        ", ".join(
            f"{readable[k]} at {x[row, k]:.3g} ({leaning[row, k]:+.2f})"
            for k in columns
            if size[row, k] >= LEAST
        )
        for row, columns in enumerate(ranked)
    ]


def plain(name: str) -> str:
    """Return a feature's name without FreqAI's marks: ``%-rsi_14_shift-1_BTC/USDT_1h`` becomes
    ``rsi 14, 1 candle before, of BTC/USDT 1h``."""
    found = re.fullmatch(
        r"%-(?P<name>.+?)(?:_gen)?(?:_shift-(?P<shift>\d+))?(?:_(?P<pair>[^_]+/[^_]+)_(?P<frame>\w+))?",
        name,
    )
    if found is None:
        return name
    text = found["name"].replace("_", " ")
    if found["shift"]:
        text += f", {found['shift']} candle{'s' * (found['shift'] != '1')} before"
    return f"{text}, of {found['pair']} {found['frame']}" if found["pair"] else text
