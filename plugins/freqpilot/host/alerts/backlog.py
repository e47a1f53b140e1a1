"""Events that the store has not taken yet: it cannot be written, or no run has begun. They wait
here, their alerts are sent from here, and they are written as soon as they can be."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from freqpilot.control.messages import rank
from freqpilot.store import Alert, Event, Store
from freqpilot.store.plain import alert_key, plain

logger = logging.getLogger(__name__)

MOST = 2_000
"""Events kept; beyond it the oldest of the least urgent level is dropped."""
UNDELIVERED = ("open", "taken")


@dataclass
class Entry:
    """An event and how far its alert is; None where its level raises none."""

    event: Event
    alert: Alert | None


class Backlog:
    """Safe to call from any thread. The ids of its alerts are negative."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.Lock()
        self._number = 0

    def __len__(self) -> int:
        return len(self._entries)

    def texts(self) -> list[str]:
        """Return the texts of the events that wait, oldest first."""
        with self._lock:
            return [entry.event.text for entry in self._entries]

    def clear(self) -> None:
        """Forget what waits."""
        with self._lock:
            self._entries.clear()

    def add(self, event: Event) -> None:
        """Keep an event until :meth:`write`."""
        with self._lock:
            self._number += 1
            e = event
            key = alert_key(e.kind, e.level, e.text, e.data)
            alert = Alert(-self._number, key, e.time, e.time, e.kind, e.level, e.text)
            self._entries.append(Entry(event, alert if rank(e.level) else None))
            if len(self._entries) > MOST:
                self._entries.remove(min(self._entries, key=lambda e: rank(e.event.level)))

    def write(self, store: Store, busy: Collection[int], requeued: Callable[[str], None]) -> None:
        """Write into the store what waits, and let it go.

        An alert that no channel has is queued there. One that a channel has is not sent again: it
        stays here until every channel has it, and only its event is written then.

        :param busy: the alerts that are being sent at this moment.
        :param requeued: gets the key of each alert that was tried, and begins again in the store.
        :raises Exception: the store's, when it cannot be written; what is left goes on waiting.
        """
        with self._lock:
            entries = list(self._entries)
        for entry in entries:
            alert, e = entry.alert, entry.event
            waits = alert is not None and alert.state in UNDELIVERED
            if alert is not None and waits and (alert.id in busy or alert.channels):
                continue
            store.add_event(e.time, e.kind, e.level, e.text, e.data, alert=waits)
            if alert is not None and alert.state == "taken":
                requeued(alert.key)
            with self._lock:
                if entry in self._entries:
                    self._entries.remove(entry)

    def alerts(self) -> list[Alert]:
        """Return the alerts that are not at their end, oldest first."""
        with self._lock:
            found = [entry.alert for entry in self._entries if entry.alert is not None]
        return [alert for alert in found if alert.state in UNDELIVERED]

    def take_alerts(self, ids: Sequence[int]) -> list[Alert]:
        """Note that these alerts are being sent, and return them."""
        chosen = set(ids)
        return self._change(lambda a: replace(a, state="taken") if a.id in chosen else None)

    def save_alerts(self, alerts: Sequence[Alert]) -> None:
        """Keep how far these alerts are."""
        known = {alert.id: alert for alert in alerts}
        self._change(lambda alert: known.get(alert.id))

    def _change(self, change: Callable[[Alert], Alert | None]) -> list[Alert]:
        changed: list[Alert] = []
        with self._lock:
            for entry in self._entries:
                if entry.alert is not None and (new := change(entry.alert)):
                    entry.alert = new
                    changed.append(new)
        return changed


def event_of(
    kind: str, level: str, text: str, data: Mapping[str, Any] | None, time: datetime | None
) -> Event:
    """Return an event that every store can keep: with a time in UTC and data that JSON holds."""
    at = time or datetime.now(UTC)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    try:
        figures = plain(data or {})
    except TypeError:
        figures = {str(name): str(value) for name, value in (data or {}).items()}
    # What no encoding or no database holds would stop the message.
    sound = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return Event(at, kind, level, sound, figures)
