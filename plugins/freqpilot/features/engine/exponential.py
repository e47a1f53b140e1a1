"""Steps that are exponential means: one alone, with a weight that changes, or four side by side."""

import numpy as np
from numba import njit

from freqpilot.features.engine.graph import Op
from freqpilot.features.engine.layout import GROUP, OP, PARAMS, STATE
from freqpilot.features.engine.views import LARGEST, given, view, written
from freqpilot.shapes import Floats, Ints

LANES = 4
"""Means that run side by side."""


@njit(nogil=True)
def _is_steady(p: Floats, state: Floats, a: Floats) -> bool:
    """Tell whether a mean has settled and none of the next values is missing."""
    missing = 0
    for i in range(a.shape[0]):
        missing += not abs(a[i]) <= LARGEST
    return bool(missing == 0 and state[1] >= p[1])


@njit(nogil=True)
def _mean(p: Floats, state: Floats, a: Floats, out: Floats) -> None:
    alpha, settle = p[0], p[1]
    value, count = state[0], state[1]
    if _is_steady(p, state, a):
        for i in range(out.shape[0]):
            value += alpha * (a[i] - value)
            out[i] = value
        state[0], state[1] = value, count + out.shape[0]
        return
    for i in range(out.shape[0]):
        x = a[i]
        known = abs(x) <= LARGEST
        value = value + alpha * (x - value) if count > 0.0 else x
        count = count + 1.0 if known else 0.0
        out[i] = value if count >= settle else np.nan
    state[0], state[1] = value, count


@njit(cache=True, nogil=True)
def _adaptive_mean(p: Floats, state: Floats, a: Floats, alphas: Floats, out: Floats) -> None:
    settle = int(p[0])
    value, count = state[0], int(state[1])
    for i in range(out.shape[0]):
        x, alpha = a[i], alphas[i]
        if not (np.isfinite(x) and np.isfinite(alpha)):
            count = 0
            out[i] = np.nan
            continue
        value = x if count == 0 else value + alpha * (x - value)
        count += 1
        out[i] = value if count >= settle else np.nan
    state[0], state[1] = value, float(count)


@njit(nogil=True)
def adaptive(
    code: Ints, k: int, p: Floats, states: int, memory: int, starts: Ints, begin: int, rows: int
) -> None:
    """Run step ``k``, a mean whose weight is its second input."""
    _adaptive_mean(
        p,
        view(states, code[k, STATE], 2),
        given(code, k, 0, memory, starts, begin, rows),
        given(code, k, 1, memory, starts, begin, rows),
        written(code, k, 0, memory, starts, begin, rows),
    )


@njit(nogil=True)
def _one(
    code: Ints, k: int, weights: int, states: int, memory: int, starts: Ints, begin: int, rows: int
) -> None:
    """Run the mean of step ``k`` alone."""
    source = given(code, k, 0, memory, starts, begin, rows)
    out = written(code, k, 0, memory, starts, begin, rows)
    _mean(view(weights, code[k, PARAMS], 2), view(states, code[k, STATE], 2), source, out)


@njit(nogil=True)
def _is_steady_at(
    code: Ints, k: int, weights: int, states: int, memory: int, starts: Ints, begin: int, rows: int
) -> bool:
    source = given(code, k, 0, memory, starts, begin, rows)
    return _is_steady(view(weights, code[k, PARAMS], 2), view(states, code[k, STATE], 2), source)


@njit(nogil=True)
def _four(
    code: Ints,
    k: int,
    lanes: int,
    weights: int,
    states: int,
    memory: int,
    starts: Ints,
    begin: int,
    rows: int,
) -> None:
    """Run up to four means that have settled and miss nothing, side by side: each waits for its own
    last value, together they do not. The arithmetic is that of :func:`_mean`; with fewer than four
    the last one is computed again in the lanes that are left, which costs nothing."""
    k1, k2, k3 = k + min(1, lanes - 1), k + min(2, lanes - 1), k + min(3, lanes - 1)
    a0 = given(code, k, 0, memory, starts, begin, rows)
    a1 = given(code, k1, 0, memory, starts, begin, rows)
    a2 = given(code, k2, 0, memory, starts, begin, rows)
    a3 = given(code, k3, 0, memory, starts, begin, rows)
    o0 = written(code, k, 0, memory, starts, begin, rows)
    o1 = written(code, k1, 0, memory, starts, begin, rows)
    o2 = written(code, k2, 0, memory, starts, begin, rows)
    o3 = written(code, k3, 0, memory, starts, begin, rows)
    w0 = view(weights, code[k, PARAMS], 1)[0]
    w1 = view(weights, code[k1, PARAMS], 1)[0]
    w2 = view(weights, code[k2, PARAMS], 1)[0]
    w3 = view(weights, code[k3, PARAMS], 1)[0]
    v0 = view(states, code[k, STATE], 1)[0]
    v1 = view(states, code[k1, STATE], 1)[0]
    v2 = view(states, code[k2, STATE], 1)[0]
    v3 = view(states, code[k3, STATE], 1)[0]
    for i in range(rows):
        v0 += w0 * (a0[i] - v0)
        v1 += w1 * (a1[i] - v1)
        v2 += w2 * (a2[i] - v2)
        v3 += w3 * (a3[i] - v3)
        o0[i], o1[i], o2[i], o3[i] = v0, v1, v2, v3
    values = (v0, v1, v2, v3)
    for j in range(lanes):
        state = view(states, code[k + j, STATE], 2)
        state[0] = values[j]
        state[1] += rows


@njit(nogil=True)
def group(
    code: Ints, k: int, weights: int, states: int, memory: int, starts: Ints, begin: int, rows: int
) -> int:
    """Run the means of one group from step ``k`` on; return the step behind them."""
    end = k + 1
    while end < code.shape[0] and code[end, OP] == Op.EWM and code[end, GROUP] == code[k, GROUP]:
        end += 1
    while k < end:
        lanes = min(LANES, end - k)
        steady = lanes > 1 and rows > 1
        for j in range(lanes if steady else 0):
            steady &= _is_steady_at(code, k + j, weights, states, memory, starts, begin, rows)
        if steady:
            _four(code, k, lanes, weights, states, memory, starts, begin, rows)
            k += lanes
        else:
            _one(code, k, weights, states, memory, starts, begin, rows)
            k += 1
    return k
