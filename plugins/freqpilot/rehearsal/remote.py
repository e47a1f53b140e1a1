"""The stand-in exchange as the bot's process sees it when it runs elsewhere."""

from collections import Counter
from typing import Any

import httpx

from freqpilot.rehearsal.exchange import LOOP_END


class RemoteExchange:
    """Tells the stand-in at ``url`` of each loop's end; its counters are kept over there."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.requests: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self._client = httpx.Client(base_url=url, trust_env=False)

    @property
    def url(self) -> str:
        """Base address."""
        return self._url

    def loop_ended(self, bot: Any) -> None:
        """Let the stand-in look at the account before time goes on."""
        stops = bool(bot.strategy.order_types.get("stoploss_on_exchange"))
        self._client.post(LOOP_END, json={"stops": stops}).raise_for_status()
