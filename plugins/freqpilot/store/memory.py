"""The store of a backtest or hyperopt epoch: dictionaries, gone with the run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from freqpilot.shapes import Decision, IntentState, OrderIntent
from freqpilot.store.base import Event, ShadowKind, ShadowOrder, Store, levels_from
from freqpilot.store.plain import decision_fields, decision_from, plain, utc

SHADOWS = 10_000
"""The newest shadow orders that are kept."""


class MemoryStore(Store):
    """Keeps copies in the form the database keeps, so that both give back the same."""

    def __init__(self) -> None:
        self._states: dict[str, dict[str, Any]] = {}
        self._events: list[Event] = []
        self._decisions: dict[tuple[int, str, datetime], dict[str, Any]] = {}
        self._intents: dict[str, OrderIntent] = {}
        self._counters: dict[str, int] = {}
        self._beats: dict[str, datetime] = {}
        self._shadows: dict[tuple[Any, ...], ShadowOrder] = {}

    def save_state(self, key: str, state: Mapping[str, Any], time: datetime) -> None:
        utc(time)
        self._states[key] = plain(state)

    def swap_state(
        self,
        key: str,
        expected: Mapping[str, Any] | None,
        state: Mapping[str, Any],
        time: datetime,
    ) -> bool:
        if self._states.get(key) != (None if expected is None else plain(expected)):
            return False
        self.save_state(key, state, time)
        return True

    def load_state(self, key: str) -> dict[str, Any] | None:
        saved = self._states.get(key)
        return None if saved is None else plain(saved)

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
        self._events.append(Event(utc(time), kind, level, text, plain(data or {})))

    def events(
        self, kind: str | None = None, limit: int = 100, *, level: str = "INFO"
    ) -> list[Event]:
        kinds = [event for event in self._events if kind is None or event.kind == kind]
        chosen = kinds if level == "INFO" else [e for e in kinds if e.level in levels_from(level)]
        return chosen[max(0, len(chosen) - limit) :]

    def prune(self, before: datetime, most: int) -> int:
        old = [at for at, event in enumerate(self._events) if event.time < utc(before)][:most]
        for at in reversed(old):
            del self._events[at]
        early = [key for key, each in self._shadows.items() if each.time < utc(before)][:most]
        for key in early:
            del self._shadows[key]
        return max(len(old), len(early))

    def add_shadows(self, orders: Sequence[ShadowOrder]) -> int:
        added = 0
        for order in orders:
            time, candle = utc(order.time), utc(order.candle)
            key = (order.ledger, order.kind, order.pair, order.purpose, order.rule, candle)
            if key not in self._shadows:
                self._shadows[key] = replace(order, time=time, candle=candle)
                added += 1
        for key in list(islice(self._shadows, max(0, len(self._shadows) - SHADOWS))):
            del self._shadows[key]
        return added

    def shadows(self, *kinds: ShadowKind, limit: int = 100) -> list[ShadowOrder]:
        found = [each for each in self._shadows.values() if not kinds or each.kind in kinds]
        return sorted(found, key=lambda each: each.time)[max(0, len(found) - limit) :]

    def add_decision(self, trade_id: int, decision: Decision) -> bool:
        fields = decision_fields(decision)
        key = (trade_id, decision.pair, fields["time"])
        if key in self._decisions:
            return False
        self._decisions[key] = fields
        return True

    def decision(self, trade_id: int) -> Decision | None:
        found = [fields for key, fields in self._decisions.items() if key[0] == trade_id]
        return decision_from(found[-1]) if found else None

    def save_intent(self, intent: OrderIntent) -> None:
        self._intents[intent.client_id] = replace(intent, time=utc(intent.time))

    def intents(self, *states: IntentState) -> list[OrderIntent]:
        return [each for each in self._intents.values() if not states or each.state in states]

    def count_intents(self, prefix: str) -> int:
        return sum(client_id.startswith(prefix) for client_id in self._intents)

    def save_counters(self, counts: Mapping[str, int], time: datetime) -> None:
        utc(time)
        self._counters.update(counts)

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def beat(self, source: str, time: datetime) -> None:
        self._beats[source] = utc(time)

    def beats(self) -> dict[str, datetime]:
        return dict(self._beats)
