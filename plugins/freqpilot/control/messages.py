"""The words of alerts: what a message to a person holds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from freqpilot.store import LEVELS, Alert

LINES = 12
"""Lines of a gathered message; the others are counted."""
LINE = 300
"""Characters of a line of a gathered message; an alert alone has the whole message."""

CUT = "… the whole of it: freqpilot events"


@dataclass(frozen=True)
class Message:
    """What is sent at once: its head (level and bot), the text below it, and the alerts it tells.

    The head comes first, so that a notification on a phone shows it.
    """

    head: str
    body: str
    level: str
    alerts: tuple[Alert, ...]

    def cut(self, size: int) -> "Message":
        """Return the message with a body that leaves the whole within ``size`` UTF-16 units, as
        Telegram and Discord count."""
        room = size - units(f"{self.head}: ")
        if units(self.body) <= room:
            return self
        kept = self.body.encode("utf-16-le", "replace")[: 2 * (room - units(CUT))]
        return replace(self, body=kept.decode("utf-16-le", "ignore") + CUT)

    @property
    def text(self) -> str:
        """The whole message, plain."""
        return f"{self.head}: {self.body}"


def units(text: str) -> int:
    """Return the length of a text in UTF-16 units: an emoji is two."""
    return len(text.encode("utf-16-le", "replace")) // 2


def rank(level: str) -> int:
    """Return how urgent a level is; one that is not known is CRITICAL."""
    return LEVELS.index(level) if level in LEVELS else LEVELS.index("CRITICAL")


def compose(alerts: Sequence[Alert], bot: str) -> list[Message]:
    """Return the messages for alerts: each EMERGENCY alone and first, all others in one."""
    urgent = [a for a in alerts if a.level == "EMERGENCY"]
    others = [a for a in alerts if a.level != "EMERGENCY"]
    messages = [Message(_head(a.level, bot), _line(a), a.level, (a,)) for a in urgent]
    return [*messages, _gathered(others, bot)] if others else messages


def _gathered(alerts: Sequence[Alert], bot: str) -> Message:
    """Return one message for several alerts, the most urgent first, equal ones as one line."""
    alike: dict[str, Alert] = {}
    for alert in alerts:
        alike[alert.key] = _together(alike[alert.key], alert) if alert.key in alike else alert
    ranked = sorted(alike.values(), key=lambda a: (-rank(a.level), a.time))
    level = ranked[0].level
    if len(ranked) == 1:
        return Message(_head(level, bot), _line(ranked[0]), level, tuple(alerts))
    lines = [f"{a.level} {_line(a)}"[:LINE] for a in ranked[:LINES]]
    if len(ranked) > LINES:
        lines.append(f"and {len(ranked) - LINES} more: freqpilot events")
    body = "\n".join((f"{len(ranked)} alerts", *lines))
    return Message(_head(level, bot), body, level, tuple(alerts))


def _together(first: Alert, later: Alert) -> Alert:
    times = first.times + later.times
    return replace(first, times=times, newest=later.newest, text=later.text)


def _head(level: str, bot: str) -> str:
    return f"{level} {bot}"


def _line(alert: Alert) -> str:
    """Return an alert in a line, with its own time: it may arrive much later."""
    often = ""
    if alert.times > 1:
        often = f" ({alert.times} times until {_at(alert.newest)})"
    return f"{_at(alert.time)} {alert.kind}: {alert.text}{often}"


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
