"""The interface of a store and the record it gives back."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from freqpilot.shapes import Decision, IntentState, OrderIntent


@dataclass(frozen=True)
class Event:
    """Something that happened: ``kind`` in one word, ``level`` as alerts have it, a sentence and
    its figures."""

    time: datetime
    kind: str
    level: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Store(ABC):
    """State, events, decisions and counters of one bot.

    Times must carry a time zone and come back in UTC (``ValueError`` otherwise). Data is what JSON
    can hold; a float that is not finite is stored as null.
    """

    @staticmethod
    def memory() -> "Store":
        """Return an empty store that lives and ends with one run."""
        from freqpilot.store.memory import MemoryStore

        return MemoryStore()

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
    ) -> None:
        """Append an event."""

    @abstractmethod
    def events(self, kind: str | None = None, limit: int = 100) -> list[Event]:
        """Return the last ``limit`` events, of one kind or all, oldest first."""

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
