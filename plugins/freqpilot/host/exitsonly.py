"""Why this process opens nothing: what was not clean at its start."""

import threading

from freqpilot.errors import NoEntry

_causes: dict[str, str] = {}
_lock = threading.Lock()


def enter(cause: str, reason: str) -> None:
    """Open nothing from now on."""
    with _lock:
        _causes[cause] = reason


def leave(cause: str) -> None:
    """Take a cause back."""
    with _lock:
        _causes.pop(cause, None)


def reason() -> str | None:
    """Return why nothing is opened, or None."""
    with _lock:
        return "; ".join(_causes.values()) or None


def require() -> None:
    """:raises NoEntry: while nothing may be opened."""
    if why := reason():
        raise NoEntry(why)
