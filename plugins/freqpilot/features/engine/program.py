"""Makes a graph ready to run: its steps in order, as lines of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from freqpilot.features.engine.graph import (
    CLOSE,
    DAY,
    HIGH,
    LOW,
    MARKET,
    OPEN,
    VOLUME,
    Node,
    Op,
)
from freqpilot.features.engine.layout import COLUMNS, MOST_INPUTS
from freqpilot.features.engine.slots import slots_of
from freqpilot.shapes import Floats, Ints

_INPUTS = (OPEN, HIGH, LOW, CLOSE, VOLUME, DAY, MARKET)


@dataclass(frozen=True)
class Program:
    """A graph made ready to run; it holds no values, so threads and streams share it.

    ``code`` has a line for each step (:mod:`freqpilot.features.engine.layout`); ``used`` tells
    which inputs a step reads, ``history`` how many rows of each series some step looks back at,
    and ``slots`` which buffer each series takes.
    """

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
    place, count = _places(steps)
    history = np.zeros(count, dtype=np.int64)
    lines: list[list[int]] = []
    params: list[float] = []
    for each in steps:
        if each.op in (Op.INPUT, Op.PICK):
            continue
        begin = [int(each.op), place[id(each)], 2 * len(lines), len(params), len(each.params)]
        params += each.params
        ids = [place[id(given)] for given in each.inputs]
        for series, lag in zip(ids, each.lags, strict=True):
            history[series] = max(history[series], lag)
        # A step without a second input reads the first one twice; it costs nothing.
        rest = MOST_INPUTS - len(ids)
        filled, lags = [*ids, *ids[:1] * rest], [*each.lags, *each.lags[:1] * rest]
        lines.append([*begin, each.size, *filled, *lags, depth[id(each)]])
    code = np.array(lines, dtype=np.int64).reshape(-1, COLUMNS)
    outputs = np.array([place[id(each)] for each in wanted], dtype=np.int64)
    return Program(
        code,
        np.array(params, dtype=np.float64),
        outputs,
        tuple(each in steps for each in _INPUTS),
        history,
        slots_of(code, outputs, history),
        2 * len(lines),
        max((each.startup for each in wanted), default=0),
    )


def _places(steps: Sequence[Node]) -> tuple[dict[int, int], int]:
    """Return the number of each step's first series, and how many series there are."""
    place = {id(each): k for k, each in enumerate(_INPUTS)}
    count = len(_INPUTS)
    for each in steps:
        if each.op is Op.PICK:
            place[id(each)] = place[id(each.inputs[0])] + int(each.params[0])
        elif each.op is not Op.INPUT:
            place[id(each)] = count
            count += each.size
    return place, count


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
