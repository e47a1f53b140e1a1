"""The interface of a store and the record it gives back."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from freqpilot.shapes import Decision, IntentState, OrderIntent, OrderPurpose, Side

LEVELS = ("INFO", "WARNING", "CRITICAL", "EMERGENCY")
"""The levels of events, the most urgent last; from WARNING on an event leaves the machine."""
AlertState = Literal["open", "taken", "sent", "given up", "no channel"]
"""``open``: waits, and the like of it is counted in it. ``taken``: is being sent, the like of it
begins an alert of its own. The others are ends."""


def levels_from(level: str) -> tuple[str, ...]:
    """Return ``level`` and those above it.

    :raises ValueError: for a level that does not exist.
    """
    if level not in LEVELS:
        raise ValueError(f"the level {level} does not exist; there are {', '.join(LEVELS)}")
    return LEVELS[LEVELS.index(level) :]


@dataclass(frozen=True)
class Event:
    """Something that happened: ``kind`` in one word, ``level`` as alerts have it, a sentence and
    its figures."""

    time: datetime
    kind: str
    level: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Alert:
    """An event of level WARNING or above on its way to a person.

    :param key: what makes two alerts the same message, see :func:`freqpilot.store.plain.alert_key`.
    :param time: of the first event that it stands for; ``newest`` that of the last, whose text it
        has; ``times`` how many they are.
    :param channels: the channels that have delivered it.
    :param tries: how often its sending has failed.
    """

    id: int
    key: str
    time: datetime
    newest: datetime
    kind: str
    level: str
    text: str
    times: int = 1
    state: AlertState = "open"
    channels: tuple[str, ...] = ()
    tries: int = 0


ShadowKind = Literal["watch", "reported", "paper", "refused", "challenger"]
"""``watch``: would have been cut or refused, and was sent as asked, as the profile changes nothing.
``reported``: the same by a limit that is only reported. ``paper``: an entry while a losing streak
waits for a person, when trades go on on paper alone. ``refused``: any other that was not sent.
``challenger``: of a strategy or model that has no say yet."""


@dataclass(frozen=True)
class ShadowOrder:
    """An order that was not sent as a strategy asked for it, or would not have been.

    :param ledger: the key of the account's ledger, dry run or live.
    :param candle: when the candle opened in which it was asked for; ``time`` is when.
    :param stake: what was asked for, in stake currency, NaN where the supervisor was to say so;
        ``allowed`` is what the rule would leave.
    :param reason: why, in words.
    """

    ledger: str
    kind: ShadowKind
    pair: str
    purpose: OrderPurpose
    rule: str
    candle: datetime
    time: datetime
    side: Side
    tag: str | None
    rate: float
    leverage: float
    stake: float
    allowed: float
    reason: str

    @property
    def was_sent(self) -> bool:
        """Whether it was sent all the same."""
        return self.kind in ("watch", "reported")


class Store(ABC):
    """State, events, decisions and counters of one bot.

    Times must carry a time zone and come back in UTC (``ValueError`` otherwise). Data is what JSON
    can hold; a float that is not finite is stored as null.
    """

    @abstractmethod
    def save_state(self, key: str, state: Mapping[str, Any], time: datetime) -> None:
        """Replace the state kept under ``key``; it is on disk when this returns."""

    @abstractmethod
    def swap_state(
        self,
        key: str,
        expected: Mapping[str, Any] | None,
        state: Mapping[str, Any],
        time: datetime,
    ) -> bool:
        """Replace the state kept under ``key`` only if it is still ``expected`` (None: there is
        none), in one step that no other process can come between; False when it is another."""

    @abstractmethod
    def load_state(self, key: str) -> dict[str, Any] | None:
        """Return the state kept under ``key``, or None."""

    @abstractmethod
    def add_event(
        self,
        time: datetime,
        kind: str,
        level: str,
        text: str,
        data: Mapping[str, Any] | None = None,
        *,
        alert: bool = True,
    ) -> None:
        """Append an event. A database also queues it as an alert, in the same transaction, when its
        level is WARNING or above and ``alert`` is true."""

    @abstractmethod
    def events(
        self, kind: str | None = None, limit: int = 100, *, level: str = "INFO"
    ) -> list[Event]:
        """Return the last ``limit`` events, of one kind or all, from a level on, oldest first."""

    def alerts(self) -> list[Alert]:
        """Return the alerts that are not at their end, oldest first. A store in memory has none, so
        a backtest pays nothing for them."""
        return []

    def take_alerts(self, ids: Sequence[int]) -> list[Alert]:
        """Note that these alerts are being sent, and return them as they are from then on."""
        return []

    def save_alerts(self, alerts: Sequence[Alert], time: datetime) -> None:
        """Keep the state, channels and tries of alerts as of ``time``."""
        return

    def alerts_sent(self, since: datetime) -> dict[str, datetime]:
        """Return, by key, when an alert was last at its end as sent, from ``since`` on."""
        return {}

    @abstractmethod
    def add_shadows(self, orders: Sequence[ShadowOrder]) -> int:
        """Append the orders of which there is none yet with the same ledger, kind, pair, purpose,
        rule and candle, in one step; returns how many they were."""

    @abstractmethod
    def shadows(self, *kinds: ShadowKind, limit: int = 100) -> list[ShadowOrder]:
        """Return the newest ``limit`` shadow orders, of these kinds or all without any, oldest
        first."""

    @abstractmethod
    def prune(self, before: datetime, most: int) -> int:
        """Delete the oldest events, shadow orders, and alerts that are at their end, of before a
        time: at most so many of each. Returns how many rows were deleted of the one with most."""

    @abstractmethod
    def add_decision(self, trade_id: int, decision: Decision) -> bool:
        """Keep the decision that opened a trade; False when it is there already.

        A decision is known by trade id, pair and time: ids begin anew with a new trades database.
        """

    @abstractmethod
    def decision(self, trade_id: int) -> Decision | None:
        """Return the decision kept last for a trade id, or None."""

    @abstractmethod
    def save_intent(self, intent: OrderIntent) -> None:
        """Keep an order's intent under its client order id, in place of what was kept there; it is
        on disk when this returns."""

    @abstractmethod
    def intents(self, *states: IntentState) -> list[OrderIntent]:
        """Return the intents that are in one of ``states`` (all without any), oldest first."""

    @abstractmethod
    def count_intents(self, prefix: str) -> int:
        """Return how many client order ids begin with ``prefix``."""

    @abstractmethod
    def save_counters(self, counts: Mapping[str, int], time: datetime) -> None:
        """Replace the values of the counters named in ``counts``."""

    @abstractmethod
    def counters(self) -> dict[str, int]:
        """Return all counters by name."""

    @abstractmethod
    def beat(self, source: str, time: datetime) -> None:
        """Note that ``source`` was alive at ``time``."""

    @abstractmethod
    def beats(self) -> dict[str, datetime]:
        """Return when each source was last alive."""

    def close(self) -> None:
        """Release what the store holds; it must not be used after."""
        return
