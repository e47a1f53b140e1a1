"""Runs a graph over candles: in blocks that stay in the cache, or one candle at a time.

Both are the same compiled step over the same buffers, so a live row is bit by bit the row of a
batch that began at the same candle. All state is float64; each series keeps as many past values as
the steps that read it look back.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np
from numba import njit

from freqpilot.features.engine import fused, joined, moments
from freqpilot.features.engine.graph import INPUTS, Node, Op
from freqpilot.features.engine.slots import GROUP, MOST_INPUTS, slots_of
from freqpilot.features.engine.views import view
from freqpilot.features.kernels import (
    charts,
    elementary,
    profile,
    ranks,
    sar,
    session,
    structural,
    swings,
    trend,
    windows,
    zones,
)
from freqpilot.shapes import Candles, Floats, Floats32, Ints

CACHED = 100_000
"""Values that the buffers of a batch hold together: what stays in the second-level cache."""
CACHE_LINE = 8
"""Values in a line of the cache."""
LANES = 4
"""Exponential means that run side by side."""
LEAST_ROWS, MOST_ROWS = 256, 1_024
"""Rows of a batch that are computed together."""
DAY_LENGTH = 86_400_000_000_000
_NOTHING = np.empty(0)
FEW = 32
"""Rows below which a window is counted or kept sorted; both ways give the same, bit by bit."""
MOST = 3e38
"""The largest value that is given; float32 holds no more."""

# The compiled steps know an operation by its number.
_SCALE, _ABS, _SQRT, _LOG = int(Op.SCALE), int(Op.ABS), int(Op.SQRT), int(Op.LOG)
_LOG1P, _TANH, _CLIP, _ADD = int(Op.LOG1P), int(Op.TANH), int(Op.CLIP), int(Op.ADD)
_SUB, _MUL, _RATIO, _MAX, _MIN = (int(op) for op in (Op.SUB, Op.MUL, Op.RATIO, Op.MAX, Op.MIN))
_SIGNED, _TOWARDS, _COMOMENT = int(Op.SIGNED), int(Op.TOWARDS), int(Op.COMOMENT)
_MOMENT3, _MOMENT4, _EWM, _ADAPTIVE = (
    int(op) for op in (Op.MOMENT3, Op.MOMENT4, Op.EWM, Op.ADAPTIVE_EWM)
)
_CORRELATION = int(Op.CORRELATION)
_DIRECTION, _DEVIATION, _RANK, _QUANTILES = (
    int(op) for op in (Op.DIRECTION, Op.DEVIATION, Op.RANK, Op.QUANTILES)
)
_SIGN_ENTROPY, _BIN_ENTROPY, _FRACTIONAL, _SUPERTREND = (
    int(op) for op in (Op.SIGN_ENTROPY, Op.BIN_ENTROPY, Op.FRACTIONAL, Op.SUPERTREND)
)
_SWING_VALUE, _SWING_AGE, _RETRACEMENT, _SWING_STEPS = (
    int(op) for op in (Op.SWING_VALUE, Op.SWING_AGE, Op.RETRACEMENT, Op.SWING_STEPS)
)
_DIVERGENCE, _DOUBLE, _PREVIOUS_DAY = (
    int(op) for op in (Op.DIVERGENCE, Op.DOUBLE, Op.PREVIOUS_DAY)
)
_PROFILE = int(Op.VOLUME_PROFILE)
_DAY, _MARKET = INPUTS.index("day"), INPUTS.index("market")
_PARABOLIC, _SESSION, _ZONES, _EXTREMA, _FLAG = (
    int(op) for op in (Op.PARABOLIC, Op.SESSION, Op.ZONES, Op.EXTREMA, Op.FLAG)
)


@njit(cache=True, nogil=True)
def _unary(op: int, p: Floats, a: Floats, out: Floats) -> None:
    if op == _SCALE:
        factor, offset = p[0], p[1]
        for i in range(out.shape[0]):
            out[i] = factor * a[i] + offset
    elif op == _ABS:
        for i in range(out.shape[0]):
            out[i] = abs(a[i])
    elif op == _SQRT:
        for i in range(out.shape[0]):
            out[i] = np.sqrt(a[i] if not a[i] < 0.0 else 0.0)
    elif op == _LOG:
        elementary.natural_logarithm(a, out)
    elif op == _LOG1P:
        for i in range(out.shape[0]):
            out[i] = np.log1p(a[i]) if a[i] > -1.0 else np.nan
    elif op == _TANH:
        for i in range(out.shape[0]):
            out[i] = np.tanh(a[i])
    else:
        low, high = p[0], p[1]
        for i in range(out.shape[0]):
            value = low if a[i] < low else a[i]
            out[i] = high if value > high else value


@njit(cache=True, nogil=True)
def _binary(op: int, p: Floats, a: Floats, b: Floats, out: Floats) -> None:
    n = out.shape[0]
    if op == _ADD:
        for i in range(n):
            out[i] = a[i] + b[i]
    elif op == _SUB:
        for i in range(n):
            out[i] = a[i] - b[i]
    elif op == _MUL:
        for i in range(n):
            out[i] = a[i] * b[i]
    elif op == _RATIO:
        for i in range(n):
            # x·0 keeps a NaN of the numerator; a denominator of 0 stands for no movement.
            out[i] = a[i] / b[i] if b[i] != 0.0 else a[i] * 0.0
    elif op == _MAX:
        for i in range(n):
            out[i] = a[i] if a[i] > b[i] or a[i] != a[i] else b[i]
    elif op == _MIN:
        for i in range(n):
            out[i] = a[i] if a[i] < b[i] or a[i] != a[i] else b[i]
    elif op == _SIGNED:
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


@njit(cache=True, nogil=True)
def _steady(p: Floats, state: Floats, a: Floats) -> bool:
    """Tell whether a mean has settled and none of the next values is missing."""
    missing = 0
    for i in range(a.shape[0]):
        missing += not abs(a[i]) <= MOST
    return bool(missing == 0 and state[1] >= p[1])


@njit(cache=True, nogil=True)
def _ewm(p: Floats, state: Floats, a: Floats, out: Floats) -> None:
    alpha, settle = p[0], p[1]
    value, count = state[0], state[1]
    if _steady(p, state, a):
        for i in range(out.shape[0]):
            value += alpha * (a[i] - value)
            out[i] = value
        state[0], state[1] = value, count + out.shape[0]
        return
    for i in range(out.shape[0]):
        x = a[i]
        known = abs(x) <= MOST
        value = value + alpha * (x - value) if count > 0.0 else x
        count = count + 1.0 if known else 0.0
        out[i] = value if count >= settle else np.nan
    state[0], state[1] = value, count


@njit(cache=True, nogil=True)
def _adaptive(p: Floats, state: Floats, a: Floats, alphas: Floats, out: Floats) -> None:
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


@njit(cache=True, nogil=True)
def _mean_deviation(p: Floats, past: Floats, mean: Floats, out: Floats) -> None:
    """Row by row of the window, all candles at once: the compiler takes several in one step."""
    window, n = int(p[0]), out.shape[0]
    for i in range(n):
        out[i] = 0.0
    k = 0
    while k + 4 <= window:
        for i in range(n):
            far = out[i] + abs(past[i + k] - mean[i])
            far += abs(past[i + k + 1] - mean[i])
            far += abs(past[i + k + 2] - mean[i])
            out[i] = far + abs(past[i + k + 3] - mean[i])
        k += 4
    while k < window:
        for i in range(n):
            out[i] += abs(past[i + k] - mean[i])
        k += 1
    for i in range(n):
        out[i] /= window


@njit(cache=True, nogil=True)
def _windowed(op: int, p: Floats, a: Floats, b: Floats, c: Floats, d: Floats, rows: int) -> Floats:
    """One series of a step that reads a window; the rows before the block's come first."""
    if op == _RANK:
        if rows < FEW:
            return windows.rolling_rank(a, int(p[0]))
        return ranks.rolling_rank(a, int(p[0]))
    if op == _SIGN_ENTROPY:
        return windows.sign_entropy(a, int(p[0]), int(p[1]))
    if op == _BIN_ENTROPY:
        return windows.bin_entropy(a, int(p[0]), int(p[1]))
    if op == _FRACTIONAL:
        return windows.fractional_difference(a, p)
    if op == _DIRECTION:
        return trend.directional_moves(a, b, p[0] > 0.0)
    if op == _SUPERTREND:
        return trend.supertrend_distance(a, b, c, d, int(p[0]))
    if op == _SWING_VALUE:
        return structural.swing_value(a, b, int(p[0]), int(p[1]), p[2])
    if op == _SWING_AGE:
        return structural.swing_age(a, int(p[0]), int(p[1]), p[2])
    if op == _RETRACEMENT:
        return structural.swing_retracement(a, b, c, int(p[0]), int(p[1]), p[2])
    if op == _SWING_STEPS:
        return structural.swing_steps(a, int(p[0]), int(p[1]), p[2])
    if op == _DIVERGENCE:
        return structural.swing_divergence(a, b, int(p[0]), int(p[1]), p[2])
    if op == _PARABOLIC:
        return sar.parabolic_sar(a, b, int(p[0]), p[1], p[2])
    if op == _SESSION:
        return session.session_vwap(a, b, c, d, int(p[0]))
    if op == _FLAG:
        return charts.flag(a, b, c, p[0])
    return structural.swing_double(a, b, c, int(p[0]), int(p[1]), p[2])


@njit(cache=True, nogil=True)
def _several(op: int, p: Floats, a: Floats, b: Floats, c: Floats, d: Floats, rows: int) -> Floats:
    """Several series of a step that reads a window, a row each."""
    if op == _QUANTILES:
        if rows < FEW:
            return windows.rolling_quantiles(a, int(p[0]), p[1:])
        return ranks.rolling_quantiles(a, int(p[0]), p[1:])
    if op == _PROFILE:
        return profile.volume_profile(a, b, c, d, int(p[0]), int(p[1]))
    if op == _ZONES:
        return zones.supply_demand(a, b, c, d, int(p[0]), p[1])
    if op == _EXTREMA:
        return charts.extrema_patterns(a, b, c, int(p[0]), int(p[1]))
    return structural.previous_day(a, b, c, d, int(p[0]))


@njit(cache=True, nogil=True)
def _ewm_at(
    code: Ints, k: int, weights: int, states: int, memory: int, starts: Ints, begin: int, rows: int
) -> None:
    """Run the exponential mean of step ``k``."""
    source = view(memory, starts[code[k, 6]] + begin, rows)
    out = view(memory, starts[code[k, 1]] + begin, rows)
    _ewm(view(weights, code[k, 3], 2), view(states, code[k, 2], 2), source, out)


@njit(cache=True, nogil=True)
def _steady_at(
    code: Ints, k: int, weights: int, states: int, memory: int, starts: Ints, begin: int, rows: int
) -> bool:
    source = view(memory, starts[code[k, 6]] + begin, rows)
    return _steady(view(weights, code[k, 3], 2), view(states, code[k, 2], 2), source)


@njit(cache=True, nogil=True)
def _ewm4(
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
    last value, together they do not. The arithmetic is that of :func:`_ewm`; with fewer than four
    the last one is computed again in the lanes that are left, which costs nothing."""
    k1, k2, k3 = k + min(1, lanes - 1), k + min(2, lanes - 1), k + min(3, lanes - 1)
    a0 = view(memory, starts[code[k, 6]] + begin, rows)
    a1 = view(memory, starts[code[k1, 6]] + begin, rows)
    a2 = view(memory, starts[code[k2, 6]] + begin, rows)
    a3 = view(memory, starts[code[k3, 6]] + begin, rows)
    o0 = view(memory, starts[code[k, 1]] + begin, rows)
    o1 = view(memory, starts[code[k1, 1]] + begin, rows)
    o2 = view(memory, starts[code[k2, 1]] + begin, rows)
    o3 = view(memory, starts[code[k3, 1]] + begin, rows)
    w0 = view(weights, code[k, 3], 1)[0]
    w1 = view(weights, code[k1, 3], 1)[0]
    w2 = view(weights, code[k2, 3], 1)[0]
    w3 = view(weights, code[k3, 3], 1)[0]
    v0 = view(states, code[k, 2], 1)[0]
    v1 = view(states, code[k1, 2], 1)[0]
    v2 = view(states, code[k2, 2], 1)[0]
    v3 = view(states, code[k3, 2], 1)[0]
    for i in range(rows):
        v0 += w0 * (a0[i] - v0)
        v1 += w1 * (a1[i] - v1)
        v2 += w2 * (a2[i] - v2)
        v3 += w3 * (a3[i] - v3)
        o0[i], o1[i], o2[i], o3[i] = v0, v1, v2, v3
    values = (v0, v1, v2, v3)
    for j in range(lanes):
        state = view(states, code[k + j, 2], 2)
        state[0] = values[j]
        state[1] += rows


@njit(cache=True, nogil=True)
def _lanes(
    code: Ints, k: int, weights: int, states: int, memory: int, starts: Ints, begin: int, rows: int
) -> int:
    """Run the exponential means of one group from step ``k`` on; return the step behind them."""
    end = k + 1
    while end < code.shape[0] and code[end, 0] == _EWM and code[end, GROUP] == code[k, GROUP]:
        end += 1
    while k < end:
        lanes = min(LANES, end - k)
        steady = lanes > 1 and rows > 1
        for j in range(lanes if steady else 0):
            steady &= _steady_at(code, k + j, weights, states, memory, starts, begin, rows)
        if steady:
            _ewm4(code, k, lanes, weights, states, memory, starts, begin, rows)
            k += lanes
        else:
            _ewm_at(code, k, weights, states, memory, starts, begin, rows)
            k += 1
    return k


def _fingerprint() -> int:
    """Return a number that changes with the code of any compiled function that steps call.

    Numba keeps a compiled function as long as its own file is the same, and would keep an old
    formula of another module. The number is part of the key that ``advance`` is kept under.
    """

    def digest(code: CodeType, number: int) -> int:
        number = zlib.crc32(code.co_code, number)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                number = digest(constant, number)
            else:
                number = zlib.crc32(repr(constant).encode(), number)
        return zlib.crc32(repr(code.co_names).encode(), number)

    number = 0
    for module in (
        elementary,
        fused,
        joined,
        trend,
        windows,
        ranks,
        moments,
        profile,
        structural,
        swings,
        charts,
        sar,
        session,
        zones,
    ):
        for name in sorted(vars(module)):
            function = getattr(getattr(module, name), "py_func", None)
            if function is not None:
                number = digest(function.__code__, number)
    return number


@njit(cache=True, nogil=True)
def _block(
    code: Ints, weights: int, states: int, memory: int, starts: Ints, begin: int, rows: int
) -> None:
    """Compute rows ``begin`` … of every series but the inputs, step by step."""
    k, count = 0, code.shape[0]
    while k < count:
        op, first, size = code[k, 0], code[k, 1], code[k, 5]
        if op == _EWM:
            k = _lanes(code, k, weights, states, memory, starts, begin, rows)
            continue
        p, own = view(weights, code[k, 3], code[k, 4]), view(states, code[k, 2], 2)
        at0, at1 = starts[code[k, 6]] + begin, starts[code[k, 7]] + begin
        back0, back1 = code[k, 14], code[k, 15]
        out = view(memory, starts[first] + begin, rows)
        if op <= _CLIP:
            _unary(op, p, view(memory, at0, rows), out)
        elif op <= _TOWARDS:
            b = view(memory, at1 - back1, rows)
            _binary(op, p, view(memory, at0, rows), b, out)
        elif op <= _MOMENT4:
            at2, at3 = starts[code[k, 8]] + begin, starts[code[k, 9]] + begin
            at4, at5 = starts[code[k, 10]] + begin, starts[code[k, 11]] + begin
            a, b = view(memory, at0, rows), view(memory, at1 - back1, rows)
            c, d = view(memory, at2, rows), view(memory, at3 - code[k, 17], rows)
            e, f = view(memory, at4, rows), view(memory, at5 - code[k, 19], rows)
            if op == _COMOMENT:
                _comoment(p, a, b, c, d, e, f, out)
            elif op == _MOMENT3:
                _moment3(p, a, b, c, d, e, f, out)
            else:
                at6, at7 = starts[code[k, 12]] + begin, starts[code[k, 13]] + begin
                g, h = view(memory, at6, rows), view(memory, at7 - code[k, 21], rows)
                _moment4(p, a, b, c, d, e, f, g, h, out)
        elif op <= _CORRELATION:
            joined.step(code, k, p, memory, starts, begin, rows)
        elif op == _ADAPTIVE:
            _adaptive(p, own, view(memory, at0, rows), view(memory, at1, rows), out)
        else:
            a = view(memory, at0 - back0, back0 + rows)
            b = view(memory, at1 - back1, back1 + rows)
            if op == _DEVIATION:
                _mean_deviation(p, a, b, out)
            else:
                back2, back3 = code[k, 16], code[k, 17]
                c = view(memory, starts[code[k, 8]] + begin - back2, back2 + rows)
                d = view(memory, starts[code[k, 9]] + begin - back3, back3 + rows)
                if op not in (_QUANTILES, _PREVIOUS_DAY, _PROFILE, _ZONES, _EXTREMA):
                    out[:] = _windowed(op, p, a, b, c, d, rows)[back0:]
                else:
                    table = _several(op, p, a, b, c, d, rows)
                    for j in range(size):
                        view(memory, starts[first + j] + begin, rows)[:] = table[j, back0:]
        k += 1


@njit(cache=True, nogil=True)
def _shift(memory: int, starts: Ints, history: Ints, rows: int) -> None:
    """Move what the next rows look back at to the front of every buffer."""
    for s in range(starts.shape[0]):
        whole = view(memory, starts[s] - history[s], history[s] + rows)
        for i in range(history[s]):
            whole[i] = whole[i + rows]


@njit(cache=True, nogil=True)
def _forget(flat: Floats, starts: Ints, history: Ints) -> None:
    """Make missing what the first rows look back at."""
    for s in range(starts.shape[0]):
        flat[starts[s] - history[s] : starts[s]] = np.nan


def _make_advance(fingerprint: int) -> Any:
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
        while done < count and fingerprint >= 0:
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
                    target[i] = source[i] if abs(source[i]) <= MOST else np.nan
            _block(code, params.ctypes.data, state.ctypes.data, memory, starts, filled, rows)
            for k in range(outputs.shape[0]):
                column = view(memory, starts[outputs[k]] + filled, rows)
                given = columns[k, done : done + rows]
                for i in range(rows):
                    # Not infinite either: no reader of a feature expects that.
                    given[i] = column[i] if abs(column[i]) <= MOST else np.nan
            filled += rows
            done += rows
        return filled

    return advance


_advance = _make_advance(_fingerprint())


@dataclass(frozen=True)
class Program:
    """A graph made ready to run; it holds no values, so threads and streams share it."""

    code: Ints
    params: Floats
    outputs: Ints
    used: tuple[bool, ...]
    history: Ints
    slots: Ints
    states: int
    startup: int

    @property
    def series(self) -> int:
        """How many series are kept side by side while it runs."""
        return int(self.slots.max()) + 1


def compile_graph(wanted: Sequence[Node]) -> Program:
    """Return the program of ``wanted``: each step once, behind the steps that it reads."""
    steps, depth = _schedule(wanted)
    place = {id(each): k for k, each in enumerate(_inputs())}
    count = len(INPUTS)
    for each in steps:
        if each.op is Op.PICK:
            place[id(each)] = place[id(each.inputs[0])] + int(each.params[0])
        elif each.op is not Op.INPUT:
            place[id(each)] = count
            count += each.size
    history = np.zeros(count, dtype=np.int64)
    lines: list[list[int]] = []
    params: list[float] = []
    for each in steps:
        if each.op in (Op.INPUT, Op.PICK):
            continue
        line = [int(each.op), place[id(each)], 2 * len(lines), len(params), len(each.params)]
        params += each.params
        ids = [place[id(given)] for given in each.inputs]
        for series, lag in zip(ids, each.lags, strict=True):
            history[series] = max(history[series], lag)
        rest = [0] * (MOST_INPUTS - len(ids))
        # A step without a second input reads the first one twice; it costs nothing.
        filled = [*ids, *(ids[:1] * len(rest))]
        backs = [*each.lags, *(each.lags[:1] * len(rest))]
        lines.append([*line, each.size, *filled, *backs, depth[id(each)]])
    code = np.array(lines, dtype=np.int64).reshape(-1, GROUP + 1)
    outputs = np.array([place[id(each)] for each in wanted], dtype=np.int64)
    return Program(
        code,
        np.array(params, dtype=np.float64),
        outputs,
        tuple(each in steps for each in _inputs()),
        history,
        slots_of(code, outputs, history),
        2 * len(lines),
        max((each.startup for each in wanted), default=0),
    )


def _inputs() -> list[Node]:
    from freqpilot.features.engine import graph

    return [getattr(graph, name.upper()) for name in INPUTS]


def _schedule(wanted: Sequence[Node]) -> tuple[list[Node], dict[int, int]]:
    """Return the steps, each behind its inputs, exponential means next to each other; and the
    group of each: means of one group do not read one another.

    Steps come by how many exponential means are behind one another up to them, and the means of one
    such depth, whose inputs are all there then, last.
    """
    depth: dict[int, int] = {}
    steps: list[Node] = []

    def visit(each: Node) -> int:
        if id(each) not in depth:
            behind = max((visit(given) for given in each.inputs), default=0)
            # A mean's own depth counts from the next step on: what reads it comes one later.
            depth[id(each)] = behind + (1 if each.op is Op.EWM else 0)
            steps.append(each)
        return depth[id(each)]

    for each in wanted:
        visit(each)
    steps.sort(
        key=lambda each: (depth[id(each)] - 1, 1) if each.op is Op.EWM else (depth[id(each)], 0)
    )
    return steps, depth


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
        _forget(self._flat, self._starts, self.program.history)
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
        self._filled = _advance(
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
