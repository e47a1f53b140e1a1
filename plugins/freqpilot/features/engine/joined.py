"""Runs the steps that join several, out of the engine's buffers and into them."""

from numba import njit

from freqpilot.features.engine import fused, moments
from freqpilot.features.engine.graph import Op
from freqpilot.features.engine.layout import INPUT, OP
from freqpilot.features.engine.views import given, view, window, written
from freqpilot.shapes import Floats, Ints


@njit(nogil=True)
def _fused(code: Ints, k: int, p: Floats, memory: int, starts: Ints, begin: int, rows: int) -> None:
    """Run step ``k``, one of :mod:`freqpilot.features.engine.fused`."""
    op, out = code[k, OP], written(code, k, 0, memory, starts, begin, rows)
    a = given(code, k, 0, memory, starts, begin, rows)
    b = given(code, k, 1, memory, starts, begin, rows)
    c = given(code, k, 2, memory, starts, begin, rows)
    d = given(code, k, 3, memory, starts, begin, rows)
    if op == Op.TOTAL3:
        fused.total3(a, b, c, out)
    elif op == Op.TOTAL4:
        fused.total4(a, b, c, d, out)
    elif op == Op.HIGHEST4:
        fused.highest4(a, b, c, d, out)
    elif op == Op.LOWEST4:
        fused.lowest4(a, b, c, d, out)
    elif op == Op.MEAN3:
        fused.mean3(a, b, c, out)
    elif op == Op.TYPICAL:
        fused.typical(a, b, c, out)
    elif op == Op.PLACE:
        fused.place(a, b, c, out)
    else:
        fused.flow(p, a, b, c, out, written(code, k, 1, memory, starts, begin, rows))


@njit(nogil=True)
def _moments(
    code: Ints, k: int, size: int, memory: int, starts: Ints, begin: int, rows: int
) -> None:
    """Run step ``k``, the moments of two series."""
    moments.moments(
        size,
        window(code, k, 0, memory, starts, begin, rows),
        window(code, k, 1, memory, starts, begin, rows),
        written(code, k, 0, memory, starts, begin, rows),
        written(code, k, 1, memory, starts, begin, rows),
        written(code, k, 2, memory, starts, begin, rows),
        written(code, k, 3, memory, starts, begin, rows),
        written(code, k, 4, memory, starts, begin, rows),
    )


@njit(nogil=True)
def _correlation(
    code: Ints, k: int, p: Floats, memory: int, starts: Ints, begin: int, rows: int
) -> None:
    """Run step ``k``, a correlation joined from the moments of its parts."""
    size, far = int(p[0]), int(p[0]) * 2 if p[1] == 3.0 else 0
    mx, my = starts[code[k, INPUT]] + begin, starts[code[k, INPUT + 1]] + begin
    xx, yy, xy = (
        starts[code[k, INPUT + 2]] + begin,
        starts[code[k, INPUT + 3]] + begin,
        starts[code[k, INPUT + 4]] + begin,
    )
    moments.correlation(
        p[0],
        p[1],
        view(memory, mx, rows),
        view(memory, mx - size, rows),
        view(memory, mx - far, rows),
        view(memory, my, rows),
        view(memory, my - size, rows),
        view(memory, my - far, rows),
        view(memory, xx, rows),
        view(memory, xx - size, rows),
        view(memory, xx - far, rows),
        view(memory, yy, rows),
        view(memory, yy - size, rows),
        view(memory, yy - far, rows),
        view(memory, xy, rows),
        view(memory, xy - size, rows),
        view(memory, xy - far, rows),
        written(code, k, 0, memory, starts, begin, rows),
    )


# In line, as the steps of single rows are.
@njit(nogil=True, inline="always")
def step(code: Ints, k: int, p: Floats, memory: int, starts: Ints, begin: int, rows: int) -> None:
    """Run step ``k`` over ``rows`` rows from row ``begin`` on."""
    if code[k, OP] <= Op.FLOW:
        _fused(code, k, p, memory, starts, begin, rows)
    elif code[k, OP] == Op.MOMENTS:
        _moments(code, k, int(p[0]), memory, starts, begin, rows)
    else:
        _correlation(code, k, p, memory, starts, begin, rows)
