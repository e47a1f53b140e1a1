"""Runs the steps of the engine that join several, out of its buffers and into them."""

from numba import njit

from freqpilot.features.engine import fused, moments
from freqpilot.features.engine.graph import Op
from freqpilot.features.engine.views import view
from freqpilot.shapes import Floats, Ints

_TOTAL3, _TOTAL4, _HIGHEST4, _LOWEST4 = (
    int(op) for op in (Op.TOTAL3, Op.TOTAL4, Op.HIGHEST4, Op.LOWEST4)
)
_MEAN3, _TYPICAL, _PLACE, _FLOW = (int(op) for op in (Op.MEAN3, Op.TYPICAL, Op.PLACE, Op.FLOW))
_MOMENTS = int(Op.MOMENTS)


@njit(cache=True, nogil=True)
def _fused(code: Ints, k: int, p: Floats, memory: int, starts: Ints, begin: int, rows: int) -> None:
    """Run step ``k``, one of :mod:`freqpilot.features.engine.fused`."""
    op, first = code[k, 0], code[k, 1]
    out = view(memory, starts[first] + begin, rows)
    a = view(memory, starts[code[k, 6]] + begin - code[k, 14], rows)
    b = view(memory, starts[code[k, 7]] + begin - code[k, 15], rows)
    c = view(memory, starts[code[k, 8]] + begin - code[k, 16], rows)
    d = view(memory, starts[code[k, 9]] + begin - code[k, 17], rows)
    if op == _TOTAL3:
        fused.total3(a, b, c, out)
    elif op == _TOTAL4:
        fused.total4(a, b, c, d, out)
    elif op == _HIGHEST4:
        fused.highest4(a, b, c, d, out)
    elif op == _LOWEST4:
        fused.lowest4(a, b, c, d, out)
    elif op == _MEAN3:
        fused.mean3(a, b, c, out)
    elif op == _TYPICAL:
        fused.typical(a, b, c, out)
    elif op == _PLACE:
        fused.place(a, b, c, out)
    else:
        fused.flow(p, a, b, c, out, view(memory, starts[first + 1] + begin, rows))


@njit(cache=True, nogil=True)
def _moments(
    code: Ints, k: int, size: int, memory: int, starts: Ints, begin: int, rows: int
) -> None:
    """Run step ``k``, the moments of two series."""
    first, back = code[k, 1], code[k, 14]
    moments.moments(
        size,
        view(memory, starts[code[k, 6]] + begin - back, back + rows),
        view(memory, starts[code[k, 7]] + begin - back, back + rows),
        view(memory, starts[first] + begin, rows),
        view(memory, starts[first + 1] + begin, rows),
        view(memory, starts[first + 2] + begin, rows),
        view(memory, starts[first + 3] + begin, rows),
        view(memory, starts[first + 4] + begin, rows),
    )


@njit(cache=True, nogil=True)
def _correlation(
    code: Ints, k: int, p: Floats, memory: int, starts: Ints, begin: int, rows: int
) -> None:
    """Run step ``k``, a correlation joined from the moments of its parts."""
    size, far = int(p[0]), int(p[0]) * 2 if p[1] == 3.0 else 0
    mx, my = starts[code[k, 6]] + begin, starts[code[k, 7]] + begin
    xx, yy, xy = (
        starts[code[k, 8]] + begin,
        starts[code[k, 9]] + begin,
        starts[code[k, 10]] + begin,
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
        view(memory, starts[code[k, 1]] + begin, rows),
    )


@njit(cache=True, nogil=True)
def step(code: Ints, k: int, p: Floats, memory: int, starts: Ints, begin: int, rows: int) -> None:
    """Run step ``k`` over ``rows`` rows from row ``begin`` on."""
    if code[k, 0] <= _FLOW:
        _fused(code, k, p, memory, starts, begin, rows)
    elif code[k, 0] == _MOMENTS:
        _moments(code, k, int(p[0]), memory, starts, begin, rows)
    else:
        _correlation(code, k, p, memory, starts, begin, rows)
