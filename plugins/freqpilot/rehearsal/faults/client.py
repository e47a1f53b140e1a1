"""What a person asks of a bot's REST API."""

from typing import Any, Protocol

from freqpilot.rehearsal.plan.config import API_PASSWORD, API_USER

CALL_SECONDS = 120.0
"""Real seconds that a call may take."""


class Client(Protocol):
    """What is asked of the bot's REST API: ``freqtrade_client.FtRestClient``."""

    def status(self) -> Any:
        """Return the open trades."""

    def start(self) -> Any:
        """Start the bot."""

    def stop(self) -> Any:
        """Stop the bot."""

    def reload_config(self) -> Any:
        """Load the config anew."""

    def forceenter(self, pair: str, side: str, *, order_type: str | None = None) -> Any:
        """Enter a trade."""

    def forceexit(self, tradeid: Any, ordertype: str | None = None) -> Any:
        """Exit a trade, or all."""


def rest_client(port: int) -> Client:
    """Return Freqtrade's own client for the bot's REST API on this machine."""
    from freqtrade_client import FtRestClient

    url = f"http://127.0.0.1:{port}"
    client: Client = FtRestClient(url, API_USER, API_PASSWORD, timeout=CALL_SECONDS)
    return client
