"""The stand-in exchange as the bot's process sees it when it runs elsewhere."""

import math
import os
from collections import Counter
from dataclasses import asdict, replace
from typing import Any

import httpx

from freqpilot.errors import NoEntry
from freqpilot.rehearsal.books.report import LoopReport
from freqpilot.rehearsal.exchange.live import LOOP_END

LOOP_END_SECONDS = 600.0
"""Real seconds that a loop's end may take: another bot may be started there meanwhile."""


class RemoteExchange:
    """Tells the stand-in at ``url`` of each loop's end; its counters are kept over there."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.requests: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=LOOP_END_SECONDS)

    @property
    def url(self) -> str:
        """Base address."""
        return self._url

    def loop_ended(self, bot: Any) -> float | None:
        """Let the stand-in look at the account before time goes on; see :class:`Exchange`."""
        answer = self._client.post(LOOP_END, json=asdict(report_of(bot)))
        sleep = answer.raise_for_status().json().get("sleep")
        return None if sleep is None else float(sleep)


def report_of(bot: Any) -> LoopReport:
    """Return what a bot says of itself at the end of a loop."""
    from freqpilot.host.run.current import current
    from freqpilot.host.seams import activation

    report = LoopReport(
        stops=bool(bot.strategy.order_types.get("stoploss_on_exchange")),
        running=str(bot.state) == "running",
        process=os.getpid(),
    )
    if not activation.active():
        return report
    try:
        state = current().state
    except NoEntry:
        return report
    equity = state.equity if math.isfinite(state.equity) else None
    return replace(
        report,
        supervised=True,
        halted=state.halted,
        equity=equity,
        peak=state.peak if state.stamp is not None else None,
        stamp=None if state.stamp is None else int(state.stamp.timestamp() * 1000),
        waiting=_waiting(bot),
    )


def _waiting(bot: Any) -> str | None:
    from freqpilot.host.loop import live

    try:
        return live.waiting(bot)
    except Exception as error:  # to ask must not end the bot
        return f"{type(error).__name__}: {error}"
