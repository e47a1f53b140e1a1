"""Events as a person or a program reads them."""

from typing import Any

from freqpilot.store import Event


def as_line(event: Event) -> str:
    """Return an event in a line: time (UTC), level, kind, pair where it has one, and its text."""
    pair = event.data.get("pair")
    where = f" {pair}" if pair and str(pair) not in event.text else ""
    return f"{event.time:%Y-%m-%d %H:%M:%S} {event.level:<9} {event.kind}{where}: {event.text}"


def as_record(event: Event) -> dict[str, Any]:
    """Return an event for ``--json``; its time is ISO 8601 in UTC."""
    return {
        "time": event.time.isoformat(),
        "level": event.level,
        "kind": event.kind,
        "text": event.text,
        "data": dict(event.data),
    }
