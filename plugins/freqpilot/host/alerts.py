"""Words of background threads and of the start for the person: kept until the bot's own thread
sends them through Freqtrade's messages."""

import logging
from collections import deque
from datetime import UTC, datetime
from typing import Any

logger = logging.getLogger(__name__)

MOST = 3_900
"""Letters of one message; Freqtrade's limit is 4,096."""
_waiting: deque[tuple[str, str, dict[str, Any]]] = deque(maxlen=200)


def say(kind: str, text: str, **about: Any) -> None:
    """Log a warning and keep it for :func:`send`; may be called from any thread, at any time."""
    logger.warning("%s", text)
    _waiting.append((kind, text, about))


def send(provider: Any) -> None:
    """Send what waits, in the bot's own thread: by Telegram, webhooks and FreqUI, and as events of
    the store.

    :param provider: Freqtrade's data provider.
    """
    while _waiting:
        kind, text, about = _waiting.popleft()
        provider.send_msg(text[:MOST])
        from freqpilot.errors import NoEntry
        from freqpilot.host import supervisor

        try:
            run = supervisor.current()
        except NoEntry:
            continue
        if run.live:
            run.store.add_event(datetime.now(UTC), kind, "WARNING", text, about)


def record(
    run: Any,
    kind: str,
    level: str,
    text: str,
    data: dict[str, Any] | None = None,
    *,
    time: datetime | None = None,
) -> None:
    """Keep an event; it never raises."""
    logger.log(getattr(logging, level, logging.CRITICAL), "%s", text)
    try:
        run.store.add_event(time or datetime.now(UTC), kind, level, text, data or {})
    except Exception:
        logger.exception("It could not be kept")


def step(bot: Any) -> None:
    """Send what waits."""
