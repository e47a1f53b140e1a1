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

from freqpilot.features import kernels, structural, swings, windows
from freqpilot.features.graph import INPUTS, Node, Op
from freqpilot.shapes import Floats, Floats32, Ints

BLOCK = 512
"""Rows of a batch that are computed together."""
FIELDS, MOST_INPUTS = 6, 8

# The compiled steps know an operation by its number.
_SCALE, _ABS, _SQRT, _LOG = int(Op.SCALE), int(Op.ABS), int(Op.SQRT), int(Op.LOG)
_LOG1P, _TANH, _CLIP, _ADD = int(Op.LOG1P), int(Op.TANH), int(Op.CLIP), int(Op.ADD)
_SUB, _MUL, _RATIO, _MAX, _MIN = (int(op) for op in (Op.SUB, Op.MUL, Op.RATIO, Op.MAX, Op.MIN))
_SIGNED, _TOWARDS, _COMOMENT = int(Op.SIGNED), int(Op.TOWARDS), int(Op.COMOMENT)
_MOMENT3, _MOMENT4, _EWM, _ADAPTIVE = (
    int(op) for op in (Op.MOMENT3, Op.MOMENT4, Op.EWM, Op.ADAPTIVE_EWM)
)
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
        for i in range(out.shape[0]):
            out[i] = np.log(a[i]) if a[i] > 0.0 else np.nan
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
def _ewm(p: Floats, state: Floats, a: Floats, out: Floats) -> None:
    alpha, settle = p[0], int(p[1])
    value, count = state[0], int(state[1])
    for i in range(out.shape[0]):
        x = a[i]
        if not np.isfinite(x):
            count = 0
            out[i] = np.nan
            continue
        value = x if count == 0 else value + alpha * (x - value)
        count += 1
        out[i] = value if count >= settle else np.nan
    state[0], state[1] = value, float(count)


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
    for k in range(window):
        for i in range(n):
            out[i] += abs(past[i + k] - mean[i])
    for i in range(n):
        out[i] /= window


@njit(cache=True, nogil=True)
def _windowed(op: int, p: Floats, a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """One series of a step that reads a window; the rows before the block come first."""
    if op == _RANK:
        return windows.rolling_rank(a, int(p[0]))
    if op == _SIGN_ENTROPY:
        return windows.sign_entropy(a, int(p[0]), int(p[1]))
    if op == _BIN_ENTROPY:
        return windows.bin_entropy(a, int(p[0]), int(p[1]))
    if op == _FRACTIONAL:
        return windows.fractional_difference(a, p)
    if op == _DIRECTION:
        return kernels.directional_moves(a, b, p[0] > 0.0)
    if op == _SUPERTREND:
        return kernels.supertrend_distance(a, b, c, d, int(p[0]))
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
    return structural.swing_double(a, b, c, int(p[0]), int(p[1]), p[2])


@njit(cache=True, nogil=True)
def _several(op: int, p: Floats, a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Several series of a step that reads a window, a row each."""
    if op == _QUANTILES:
        return windows.rolling_quantiles(a, int(p[0]), p[1:])
    return structural.previous_day(a, b, c, d, int(p[0]))


@njit(cache=True, nogil=True)
def _view(flat: Floats, at: int, back: int, ahead: int) -> Floats:
    return flat[at - back : at + ahead]


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
    for module in (kernels, windows, structural, swings):
        for name in sorted(vars(module)):
            function = getattr(getattr(module, name), "py_func", None)
            if function is not None:
                number = digest(function.__code__, number)
    return number


def _make_advance(fingerprint: int) -> Any:
    @njit(cache=True, nogil=True)
    def advance(
        code: Ints,
        params: Floats,
        state: Floats,
        flat: Floats,
        starts: Ints,
        inputs: Floats,
        begin: int,
        outputs: Ints,
        columns: Floats32,
    ) -> int:
        """Compute the rows of ``inputs`` as rows ``begin`` … of every buffer; write ``columns``."""
        rows = inputs.shape[1]
        for j in range(inputs.shape[0]):
            _view(flat, starts[j] + begin, 0, rows)[:] = inputs[j]
        for k in range(code.shape[0]):
            line = code[k]
            op, first, size = line[0], line[1], line[5]
            p = params[line[3] : line[3] + line[4]]
            own = state[line[2] : line[2] + 2]
            at0, at1 = starts[line[6]] + begin, starts[line[7]] + begin
            back0, back1 = line[14], line[15]
            out = _view(flat, starts[first] + begin, 0, rows)
            if op <= _CLIP:
                _unary(op, p, _view(flat, at0, 0, rows), out)
                continue
            if op <= _TOWARDS:
                b = _view(flat, at1, back1, rows - back1)
                _binary(op, p, _view(flat, at0, 0, rows), b, out)
                continue
            at2, at3 = starts[line[8]] + begin, starts[line[9]] + begin
            at4, at5 = starts[line[10]] + begin, starts[line[11]] + begin
            back2, back3, back5 = line[16], line[17], line[19]
            if op <= _MOMENT4:
                a, b = _view(flat, at0, 0, rows), _view(flat, at1, back1, rows - back1)
                c, d = _view(flat, at2, 0, rows), _view(flat, at3, back3, rows - back3)
                e, f = _view(flat, at4, 0, rows), _view(flat, at5, back5, rows - back5)
                if op == _COMOMENT:
                    _comoment(p, a, b, c, d, e, f, out)
                elif op == _MOMENT3:
                    _moment3(p, a, b, c, d, e, f, out)
                else:
                    g = _view(flat, starts[line[12]] + begin, 0, rows)
                    h = _view(flat, starts[line[13]] + begin, line[21], rows - line[21])
                    _moment4(p, a, b, c, d, e, f, g, h, out)
            elif op == _EWM:
                _ewm(p, own, _view(flat, at0, 0, rows), out)
            elif op == _ADAPTIVE:
                _adaptive(p, own, _view(flat, at0, 0, rows), _view(flat, at1, 0, rows), out)
            elif op == _DEVIATION:
                _mean_deviation(p, _view(flat, at0, back0, rows), _view(flat, at1, 0, rows), out)
            else:
                a, b = _view(flat, at0, back0, rows), _view(flat, at1, back1, rows)
                c, d = _view(flat, at2, back2, rows), _view(flat, at3, back3, rows)
                if size == 1:
                    out[:] = _windowed(op, p, a, b, c, d)[back0:]
                else:
                    table = _several(op, p, a, b, c, d)
                    for j in range(size):
                        _view(flat, starts[first + j] + begin, 0, rows)[:] = table[j, back0:]
        for k in range(outputs.shape[0]):
            at = starts[outputs[k]] + begin
            for i in range(rows):
                value = flat[at + i]
                columns[k, i] = value if np.isfinite(value) else np.nan
        return fingerprint

    return advance


_advance = _make_advance(_fingerprint())


@njit(cache=True, nogil=True)
def _shift(flat: Floats, starts: Ints, history: Ints, rows: int) -> None:
    """Move what the next rows look back at to the front of every buffer."""
    for s in range(starts.shape[0]):
        base = starts[s] - history[s]
        for i in range(history[s]):
            flat[base + i] = flat[base + i + rows]


@dataclass(frozen=True)
class Program:
    """A graph made ready to run; it holds no values, so threads and streams share it."""

    code: Ints
    params: Floats
    outputs: Ints
    history: Ints
    states: int
    startup: int

    @property
    def series(self) -> int:
        """How many series are kept while it runs."""
        return len(self.history)


def compile_graph(wanted: Sequence[Node]) -> Program:
    """Return the program of ``wanted``: each step once, behind the steps that it reads."""
    order: list[Node] = []
    seen: set[int] = set()
    for each in wanted:
        _visit(each, seen, order)
    place = {id(each): k for k, each in enumerate(_inputs())}
    count = len(INPUTS)
    for each in order:
        if each.op is Op.PICK:
            place[id(each)] = place[id(each.inputs[0])] + int(each.params[0])
        elif each.op is not Op.INPUT:
            place[id(each)] = count
            count += each.size
    history = np.zeros(count, dtype=np.int64)
    lines: list[list[int]] = []
    params: list[float] = []
    for each in order:
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
        lines.append([*line, each.size, *filled, *backs])
    return Program(
        np.array(lines, dtype=np.int64).reshape(-1, FIELDS + 2 * MOST_INPUTS),
        np.array(params, dtype=np.float64),
        np.array([place[id(each)] for each in wanted], dtype=np.int64),
        history,
        2 * len(lines),
        max((each.startup for each in wanted), default=0),
    )


def _inputs() -> list[Node]:
    from freqpilot.features import graph

    return [getattr(graph, name.upper()) for name in INPUTS]


def _visit(each: Node, seen: set[int], order: list[Node]) -> None:
    if id(each) in seen:
        return
    seen.add(id(each))
    for given in each.inputs:
        _visit(given, seen, order)
    order.append(each)


class Machine:
    """The buffers and states of one run of a program; one thread at a time."""

    def __init__(self, program: Program, rows: int = BLOCK) -> None:
        """:param rows: how many rows the buffers hold besides what steps look back at."""
        self.program, self.rows = program, rows
        lengths = program.history + rows
        self._starts = np.cumsum(lengths) - lengths + program.history
        self._flat = np.full(int(lengths.sum()), np.nan)
        self._state = np.zeros(max(program.states, 2))
        self._filled = 0

    def run(self, inputs: Floats, columns: Floats32 | Floats) -> None:
        """Compute the rows behind those computed before.

        :param inputs: a row for each of :data:`~freqpilot.features.graph.INPUTS`.
        :param columns: where the wanted series go, a row each.
        """
        done, count = 0, inputs.shape[1]
        while done < count:
            if self._filled == self.rows:
                _shift(self._flat, self._starts, self.program.history, self.rows)
                self._filled = 0
            rows = min(self.rows - self._filled, count - done)
            part = slice(done, done + rows)
            _advance(
                self.program.code,
                self.program.params,
                self._state,
                self._flat,
                self._starts,
                inputs[:, part],
                self._filled,
                self.program.outputs,
                columns[:, part],
            )
            self._filled += rows
            done += rows
