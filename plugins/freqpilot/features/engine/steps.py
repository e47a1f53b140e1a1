"""Steps that compute each row from single rows of their inputs."""

import numpy as np
from numba import njit

from freqpilot.features.engine.graph import Op
from freqpilot.features.engine.layout import OP
from freqpilot.features.engine.views import given, written
from freqpilot.features.kernels import elementary
from freqpilot.shapes import Floats, Ints


@njit(nogil=True)
def _unary(op: int, p: Floats, a: Floats, out: Floats) -> None:
    if op == Op.SCALE:
        factor, offset = p[0], p[1]
        for i in range(out.shape[0]):
            out[i] = factor * a[i] + offset
    elif op == Op.ABS:
        for i in range(out.shape[0]):
            out[i] = abs(a[i])
    elif op == Op.SQRT:
        for i in range(out.shape[0]):
            out[i] = np.sqrt(a[i] if not a[i] < 0.0 else 0.0)
    elif op == Op.LOG:
        elementary.natural_logarithm(a, out)
    elif op == Op.LOG1P:
        for i in range(out.shape[0]):
            out[i] = np.log1p(a[i]) if a[i] > -1.0 else np.nan
    elif op == Op.TANH:
        for i in range(out.shape[0]):
            out[i] = np.tanh(a[i])
    else:
        low, high = p[0], p[1]
        for i in range(out.shape[0]):
            value = low if a[i] < low else a[i]
            out[i] = high if value > high else value


@njit(nogil=True)
def _binary(op: int, p: Floats, a: Floats, b: Floats, out: Floats) -> None:
    n = out.shape[0]
    if op == Op.ADD:
        for i in range(n):
            out[i] = a[i] + b[i]
    elif op == Op.SUB:
        for i in range(n):
            out[i] = a[i] - b[i]
    elif op == Op.MUL:
        for i in range(n):
            out[i] = a[i] * b[i]
    elif op == Op.RATIO:
        for i in range(n):
            # x·0 keeps a NaN of the numerator; a denominator of 0 stands for no movement.
            out[i] = a[i] / b[i] if b[i] != 0.0 else a[i] * 0.0
    elif op == Op.MAX:
        for i in range(n):
            out[i] = a[i] if a[i] > b[i] or a[i] != a[i] else b[i]
    elif op == Op.MIN:
        for i in range(n):
            out[i] = a[i] if a[i] < b[i] or a[i] != a[i] else b[i]
    elif op == Op.SIGNED:
        for i in range(n):
            size = a[i] + b[i] * 0.0
            out[i] = size if b[i] > 0.0 else (-size if b[i] < 0.0 else size * 0.0)
    else:
        share = p[0]
        for i in range(n):
            out[i] = a[i] + (b[i] - a[i]) * share


@njit(cache=True, nogil=True)
def _comoment(
    p: Floats, a: Floats, b: Floats, xa: Floats, xb: Floats, ya: Floats, yb: Floats, out: Floats
) -> None:
    weight = p[0]
    for i in range(out.shape[0]):
        out[i] = a[i] + b[i] + (xa[i] - xb[i]) * (ya[i] - yb[i]) * weight


@njit(cache=True, nogil=True)
def _moment3(
    p: Floats, a: Floats, b: Floats, sa: Floats, sb: Floats, ma: Floats, mb: Floats, out: Floats
) -> None:
    cube, new, old = p[0], p[1], p[2]
    for i in range(out.shape[0]):
        d = ma[i] - mb[i]
        out[i] = a[i] + b[i] + d * (d * d * cube + (new * sa[i] - old * sb[i]))


@njit(cache=True, nogil=True)
def _moment4(
    p: Floats,
    a: Floats,
    b: Floats,
    ca: Floats,
    cb: Floats,
    sa: Floats,
    sb: Floats,
    ma: Floats,
    mb: Floats,
    out: Floats,
) -> None:
    fourth, new2, old2, new3, old3 = p[0], p[1], p[2], p[3], p[4]
    for i in range(out.shape[0]):
        d = ma[i] - mb[i]
        square = d * d
        out[i] = (
            a[i]
            + b[i]
            + square * (square * fourth + (new2 * sa[i] + old2 * sb[i]))
            + d * (new3 * ca[i] - old3 * cb[i])
        )


# In line, here and in step: a call for each step would make a live row a tenth slower.
@njit(nogil=True, inline="always")
def _moments(
    code: Ints, k: int, p: Floats, memory: int, starts: Ints, begin: int, rows: int
) -> None:
    """Run step ``k``, which joins the moments of the newer and the older part of a window."""
    op, out = code[k, OP], written(code, k, 0, memory, starts, begin, rows)
    a = given(code, k, 0, memory, starts, begin, rows)
    b = given(code, k, 1, memory, starts, begin, rows)
    c = given(code, k, 2, memory, starts, begin, rows)
    d = given(code, k, 3, memory, starts, begin, rows)
    e = given(code, k, 4, memory, starts, begin, rows)
    f = given(code, k, 5, memory, starts, begin, rows)
    if op == Op.COMOMENT:
        _comoment(p, a, b, c, d, e, f, out)
    elif op == Op.MOMENT3:
        _moment3(p, a, b, c, d, e, f, out)
    else:
        g = given(code, k, 6, memory, starts, begin, rows)
        h = given(code, k, 7, memory, starts, begin, rows)
        _moment4(p, a, b, c, d, e, f, g, h, out)


@njit(nogil=True, inline="always")
def step(code: Ints, k: int, p: Floats, memory: int, starts: Ints, begin: int, rows: int) -> None:
    """Run step ``k`` over ``rows`` rows from row ``begin`` on."""
    op = code[k, OP]
    if op > Op.TOWARDS:
        _moments(code, k, p, memory, starts, begin, rows)
        return
    a = given(code, k, 0, memory, starts, begin, rows)
    out = written(code, k, 0, memory, starts, begin, rows)
    if op <= Op.CLIP:
        _unary(op, p, a, out)
    else:
        _binary(op, p, a, given(code, k, 1, memory, starts, begin, rows), out)
