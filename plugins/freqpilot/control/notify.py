"""A message to a person from a process beside the bot, by the Telegram and the webhook of its
configuration. Inside the bot alerts go through Freqtrade's own."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import tenacity

logger = logging.getLogger(__name__)

TELEGRAM = "https://api.telegram.org"
TEMPLATES = ("warning", "status", "strategy_msg", "webhookstatus")
TIMEOUT = 10.0
TRIES = 3
LONGEST = 4_000
"""Characters of a message that Telegram takes whole."""


def notify(config: Mapping[str, Any], text: str, *, telegram: str = TELEGRAM) -> list[str]:
    """Send a text by every channel that the configuration switches on; returns the names of those
    that took it. It never raises, and its log lines hold no address, as that holds a token.

    :param telegram: the address of Telegram's bot API.
    """
    took = []
    form = (config.get("webhook") or {}).get("format", "form") == "form"
    for name, url, body in _channels(config, text[:LONGEST], telegram):
        try:
            _post(url, body, form=form and name == "webhook")
        except Exception as error:
            logger.error("%s did not take the message: %s", name, type(error).__name__)
        else:
            took.append(name)
    if not took:
        logger.error("Nobody was reached: no Telegram and no webhook took the message")
    return took


def _channels(
    config: Mapping[str, Any], text: str, telegram: str
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    section = config.get("telegram") or {}
    if section.get("enabled") and section.get("token") and section.get("chat_id"):
        body = {"chat_id": section["chat_id"], "text": f"CRITICAL: {text}"}
        if section.get("topic_id"):
            body["message_thread_id"] = section["topic_id"]
        yield "telegram", f"{telegram}/bot{section['token']}/sendMessage", body
    section = config.get("webhook") or {}
    if section.get("enabled") and section.get("url"):
        yield "webhook", str(section["url"]), _filled(section, text)


def _filled(section: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return the user's template for warnings, or for status, with the text in it."""
    template = next(
        (section[name] for name in TEMPLATES if section.get(name)), {"status": "{status}"}
    )
    return {
        key: str(value).replace("{status}", text).replace("{msg}", text)
        for key, value in dict(template).items()
    }


@tenacity.retry(
    stop=tenacity.stop_after_attempt(TRIES),
    wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
    retry=tenacity.retry_if_exception_type(httpx.TransportError),
    reraise=True,
)
def _post(url: str, body: dict[str, Any], *, form: bool) -> None:
    """:raises httpx.HTTPError: when it was not taken."""
    sent: dict[str, Any] = {"data": body} if form else {"json": body}
    httpx.post(url, timeout=TIMEOUT, **sent).raise_for_status()
