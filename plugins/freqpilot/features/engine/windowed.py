"""Steps that read a window of rows: each calls one of :mod:`freqpilot.features.kernels`."""

from numba import njit

from freqpilot.features.engine.graph import Op
from freqpilot.features.engine.layout import LAG, OP, SIZE
from freqpilot.features.engine.views import window, written
from freqpilot.features.kernels import (
    charts,
    profile,
    quantiles,
    ranks,
    sar,
    session,
    structural,
    trend,
    windows,
    zones,
)
from freqpilot.shapes import Floats, Ints

FEW = 32
"""Rows below which a window is counted or kept sorted; both ways give the same, bit by bit."""


@njit(cache=True, nogil=True)
def _mean_deviation(p: Floats, past: Floats, mean: Floats, out: Floats) -> None:
    """Row by row of the window, all candles at once: the compiler takes several in one step."""
    length, n = int(p[0]), out.shape[0]
    for i in range(n):
        out[i] = 0.0
    k = 0
    while k + 4 <= length:
        for i in range(n):
            far = out[i] + abs(past[i + k] - mean[i])
            far += abs(past[i + k + 1] - mean[i])
            far += abs(past[i + k + 2] - mean[i])
            out[i] = far + abs(past[i + k + 3] - mean[i])
        k += 4
    while k < length:
        for i in range(n):
            out[i] += abs(past[i + k] - mean[i])
        k += 1
    for i in range(n):
        out[i] /= length


@njit(nogil=True, inline="always")
def _one(op: int, p: Floats, a: Floats, b: Floats, c: Floats, d: Floats, rows: int) -> Floats:
    """Return the one series of a step; the rows before the block's come first."""
    if op == Op.RANK:
        if rows < FEW:
            return windows.rolling_rank(a, int(p[0]))
        return ranks.rolling_rank(a, int(p[0]))
    if op == Op.SIGN_ENTROPY:
        return windows.sign_entropy(a, int(p[0]), int(p[1]))
    if op == Op.BIN_ENTROPY:
        return windows.bin_entropy(a, int(p[0]), int(p[1]))
    if op == Op.FRACTIONAL:
        return windows.fractional_difference(a, p)
    if op == Op.DIRECTION:
        return trend.directional_moves(a, b, p[0] > 0.0)
    if op == Op.SUPERTREND:
        return trend.supertrend_distance(a, b, c, d, int(p[0]))
    if op == Op.SWING_VALUE:
        return structural.swing_value(a, b, int(p[0]), int(p[1]), p[2])
    if op == Op.SWING_AGE:
        return structural.swing_age(a, int(p[0]), int(p[1]), p[2])
    if op == Op.RETRACEMENT:
        return structural.swing_retracement(a, b, c, int(p[0]), int(p[1]), p[2])
    if op == Op.SWING_STEPS:
        return structural.swing_steps(a, int(p[0]), int(p[1]), p[2])
    if op == Op.DIVERGENCE:
        return structural.swing_divergence(a, b, int(p[0]), int(p[1]), p[2])
    if op == Op.PARABOLIC:
        return sar.parabolic_sar(a, b, int(p[0]), p[1], p[2])
    if op == Op.SESSION:
        return session.session_vwap(a, b, c, d, int(p[0]))
    if op == Op.FLAG:
        return charts.flag(a, b, c, p[0])
    return structural.swing_double(a, b, c, int(p[0]), int(p[1]), p[2])


@njit(nogil=True, inline="always")
def _several(op: int, p: Floats, a: Floats, b: Floats, c: Floats, d: Floats, rows: int) -> Floats:
    """Return the several series of a step, a row each."""
    if op == Op.QUANTILES:
        if rows < FEW:
            return windows.rolling_quantiles(a, int(p[0]), p[1:])
        return quantiles.rolling_quantiles(a, int(p[0]), p[1:])
    if op == Op.VOLUME_PROFILE:
        return profile.volume_profile(a, b, c, d, int(p[0]), int(p[1]))
    if op == Op.ZONES:
        return zones.supply_demand(a, b, c, d, int(p[0]), p[1])
    if op == Op.EXTREMA:
        return charts.extrema_patterns(a, b, c, int(p[0]), int(p[1]))
    return structural.previous_day(a, b, c, d, int(p[0]))


@njit(nogil=True)
def step(code: Ints, k: int, p: Floats, memory: int, starts: Ints, begin: int, rows: int) -> None:
    """Run step ``k`` over ``rows`` rows from row ``begin`` on."""
    op, back = code[k, OP], code[k, LAG]
    a = window(code, k, 0, memory, starts, begin, rows)
    b = window(code, k, 1, memory, starts, begin, rows)
    if op == Op.DEVIATION:
        _mean_deviation(p, a, b, written(code, k, 0, memory, starts, begin, rows))
        return
    c = window(code, k, 2, memory, starts, begin, rows)
    d = window(code, k, 3, memory, starts, begin, rows)
    if op not in (Op.QUANTILES, Op.PREVIOUS_DAY, Op.VOLUME_PROFILE, Op.ZONES, Op.EXTREMA):
        out = written(code, k, 0, memory, starts, begin, rows)
        out[:] = _one(op, p, a, b, c, d, rows)[back:]
        return
    table = _several(op, p, a, b, c, d, rows)
    for j in range(code[k, SIZE]):
        written(code, k, j, memory, starts, begin, rows)[:] = table[j, back:]
