"""The registry of features by name, and the banks and streams that compute them together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from freqpilot.features.engine.graph import MARKET, Node
from freqpilot.features.engine.machine import Machine
from freqpilot.features.engine.program import Program, compile_graph
from freqpilot.shapes import Candles, FeatureFrame, Floats, Floats32

STREAM_ROWS = 4
"""Candles that a stream takes before it moves its buffers; few, so that streams stay small."""


@dataclass(frozen=True)
class Feature:
    """A column: the ``node`` that it is, and the module it was written in."""

    name: str
    node: Node
    room: str

    @property
    def startup(self) -> int:
        """After how many candles it no longer depends on where they begin; before, it is NaN."""
        return self.node.startup

    @property
    def needs_market(self) -> bool:
        """Whether it reads the reference pair, and is NaN for candles without one."""
        return _reads(self.node, MARKET)


def _reads(whole: Node, part: Node) -> bool:
    seen: dict[int, Node] = {}
    waiting = [whole]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen[id(each)] = each
            waiting += each.inputs
    return id(part) in seen


FEATURES: dict[str, Feature] = {}


def feature(name: str) -> Callable[[Callable[[], Node]], None]:
    """Register what the decorated function returns as feature ``name``.

    :raises ValueError: when the name is taken.
    """

    def register(formula: Callable[[], Node]) -> None:
        if name in FEATURES:
            raise ValueError(f"there is a feature {name!r} already")
        FEATURES[name] = Feature(name, formula(), formula.__module__)

    return register


def market_features() -> tuple[str, ...]:
    """Return the names of the features that need a reference pair."""
    return tuple(name for name, each in FEATURES.items() if each.needs_market)


class Bank:
    """Columns by name, computed together: what they share is computed once."""

    def __init__(self, columns: Mapping[str, Node]) -> None:
        self.names = tuple(columns)
        self._nodes = list(columns.values())
        self._idle: list[Machine] = []

    @property
    def startup(self) -> int:
        """Candles needed before the first complete row."""
        return max((each.startup for each in self._nodes), default=0)

    @cached_property
    def program(self) -> Program:
        """The graph made ready to run."""
        return compile_graph(self._nodes)

    def compute(self, candles: Candles) -> FeatureFrame:
        """Return all columns of ``candles``; a row is NaN where a column has not settled."""
        matrix = np.empty((len(candles), len(self.names)), dtype=np.float32, order="F")
        machine = self._machine()
        machine.run(candles, matrix.T)
        self._idle.append(machine)
        return self._frame(matrix)

    def _machine(self) -> Machine:
        """Return buffers to compute in, those of an earlier batch if none has them now: new memory
        costs as much as a few steps over all candles."""
        try:
            machine = self._idle.pop()
        except IndexError:
            return Machine(self.program)
        machine.reset()
        return machine

    def compute_all(
        self, pairs: Sequence[Candles], workers: int | None = None
    ) -> Iterator[FeatureFrame]:
        """Yield the columns of each pair's candles, in their order, on several threads at once.

        :param workers: threads; as many as the machine has cores when it is None.
        """
        if workers == 1:
            yield from map(self.compute, pairs)
            return
        _ = self.program  # compiled once, not by each thread
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(self.compute, pairs)

    def stream(self, candles: Candles | None = None) -> "FeatureStream":
        """Return a stream that has seen ``candles``; a restart restores it by this."""
        return FeatureStream(self, candles)

    def _frame(self, matrix: Floats32) -> FeatureFrame:
        return FeatureFrame(matrix, self.names, min(self.startup, len(matrix)))


class FeatureBank(Bank):
    """Features by name; by default all that need the pair's own candles alone.

    With those of a reference pair it is ``FeatureBank(tuple(FEATURES))``, and the candles want
    :func:`~freqpilot.features.candles.frames.with_market`: without it these columns are NaN.

    >>> FeatureBank(["return_1", "rsi_14"]).names
    ('return_1', 'rsi_14')
    """

    def __init__(self, names: Sequence[str] | None = None) -> None:
        """:raises KeyError: for an unknown name."""
        if names is None:
            names = [name for name, each in FEATURES.items() if not each.needs_market]
        wanted = tuple(names)
        unknown = [name for name in wanted if name not in FEATURES]
        if unknown:
            raise KeyError(f"no feature {', '.join(unknown)}; there are {', '.join(FEATURES)}")
        super().__init__({name: FEATURES[name].node for name in wanted})


class FeatureStream:
    """The columns of one pair and timeframe, a candle at a time.

    A row is bit by bit the last row of :meth:`Bank.compute` over all candles since the
    stream began; past the bank's startup it is within 1e-4 of each column's scale of the row of any
    other origin. One thread at a time.
    """

    def __init__(self, bank: Bank, candles: Candles | None = None) -> None:
        self.names = bank.names
        self._machine = Machine(bank.program, STREAM_ROWS)
        self._last = -1
        if candles is not None and len(candles):
            self._run(candles)
            self._last = int(candles.date[-1])

    def append(
        self,
        date: int,
        opened: float,
        high: float,
        low: float,
        close: float,
        volume: float,
        market: float = np.nan,
    ) -> Floats32:
        """Return the row of a new closed candle, NaN where a column has not settled.

        :param date: open time in nanoseconds since the epoch.
        :param market: the reference pair's close of the same date, which has to be closed too.
        :raises ValueError: when the candle is not later than the last one; nothing is changed.
        """
        if date <= self._last:
            raise ValueError(
                f"the candle of {date} is not later than the last one, {self._last}; "
                "build the stream anew from the candles"
            )
        self._last = date
        columns = np.array([opened, high, low, close, volume, market]).reshape(6, 1)
        return self._run(Candles(np.array([date]), *columns))[:, -1]

    def _run(self, candles: Candles) -> Floats32:
        columns = np.empty((len(self.names), len(candles)), dtype=np.float32)
        self._machine.run(candles, columns)
        return columns


def evaluate(nodes: Sequence[Node], candles: Candles) -> Floats:
    """Return the series of ``nodes`` over ``candles`` in float64, a row each."""
    columns: Floats = np.empty((len(nodes), len(candles)))
    Machine(_program_of(tuple(nodes))).run(candles, columns)
    return columns


@lru_cache(maxsize=256)
def _program_of(nodes: tuple[Node, ...]) -> Program:
    return compile_graph(nodes)
