"""Views of the engine's buffers by address, for compiled steps."""

from typing import Any

import numpy as np
from numba import carray, njit, types  # type: ignore[attr-defined]
from numba.extending import intrinsic

from freqpilot.shapes import Floats


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
