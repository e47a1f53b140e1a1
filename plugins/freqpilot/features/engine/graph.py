"""The graph of a bank: series as nodes, each a step over other series, written as formulas.

A node is built once: the same formula gives the same object, so what features share is computed
once. Nothing is computed here; :mod:`freqpilot.features.engine.machine` runs the graph.
"""

from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Union

import numpy as np


class Op(IntEnum):
    """Steps of the engine. Lagged ones read single rows, those from ``DIRECTION`` on a window."""

    INPUT = 0
    PICK = auto()
    SCALE = auto()
    ABS = auto()
    SQRT = auto()
    LOG = auto()
    LOG1P = auto()
    TANH = auto()
    CLIP = auto()
    ADD = auto()
    SUB = auto()
    MUL = auto()
    RATIO = auto()
    MAX = auto()
    MIN = auto()
    SIGNED = auto()
    TOWARDS = auto()
    COMOMENT = auto()
    MOMENT3 = auto()
    MOMENT4 = auto()
    TOTAL3 = auto()
    TOTAL4 = auto()
    HIGHEST4 = auto()
    LOWEST4 = auto()
    MEAN3 = auto()
    TYPICAL = auto()
    PLACE = auto()
    FLOW = auto()
    MOMENTS = auto()
    CORRELATION = auto()
    EWM = auto()
    ADAPTIVE_EWM = auto()
    DIRECTION = auto()
    DEVIATION = auto()
    RANK = auto()
    QUANTILES = auto()
    SIGN_ENTROPY = auto()
    BIN_ENTROPY = auto()
    FRACTIONAL = auto()
    SUPERTREND = auto()
    SWING_VALUE = auto()
    SWING_AGE = auto()
    RETRACEMENT = auto()
    SWING_STEPS = auto()
    DIVERGENCE = auto()
    DOUBLE = auto()
    PREVIOUS_DAY = auto()
    VOLUME_PROFILE = auto()
    PARABOLIC = auto()
    SESSION = auto()
    ZONES = auto()
    EXTREMA = auto()
    FLAG = auto()


Operand = Union["Node", float]


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One series: ``op`` over ``inputs``, each read from ``lags`` rows before the newest on.

    ``startup`` is after how many candles it no longer depends on where they begin; before, it is
    NaN. ``size`` is how many series a step gives at once, taken apart by :func:`pick`.
    """

    op: Op
    inputs: tuple["Node", ...]
    lags: tuple[int, ...]
    params: tuple[float, ...]
    startup: int
    size: int = 1

    def __add__(self, other: Operand) -> "Node":
        return scale(self, 1.0, float(other)) if _number(other) else lagged(Op.ADD, self, other)

    def __sub__(self, other: Operand) -> "Node":
        return scale(self, 1.0, -float(other)) if _number(other) else lagged(Op.SUB, self, other)

    def __mul__(self, other: Operand) -> "Node":
        return scale(self, float(other), 0.0) if _number(other) else lagged(Op.MUL, self, other)

    def __rmul__(self, other: float) -> "Node":
        return scale(self, float(other), 0.0)

    def __rsub__(self, other: float) -> "Node":
        return scale(self, -1.0, float(other))

    def __radd__(self, other: float) -> "Node":
        return scale(self, 1.0, float(other))

    def __neg__(self) -> "Node":
        return scale(self, -1.0, 0.0)

    def __float__(self) -> float:
        raise TypeError("a series is not a number")


_NODES: dict[tuple[object, ...], Node] = {}


def node(
    op: Op,
    inputs: tuple[Node, ...],
    lags: tuple[int, ...] = (),
    params: tuple[float, ...] = (),
    *,
    settle: int = 1,
    size: int = 1,
) -> Node:
    """Return the node of this step, the same object for the same arguments.

    :param settle: how many values of its own a step with a state needs to forget its origin.
    """
    lags = lags or (0,) * len(inputs)
    key = (op, *(id(each) for each in inputs), lags, params, settle, size)
    if key not in _NODES:
        known = [each.startup + lag for each, lag in zip(inputs, lags, strict=True)]
        _NODES[key] = Node(op, inputs, lags, params, max(known, default=1) + settle - 1, size)
    return _NODES[key]


def _number(x: Operand) -> bool:
    return not isinstance(x, Node)


INPUTS = ("open", "high", "low", "close", "volume", "day", "market")
"""What a graph is computed from: the candles' columns, the number of the UTC day, and the close of
the reference pair."""
OPEN, HIGH, LOW, CLOSE, VOLUME, DAY, MARKET = (
    node(Op.INPUT, (), params=(float(place),)) for place in range(len(INPUTS))
)


def lagged(op: Op, a: Node, b: Operand, lag: int = 0) -> Node:
    """Return ``op`` of ``a`` and of ``b`` as it was ``lag`` candles before."""
    assert isinstance(b, Node)
    return node(op, (a, b), (0, lag))


def pick(several: Node, place: int) -> Node:
    """Return one of the series that a step gives at once."""
    return node(Op.PICK, (several,), params=(float(place),))


def scale(x: Node, factor: float, offset: float = 0.0) -> Node:
    """``factor·x + offset``."""
    return node(Op.SCALE, (x,), params=(factor, offset))


def absolute(x: Node) -> Node:
    """|x|."""
    return node(Op.ABS, (x,))


def root(x: Node) -> Node:
    """Square root; of what is below 0, 0."""
    return node(Op.SQRT, (x,))


def log(x: Node) -> Node:
    """Natural logarithm; NaN where ``x`` is not positive."""
    return node(Op.LOG, (x,))


def log1p(x: Node) -> Node:
    """ln(1 + x); NaN where that is not positive."""
    return node(Op.LOG1P, (x,))


def tanh(x: Node) -> Node:
    """Hyperbolic tangent."""
    return node(Op.TANH, (x,))


def clip(x: Node, low: float = -np.inf, high: float = np.inf) -> Node:
    """``x`` kept between ``low`` and ``high``."""
    return node(Op.CLIP, (x,), params=(low, high))


def ratio(numerator: Node, denominator: Node) -> Node:
    """Quotient; 0 where the denominator is 0 (no movement has no direction)."""
    return lagged(Op.RATIO, numerator, denominator)


def largest(a: Node, b: Node, lag: int = 0) -> Node:
    """The larger; NaN where one is."""
    return lagged(Op.MAX, a, b, lag)


def smallest(a: Node, b: Node, lag: int = 0) -> Node:
    """The smaller; NaN where one is."""
    return lagged(Op.MIN, a, b, lag)


def signed(x: Node, by: Node) -> Node:
    """``x`` with the sign of ``by``, 0 where that is 0."""
    return lagged(Op.SIGNED, x, by)


def difference(x: Node, lag: int) -> Node:
    """``x[i] − x[i − lag]``."""
    return lagged(Op.SUB, x, x, lag)


def ewm(x: Node, alpha: float, settle: int) -> Node:
    """Exponentially weighted mean with weight ``alpha`` for the newest value, begun at the first
    value and given after ``settle`` values. EMA of span n has alpha 2/(n+1), Wilder's 1/n."""
    return node(Op.EWM, (x,), params=(alpha, float(settle)), settle=settle)


def adaptive_ewm(x: Node, alpha: Node, settle: int) -> Node:
    """:func:`ewm` whose weight changes from candle to candle; ``settle`` is for the least."""
    return node(Op.ADAPTIVE_EWM, (x, alpha), params=(float(settle),), settle=settle)


def windowed(
    op: Op, inputs: tuple[Node, ...], memory: int, params: tuple[float, ...], size: int = 1
) -> Node:
    """Return a step that reads the ``memory`` rows before the newest of every input as well."""
    return node(op, inputs, (memory,) * len(inputs), params, size=size)
