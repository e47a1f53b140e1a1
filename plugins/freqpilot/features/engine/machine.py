"""Runs a program over candles: in blocks that stay in the cache, or one candle at a time.

Both are the same compiled step over the same buffers, so a live row is bit by bit the row of a
batch that began at the same candle. All state is float64; each series keeps as many past values as
the steps that read it look back.
"""

import numpy as np

from freqpilot.features.engine import blocks
from freqpilot.features.engine.graph import INPUTS
from freqpilot.features.engine.program import Program
from freqpilot.shapes import Candles, Floats, Floats32

CACHED = 100_000
"""Values that the buffers of a batch hold together: what stays in the second-level cache."""
CACHE_LINE = 8
"""Values in a line of the cache."""
LEAST_ROWS, MOST_ROWS = 256, 1_024
"""Rows of a batch that are computed together."""
DAY_LENGTH = 86_400_000_000_000
_NOTHING = np.empty(0)
_DAY, _MARKET = INPUTS.index("day"), INPUTS.index("market")


def _market(candles: Candles) -> Floats:
    if candles.market is None:
        return np.full(len(candles), np.nan)
    return np.require(candles.market, np.float64, ["C", "W"])


class Machine:
    """The buffers and states of one run of a program; one thread at a time."""

    def __init__(self, program: Program, rows: int | None = None) -> None:
        """:param rows: how many rows the buffers hold besides what steps look back at; None is for
        batches.
        """
        line = CACHE_LINE if rows is None else 1
        if rows is None:
            # What is sorted again for each block should be less than what is new in it.
            most = max(MOST_ROWS, 8 * int(program.history.max()))
            rows = min(max(CACHED // program.series, LEAST_ROWS), most) // line * line
        self.program, self.rows = program, rows
        before = np.zeros(program.series, dtype=np.int64)
        before[program.slots] = -(-program.history // line) * line
        lengths = before + rows
        self._starts = (np.cumsum(lengths) - lengths + before)[program.slots]
        flat = np.empty(int(lengths.sum()) + line)
        # A vector across two lines of the cache takes two accesses.
        self._flat = flat[-(flat.ctypes.data // flat.itemsize) % line :]
        self._state = np.zeros(max(program.states, 2))
        self.reset()

    def reset(self) -> None:
        """Forget all rows: the next one is the first."""
        blocks.forget(self._flat, self._starts, self.program.history)
        self._state[:] = 0.0
        self._filled = 0

    def run(self, candles: Candles, columns: Floats32 | Floats) -> None:
        """Compute the rows behind those computed before.

        :param candles: what is infinite in them counts as missing.
        :param columns: where the wanted series go, a row each.
        """
        p, count = self.program, len(candles)
        if not count:
            return
        prices = (candles.open, candles.high, candles.low, candles.close, candles.volume)
        inputs = tuple(
            np.require(column, np.float64, ["C", "W"]) if wanted else _NOTHING
            for column, wanted in zip(prices, p.used, strict=False)
        )
        days = (candles.date // DAY_LENGTH).astype(np.float64) if p.used[_DAY] else _NOTHING
        market = _market(candles) if p.used[_MARKET] else _NOTHING
        self._filled = blocks.advance(
            p.code,
            p.params,
            self._state,
            self._flat,
            self._starts,
            p.history,
            (*inputs, days, market),
            count,
            self._filled,
            self.rows,
            p.outputs,
            columns,
        )
