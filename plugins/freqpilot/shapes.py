"""The shapes that pass between rooms.

Hot-path shapes hold contiguous arrays over all candles of one pair and timeframe; the others are
frozen values. Fractions are fractions (0.05 is five percent), times are UTC, money is in the
stake currency unless a name says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Side = Literal["long", "short"]
OrderPurpose = Literal["entry", "replace", "add"]
SentPurpose = Literal["entry", "replace", "add", "exit", "stop"]
IntentState = Literal[
    "sent",
    "accepted",
    "known",
    "rejected",
    "denied",
    "absent",
    "asked",
    "agreed",
    "dismissed",
]


class Candles(NamedTuple):
    """Closed candles of one pair and timeframe, oldest first.

    ``date`` is the candle's *open* time in nanoseconds since the epoch; the candle is known at
    ``date + timeframe``. The others are float64 of the same length; missing values are NaN.
    ``market`` is the reference pair's close at the same dates, where someone has joined it.
    """

    date: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    market: Floats | None = None

    def __len__(self) -> int:
        return int(self.close.shape[0])

    def beside(self, market: Floats) -> "Candles":
        """Return the same candles with the reference pair's close beside them."""
        return Candles(self.date, self.open, self.high, self.low, self.close, self.volume, market)

    def window(self, start: int, stop: int | None = None) -> "Candles":
        """Return the candles ``start:stop`` as views."""
        rows = slice(start, stop)
        return Candles(
            self.date[rows],
            self.open[rows],
            self.high[rows],
            self.low[rows],
            self.close[rows],
            self.volume[rows],
            None if self.market is None else self.market[rows],
        )


@dataclass(frozen=True)
class FeatureFrame:
    """Features of all candles: ``values`` is float32 (n_candles × n_names), NaN before a
    column's own start; ``first_valid`` is the first row in which every column has settled."""

    values: Floats32
    names: tuple[str, ...]
    first_valid: int

    def column(self, name: str) -> Floats32:
        """Return one column as a view; raises ``KeyError`` for an unknown name."""
        try:
            return self.values[:, self.names.index(name)]
        except ValueError:
            raise KeyError(f"no feature {name!r}; there are {', '.join(self.names)}") from None


@dataclass(frozen=True)
class Fact:
    """One figure of the world outside, in one version.

    ``event_time`` is when it happened (for a period: its end), ``available_at`` when it could first
    be known; a revision is the same event with a later ``available_at``, and ``vintage`` orders
    versions that became known at once. ``asset`` is a coin (``BTC``) or ``*`` for the market.
    """

    source: str
    asset: str
    metric: str
    value: float
    event_time: datetime
    available_at: datetime
    vintage: int = 0


@dataclass(frozen=True)
class Item:
    """A headline or post about an asset, known at the source by ``key``.

    ``score`` is −1…1 and ``confidence`` 0…1 as ``model`` (name and version) gave them, NaN and an
    empty model while nobody has; ``available_at`` is when text *and* score could be known.
    ``engagement`` is how many reactions (likes, comments, …) it had when it was fetched, NaN where
    the source does not tell.
    """

    source: str
    key: str
    asset: str
    text: str
    event_time: datetime
    available_at: datetime
    url: str = ""
    score: float = float("nan")
    confidence: float = float("nan")
    model: str = ""
    engagement: float = float("nan")


@dataclass(frozen=True)
class Signal:
    """One analyst's opinion for every candle: ``value`` −1…1, ``confidence`` 0…1 (0 where an
    input is missing or stale), ``reasons`` one short phrase per state the analyst can be in and
    ``reason_index`` which of them holds at each candle."""

    analyst: str
    value: Floats
    confidence: Floats
    reasons: tuple[str, ...]
    reason_index: Ints

    def reason(self, row: int) -> str:
        """Return the phrase that holds at candle ``row``."""
        return self.reasons[int(self.reason_index[row])]


@dataclass(frozen=True)
class Composite:
    """The weighted opinion for every candle.

    ``contributions`` (n_candles × n_analysts) sums to ``value`` row by row; ``coverage`` is the
    weight of the analysts that were fresh, as a share of all; ``side`` is 1 long, −1 short, 0 none.
    """

    analysts: tuple[str, ...]
    value: Floats
    confidence: Floats
    coverage: Floats
    contributions: Floats
    side: NDArray[np.int8]


@dataclass(frozen=True)
class Decision:
    """The decision at one candle, in a form that is stored with the trade."""

    pair: str
    time: datetime
    side: Side
    composite: float
    confidence: float
    coverage: float
    contributions: Mapping[str, float]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Position:
    """An open trade as the risk supervisor sees it: ``stake`` is what was paid (own money, without
    borrowed), ``value`` what as much would cost now, ``risk_stop`` its stop price or NaN, ``rate``
    its pair's last seen price or NaN; ``exchange`` is where another bot's is. ``tag`` is the entry
    tag of the trade, ``additions`` how many orders it has beyond its first."""

    pair: str
    side: Side
    stake: float
    value: float
    risk_stop: float = float("nan")
    leverage: float = 1.0
    rate: float = float("nan")
    exchange: str = ""
    tag: str | None = None
    additions: int = 0


class Edge(NamedTuple):
    """What the last ``trades`` closed trades were worth: the share that won, and the mean win and
    mean loss (positive) as shares of equity, 0 without one. ``tried`` is 1 where a person has begun
    the count anew after it showed no edge."""

    trades: int
    win_rate: float
    mean_win: float
    mean_loss: float
    tried: int = 0


NO_EDGE = Edge(0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Book:
    """The account at one moment.

    ``equity`` counts open profit and fees; ``peak`` is the highest equity so far; ``day_start``
    and ``week_start`` are the equity at 00:00 UTC and Monday 00:00 UTC; ``start`` is the first
    equity; ``stamp`` is when this was observed. ``halted`` names the latch that forbids entries.
    ``factors`` by cause multiply the size of the next entry (that of the drawdown apart),
    ``threshold`` is the least composite it needs, ``wait`` says why there is none for now.
    ``edge`` is what the last trades were worth, ``tier`` the name of the tier the account has come
    to; without one its equity decides. ``usd`` is what one unit of the stake currency is worth in
    US dollars, None while that is not known. ``others`` are the positions of other bots,
    ``exchange`` is where this one trades.
    """

    stamp: datetime
    equity: float
    peak: float
    start: float
    day_start: float
    week_start: float
    positions: tuple[Position, ...] = ()
    halted: str | None = None
    factors: tuple[tuple[str, float], ...] = ()
    threshold: float = 0.0
    wait: str | None = None
    edge: Edge = NO_EDGE
    tier: str | None = None
    usd: float | None = 1.0
    others: tuple[Position, ...] = ()
    exchange: str = ""

    @property
    def drawdown(self) -> float:
        """Fall from the peak as a fraction of it, 0…1."""
        return max(0.0, 1.0 - self.equity / self.peak) if self.peak > 0 else 1.0

    @property
    def exposure(self) -> float:
        """Money in open positions, in stake currency; other bots' counts."""
        return sum(p.stake for p in (*self.positions, *self.others))

    @property
    def exchange_exposure(self) -> float:
        """Money in open positions on this bot's exchange; one that is not known counts."""
        own = self.exchange
        there = (p for p in self.others if not own or p.exchange in ("", own))
        return sum(p.stake for p in (*self.positions, *there))


@dataclass(frozen=True)
class OrderRequest:
    """An order that raises risk, as it is about to be sent. ``stake`` is own money in stake
    currency; ``amount`` × ``rate`` / ``leverage`` gives the same figure. ``stop`` is the price of
    the stop that a new trade begins with, NaN where it has none."""

    time: datetime
    pair: str
    side: Side
    purpose: OrderPurpose
    stake: float
    rate: float
    leverage: float = 1.0
    tag: str | None = field(default=None, compare=False)
    """Freqtrade's entry tag."""
    stop: float = field(default=float("nan"), compare=False)
    stop_distance: float | None = None
    """How far the stop is that bounds its loss, as a share of the price; None where the strategy is
    sized by its own stop."""


@dataclass(frozen=True)
class OrderIntent:
    """An order as it was meant, written down before it is sent.

    ``state`` says what became of it:

    - confirmed: ``accepted`` when the exchange has it (as ``order_id``), ``known`` once Freqtrade's
      database has it as well;
    - ``rejected``: the exchange refused it; ``denied``: it was never sent;
    - unresolved: ``sent`` while the exchange has not settled it; ``asked`` when it is too old to be
      adopted without a person, ``agreed`` when a person wants it adopted;
    - ended without an order: ``absent`` when it never arrived and cannot any more, ``dismissed`` by
      a person.

    ``trade`` is Freqtrade's id, None for a trade that is yet to begin; ``amount`` is in base
    currency, ``rate`` the limit or None, ``stop`` the trigger of a stop order.
    """

    client_id: str
    pair: str
    side: str
    purpose: SentPurpose
    trade: int | None
    kind: str
    amount: float
    rate: float | None
    stop: float | None
    leverage: float
    tag: str | None
    time: datetime
    state: IntentState = "sent"
    order_id: str | None = None

    @property
    def raises_risk(self) -> bool:
        """Whether it can open or enlarge a position."""
        return self.purpose in ("entry", "replace", "add")


@dataclass(frozen=True)
class Cut:
    """One rule that lowered a stake: to ``stake`` by ``rule``."""

    rule: str
    stake: float


@dataclass(frozen=True)
class RiskVerdict:
    """What the risk supervisor says to a proposal.

    ``stake`` is what is allowed (0 when refused); ``stop`` is the stop price or NaN; ``cuts`` lists
    every rule that lowered the stake, in order; ``veto`` says why it was refused, in plain words.
    """

    allowed: bool
    stake: float
    leverage: float = 1.0
    stop: float = float("nan")
    cuts: tuple[Cut, ...] = field(default=())
    veto: str | None = None
