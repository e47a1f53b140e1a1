"""Exchanges by ccxt, for the sources that read what it unifies."""

import json
import threading
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from freqpilot.errors import RefuseToStart
from freqpilot.facts.sources.base import Answer, FetchFailed

_lock = threading.Lock()


@lru_cache
def exchange(name: str) -> Any:
    """Return a public client of an exchange, made once.

    :raises RefuseToStart: for a name that ccxt does not know.
    """
    import ccxt

    if name not in ccxt.exchanges:
        raise RefuseToStart(f"ccxt knows no exchange {name!r}; see docs.ccxt.com for their names")
    return getattr(ccxt, name)({"enableRateLimit": True, "timeout": 20_000})


def ask(questions: dict[str, tuple[str, str, tuple[Any, ...]]]) -> Answer:
    """Return the answers to ``name: (exchange, method, arguments)`` as one JSON object.

    :raises FetchFailed: when one of them fails.
    """
    import ccxt

    answers = {}
    try:
        with _lock:  # ccxt's clients are not made for threads
            for name, (venue, method, arguments) in questions.items():
                answers[name] = getattr(exchange(venue), method)(*arguments)
    except ccxt.BaseError as error:
        text = " ".join(str(error).split())[:300]
        raise FetchFailed(f"ccxt: {type(error).__name__} {text}") from None
    return Answer(json.dumps(answers, default=str).encode(), datetime.now(UTC))


def coin(symbol: str) -> str:
    """Return the coin of ``BTC/USDT:USDT``."""
    return symbol.split("/", 1)[0]


def ticked(value: Any) -> datetime:
    """Return ccxt's milliseconds as a time.

    :raises ValueError: for what is no such number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no time in milliseconds")
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{value!r} is no time: {error}") from None
