"""Views of the engine's buffers by address, for compiled steps."""

from typing import Any

import numpy as np
from numba import carray, njit, types  # type: ignore[attr-defined]
from numba.extending import intrinsic

from freqpilot.features.engine.layout import FIRST, INPUT, LAG
from freqpilot.shapes import Floats, Ints

LARGEST = 3e38
"""The largest value that the buffers take in and give out; float32 holds no more."""


@intrinsic
def _pointer(typing: Any, address: Any) -> Any:
    """Return a number as a pointer to float64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.float64)(types.uintp), generate  # type: ignore[no-untyped-call]


@njit(cache=True, nogil=True)
def view(memory: int, at: int, rows: int) -> Floats:
    """Return ``rows`` values of the buffers from place ``at`` on.

    A slice would count references atomically, which costs ten times the step on a single candle.
    """
    return carray(_pointer(np.uint64(memory + 8 * at)), (rows,))  # type: ignore[call-arg]


@njit(nogil=True)
def given(code: Ints, k: int, j: int, memory: int, starts: Ints, begin: int, rows: int) -> Floats:
    """Return input ``j`` of step ``k``, each row from as many rows before as the input lags."""
    return view(memory, starts[code[k, INPUT + j]] + begin - code[k, LAG + j], rows)


@njit(nogil=True)
def window(code: Ints, k: int, j: int, memory: int, starts: Ints, begin: int, rows: int) -> Floats:
    """Return input ``j`` of step ``k`` with the rows before that the step looks back at."""
    back = code[k, LAG + j]
    return view(memory, starts[code[k, INPUT + j]] + begin - back, back + rows)


@njit(nogil=True)
def written(code: Ints, k: int, j: int, memory: int, starts: Ints, begin: int, rows: int) -> Floats:
    """Return the rows of series ``j`` of those that step ``k`` writes."""
    return view(memory, starts[code[k, FIRST] + j] + begin, rows)
