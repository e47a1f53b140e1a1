"""Takes rows through all steps of a program, a block at a time: the entry to what is compiled."""

from typing import Any

import numpy as np
from numba import njit

from freqpilot.features.engine import exponential, joined, steps, windowed
from freqpilot.features.engine.digest import source_digest
from freqpilot.features.engine.graph import Op
from freqpilot.features.engine.layout import OP, PARAM_COUNT, PARAMS
from freqpilot.features.engine.views import LARGEST, view
from freqpilot.shapes import Floats, Floats32, Ints


@njit(nogil=True, inline="always")
def _block(
    code: Ints, weights: int, states: int, memory: int, starts: Ints, begin: int, rows: int
) -> None:
    """Compute rows ``begin`` … of every series but the inputs, step by step."""
    k, count = 0, code.shape[0]
    while k < count:
        op = code[k, OP]
        if op == Op.EWM:
            k = exponential.group(code, k, weights, states, memory, starts, begin, rows)
            continue
        p = view(weights, code[k, PARAMS], code[k, PARAM_COUNT])
        if op <= Op.MOMENT4:
            steps.step(code, k, p, memory, starts, begin, rows)
        elif op <= Op.CORRELATION:
            joined.step(code, k, p, memory, starts, begin, rows)
        elif op == Op.ADAPTIVE_EWM:
            exponential.adaptive(code, k, p, states, memory, starts, begin, rows)
        else:
            windowed.step(code, k, p, memory, starts, begin, rows)
        k += 1


@njit(nogil=True)
def _shift(memory: int, starts: Ints, history: Ints, rows: int) -> None:
    """Move what the next rows look back at to the front of every buffer."""
    for s in range(starts.shape[0]):
        whole = view(memory, starts[s] - history[s], history[s] + rows)
        for i in range(history[s]):
            whole[i] = whole[i + rows]


@njit(cache=True, nogil=True)
def forget(flat: Floats, starts: Ints, history: Ints) -> None:
    """Make missing what the first rows look back at."""
    for s in range(starts.shape[0]):
        flat[starts[s] - history[s] : starts[s]] = np.nan


def _make_advance(digest: int) -> Any:
    # Numba's key of a kept function has the values in it that the function takes from here.
    @njit(cache=True, nogil=True)
    def advance(
        code: Ints,
        params: Floats,
        state: Floats,
        flat: Floats,
        starts: Ints,
        history: Ints,
        inputs: tuple[Floats, ...],
        count: int,
        filled: int,
        capacity: int,
        outputs: Ints,
        columns: Floats32,
    ) -> int:
        """Compute the ``count`` rows of ``inputs`` behind the ``filled`` ones of the buffers, which
        hold ``capacity``; write ``columns``; return how many are filled then."""
        memory, done = flat.ctypes.data, 0
        while done < count and digest >= 0:
            if filled == capacity:
                _shift(memory, starts, history, capacity)
                filled = 0
            rows = min(capacity - filled, count - done)
            for j in range(len(inputs)):
                if len(inputs[j]) == 0:
                    continue
                target = view(memory, starts[j] + filled, rows)
                source = inputs[j][done : done + rows]
                for i in range(rows):
                    target[i] = source[i] if abs(source[i]) <= LARGEST else np.nan
            _block(code, params.ctypes.data, state.ctypes.data, memory, starts, filled, rows)
            for k in range(outputs.shape[0]):
                column = view(memory, starts[outputs[k]] + filled, rows)
                given = columns[k, done : done + rows]
                for i in range(rows):
                    # Not infinite either: no reader of a feature expects that.
                    given[i] = column[i] if abs(column[i]) <= LARGEST else np.nan
            filled += rows
            done += rows
        return filled

    return advance


advance = _make_advance(source_digest())
