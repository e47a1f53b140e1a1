"""What a person must hear of: each event is kept, logged and, from WARNING on, leaves the machine
through Freqtrade's own Telegram, webhook and Discord.

Nothing here raises and nothing here waits for the network: an alert must not stop what it tells of.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from freqpilot.control.messages import rank
from freqpilot.host.alerts.backlog import Backlog, event_of
from freqpilot.host.alerts.couriers import Sender
from freqpilot.host.seams.freqtrade import Bot
from freqpilot.store import LEVELS, Event, Store

if TYPE_CHECKING:
    from freqpilot.host.run.run import Run

logger = logging.getLogger(__name__)

SEVERITY = (logging.INFO, logging.WARNING, logging.CRITICAL, logging.CRITICAL)
BACKLOG = Backlog()
"""Events that no store has yet."""
_sender = Sender(BACKLOG)
_state = {"out": False}
"""Whether the store could not be written last: until it can, events wait without asking it."""


def record(
    run: "Run",
    kind: str,
    level: str,
    text: str,
    data: Mapping[str, Any] | None = None,
    *,
    time: datetime | None = None,
) -> None:
    """Keep an event of a run, log its text and, from WARNING on, queue it for the person. It never
    raises and may be called from any thread: when the store is out, the event waits in memory.

    :param time: when it happened; now without it.
    """
    try:
        event = _logged(kind, level, text, data, time)
        if not run.live:
            run.store.add_event(event.time, kind, event.level, text, event.data)
        elif not run.writes or _state["out"] or not _written(run.store, event):
            BACKLOG.add(event)
        if run.live and event.level == "EMERGENCY":
            _hurry(_store(run) if not _state["out"] else None)
    except Exception:
        logger.exception("An event could not be kept: %s", text)


def record_later(kind: str, text: str, level: str = "WARNING", **about: object) -> None:
    """As :func:`record`, from any thread or before a run has begun: the event waits in memory until
    the bot's next loop. ``about`` is its data."""
    try:
        event = _logged(kind, level, text, about, None)
        BACKLOG.add(event)
        if event.level == "EMERGENCY":
            _hurry(None)
    except Exception:
        logger.exception("An event could not be kept: %s", text)


def step(bot: Bot) -> None:
    """Write what waits, and send what is due: to be called by the bot's own thread at the beginning
    and the end of each loop. It never raises and waits for no network."""
    try:
        with _sender.lock:
            _sender.meet(bot)
            _sender.step(_write(_current_store()))
    except Exception:
        logger.exception("Alerts could not be sent; the next loop tries again")


def flush_now(bot: Bot | None = None, seconds: float = 10.0) -> None:
    """Send what is EMERGENCY before the process ends, and wait for it: ``seconds`` at most. It
    never raises.

    :param bot: None for the bot of the last :func:`step`.
    """
    try:
        if not _sender.lock.acquire(timeout=seconds):
            return
        try:
            if bot is not None:
                _sender.meet(bot)
            store = _write(_current_store())
            # The second turn is for a channel that was busy with something else.
            for _ in range(2):
                _sender.step(store, urgent=True, force=True)
                _sender.join(seconds / 2)
            _sender.step(store, urgent=True)
            _write(store)
        finally:
            _sender.lock.release()
    except Exception:
        logger.exception("Alerts could not be sent before the end")


def begin_anew() -> None:
    """Forget what waits in memory and how far each channel is, as in a new process."""
    BACKLOG.clear()
    _sender.clear()
    _state["out"] = False


def _logged(
    kind: str, level: str, text: str, data: Mapping[str, Any] | None, time: datetime | None
) -> Event:
    known = LEVELS[rank(level)]
    text = text.encode("utf-8", "replace").decode()  # half a character would stop every log file
    logger.log(SEVERITY[rank(known)], "%s", text)
    return event_of(kind, known, text, data, time)


def _written(store: Store, event: Event) -> bool:
    try:
        store.add_event(event.time, event.kind, event.level, event.text, event.data)
    except Exception as error:
        _state["out"] = True
        logger.error("The store took no event, it waits in memory: %s", error)
        return False
    return True


def _write(store: Store | None) -> Store | None:
    """Write what waits, and return the store; None when it cannot be written: to ask it more would
    hold up the loop for as long again."""
    if store is None:
        return None
    try:
        BACKLOG.write(store, _sender.busy(), _sender.forget)
    except Exception as error:
        _state["out"] = True
        logger.error("%d events wait in memory, the store takes none: %s", len(BACKLOG), error)
        return None
    _state["out"] = False
    return store


def _hurry(store: Store | None) -> None:
    """Begin to send an EMERGENCY without waiting for the loop's end, unless a step is under way."""
    if not _sender.lock.acquire(blocking=False):
        return
    try:
        _sender.step(store, urgent=True)
    except Exception:
        logger.exception("An EMERGENCY could not be sent at once; the loop's end tries again")
    finally:
        _sender.lock.release()


def _store(run: "Run") -> Store | None:
    """Return a run's store, None where what is written there would be lost, or is another's."""
    return run.store if run.live and run.writes else None


def _current_store() -> Store | None:
    """Return the store of the run under way, or None."""
    # Asked for here, as the supervisor records its latches by this module.
    from freqpilot.errors import NoEntry
    from freqpilot.host.run.current import current

    try:
        return _store(current())
    except NoEntry:
        return None
