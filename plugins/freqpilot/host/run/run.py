"""One run: what belongs to it, from the bot's start or a backtest's beginning to its end.

A run is made once and handed down. Only what Freqtrade calls (seams, callbacks of strategies,
protections) asks for it by :func:`freqpilot.host.run.current.current`.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from freqpilot.control.counters import Counters
from freqpilot.errors import NoEntry
from freqpilot.execution.ids import parse_client_order_id
from freqpilot.host.run.ownership import Ownership, identity
from freqpilot.host.run.sight import Sight
from freqpilot.risk.account import ledger
from freqpilot.risk.account.flows import Watch
from freqpilot.risk.account.looks import Look
from freqpilot.settings import Settings
from freqpilot.shapes import (
    Book,
    IntentState,
    OrderIntent,
    Position,
)
from freqpilot.store import Store

LEDGER_KEYS = {True: "ledger dry run", False: "ledger live"}
"""A dry run's money says nothing of the account's, so each has a ledger of its own."""

SEEN = ", last seen"

BLOCKED = ", blocked"

BOOK = ", book"

INTERVENTIONS = ", interventions"

PROFILE = ", profile"

STOPS = ", catastrophe stops"

OPEN_RISK = ", open risk"

Part = TypeVar("Part")


@dataclass
class Run:
    """What belongs to one run: settings, ledger, store and counters."""

    settings: Settings
    store: Store
    live: bool
    state: ledger.Ledger
    key: str
    counters: Counters = field(default_factory=Counters)
    claimed: dict[str, datetime] = field(default_factory=dict)
    unsized: dict[str, datetime] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)
    exchange: str = ""
    shared: Store | None = None
    others: tuple[Position, ...] | None = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    feed: Any = None
    """The candles that protections see, as :mod:`freqpilot.host.candles.feeds` has them."""
    released: Counter[str] = field(default_factory=Counter)
    """Releases by the simulated operator, by cause."""
    tables: dict[tuple[str, str], Any] = field(default_factory=dict)
    """A backtest's analysed candles by pair and timeframe, of
    :mod:`freqpilot.host.candles.rows`."""
    unlocked: datetime | None = None
    """The release that ended Freqtrade's locks."""
    account: tuple[ledger.Ledger, Book | None] | None = None
    """A ledger and what it says of the account, positions apart: asked several times an entry."""
    bot: str = ""
    """The bot's id, which its orders bear, as :mod:`freqpilot.host.run.ownership` has it."""
    url: str = ""
    owner: Ownership | None = None
    """Live: this process's hold of the store."""
    stands_in: bool = False
    """Whether the store is one in memory, in place of one that cannot be used."""
    saved: tuple[Any, ...] | None = None
    """What of the ledger the store has, as :func:`freqpilot.risk.account.ledger.durable` gives
    it."""
    alerted: tuple[str | None, int] = (None, 0)
    """The halt and the level of the drawdown that a person has heard of."""
    unwritten: dict[str, OrderIntent] = field(default_factory=dict)
    """Intents that the store does not have yet (:mod:`freqpilot.host.account.unwritten`)."""
    unsettled: dict[str, OrderIntent] = field(default_factory=dict)
    """Intents whose fate is open, as this process knows them: for when the store cannot be read."""
    store_fault: str | None = None
    """Why the store could not be used last, None when it could."""
    sight: Sight = field(default_factory=Sight)
    held: float = 0.0
    """What of the equity was no one's yet at the last look
    (:mod:`freqpilot.host.account.flows`)."""
    look: Look | None = None
    """The last look at a live account, which the next one is held against."""
    unsure: str | None = None
    """Why entries wait for the next look, None where they need not."""
    loop_seconds: float | None = None
    """How long the longest of the last loops took (:mod:`freqpilot.host.account.looptime`)."""
    unquoted: Counter[str] = field(default_factory=Counter)
    """Looks in a row in which a pair had no market."""
    unshown: dict[str, tuple[float, datetime]] = field(default_factory=dict)
    """From which price a pair's has jumped without a candle to show it, and when, by pair
    (:mod:`freqpilot.host.account.look`)."""
    beyond: Counter[int] = field(default_factory=Counter)
    """Looks in a row in which the price was beyond a trade's stop, by trade
    (:mod:`freqpilot.host.orders.stops`)."""
    jumped: set[int] = field(default_factory=set)
    """Trades whose jumped stop a person has heard of."""
    tried: datetime | None = None
    """When the store was last tried to be opened, where a start had to do without."""
    without: datetime | None = None
    """Since when, where a start had to do without the store."""

    parts: dict[Any, Any] = field(default_factory=dict)
    """What :meth:`part` has made."""

    def part(self, kind: Callable[["Run"], Part]) -> Part:
        """Return this run's own object of a kind, made by ``kind(run)`` when it is first asked for:
        its market, its health, its sleeves. It ends with the run."""
        if kind not in self.parts:
            self.parts.setdefault(kind, kind(self))
        made: Part = self.parts[kind]
        return made

    @property
    def name(self) -> str:
        """The bot's id, which its orders bear."""
        if not self.bot:
            self.bot = identity(self.store, self.key)
        return self.bot

    def require_sight(self) -> None:
        """Let an entry pass only when the account is seen, two looks at it agree and the store can
        be written.

        :raises NoEntry: while a live run does not see the account, or may not write into its store.
        """
        if self.sight.blind is not None:
            raise NoEntry(self.sight.blind)
        if self.unsure is not None:
            raise NoEntry(self.unsure)
        if not self.writes:
            lost = self.owner.lost if self.owner else None
            raise NoEntry(
                lost or "the freqpilot store cannot be used, so no order can be written down"
            )

    @property
    def writes(self) -> bool:
        """Whether what is written now is kept: the store is there, and this bot's."""
        lost = self.owner is not None and self.owner.lost is not None
        return not self.live or not (self.stands_in or lost)

    def intents(self, *states: IntentState) -> list[OrderIntent]:
        """Return this bot's intents in one of ``states``, oldest first, those that wait to be
        written last: not those of another bot that has written into the same store."""
        written = [
            each
            for each in self.store.intents(*states)
            if each.client_id not in self.unwritten and self._is_own(each)
        ]
        return written + self.unwritten_intents(*states)

    def unwritten_intents(self, *states: IntentState) -> list[OrderIntent]:
        """Return the intents in one of ``states`` that wait to be written."""
        return [each for each in self.unwritten.values() if not states or each.state in states]

    def remembered_intents(self, *states: IntentState) -> list[OrderIntent]:
        """Return what this process knows of open intents in one of ``states`` without the store."""
        known = {**self.unsettled, **self.unwritten}
        return [each for each in known.values() if each.state in states]

    def _is_own(self, intent: OrderIntent) -> bool:
        return not self.bot or _whose(intent.client_id) in (self.bot, None)


def _whose(client_id: str) -> str | None:
    name = parse_client_order_id(client_id)
    return None if name is None else name.bot
