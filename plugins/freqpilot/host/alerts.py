"""Words of background threads and of the start for the person: kept until the bot's own thread
sends them through Freqtrade's messages."""

import logging
from collections import deque
from datetime import UTC, datetime
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host import supervisor

logger = logging.getLogger(__name__)

MOST = 3_900
"""Letters of one message; Freqtrade's limit is 4,096."""
SEVERITY = {"INFO": logging.INFO, "WARNING": logging.WARNING}
_waiting: deque[tuple[str, str, str, dict[str, Any]]] = deque(maxlen=200)


def say(kind: str, text: str, level: str = "WARNING", **about: Any) -> None:
    """Log a text and keep it for :func:`send`; may be called from any thread, at any time."""
    logger.log(SEVERITY.get(level, logging.CRITICAL), "%s", text)
    _waiting.append((kind, text, level, about))


def send(provider: Any) -> None:
    """Send what waits, in the bot's own thread: by Telegram, webhooks and FreqUI, and as events of
    the store.

    :param provider: Freqtrade's data provider.
    """
    while _waiting:
        kind, text, level, about = _waiting.popleft()
        provider.send_msg(text[:MOST])
        try:
            run = supervisor.current()
        except NoEntry:
            continue
        if run.live:
            run.store.add_event(datetime.now(UTC), kind, level, text, about)
