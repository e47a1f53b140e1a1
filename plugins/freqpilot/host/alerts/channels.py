"""The ways out of the machine: Freqtrade's own Telegram, webhook and Discord, used so that a
failure is seen. Freqtrade's ``send_msg`` swallows it."""

import asyncio
import html
import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar, Protocol

from freqpilot.control.messages import Message
from freqpilot.host.seams.seam import Place, Seam, SeamError

logger = logging.getLogger(__name__)

TEMPLATES = ("warning", "status", "strategy_msg", "webhookstatus")
"""The templates of a user's webhook or Discord that fit an alert, the best one first."""
WEBHOOK_LINE = '"webhook": {"warning": {"status": "{status}"}}'
DISCORD_LINE = '"discord": {"warning": [{"alert": "{status}"}]}'
ANSWER = 30.0
"""Seconds for Telegram's answer."""
_named: set[str] = set()


class NotDelivered(Exception):
    """A channel has not taken a message; ``wait`` is how many seconds it asks for (0: it names
    none). The text holds no address, as that holds a token."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Channel(Protocol):
    """A way to a person."""

    name: str

    def wants(self, level: str) -> bool:
        """Tell whether the user wants alerts of a level on it."""

    def deliver(self, message: Message) -> None:
        """Send a message and wait until the other side has it; not for the bot's own thread.

        :raises NotDelivered: when it has not.
        """


class TelegramChannel:
    """Freqtrade's Telegram bot. HTML, escaped: no underscore, star, backtick or ``<`` of a text can
    make Telegram refuse it, as its Markdown does."""

    name = "telegram"
    size: ClassVar[int] = 4_000
    """Telegram takes 4,096 UTF-16 units after the entities are read."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._config: dict[str, Any] = module._config["telegram"]

    def _loudness(self) -> str:
        return str(self._config.get("notification_settings", {}).get("warning", "on"))

    def wants(self, level: str) -> bool:
        """``notification_settings`` may switch warnings off, and nothing more urgent."""
        return level != "WARNING" or self._loudness() != "off"

    def deliver(self, message: Message) -> None:
        """Send the message in the thread of Freqtrade's Telegram, and wait for the answer."""
        from telegram.error import RetryAfter, TelegramError

        loop = getattr(self._module, "_loop", None)
        if loop is None or not loop.is_running() or not hasattr(self._module, "_app"):
            raise NotDelivered("Freqtrade's Telegram is not running")
        cut = message.cut(self.size)
        sending = self._module._app.bot.send_message(
            self._config["chat_id"],
            text=f"<b>{html.escape(cut.head)}</b>: {html.escape(cut.body)}",
            parse_mode="HTML",
            disable_notification=message.level == "WARNING" and self._loudness() == "silent",
            message_thread_id=self._config.get("topic_id"),
        )
        answer = asyncio.run_coroutine_threadsafe(sending, loop)
        try:
            answer.result(ANSWER)
        except RetryAfter as error:
            # Its public attribute warns that it will change its type.
            wait = getattr(error, "_retry_after", timedelta()).total_seconds()
            raise NotDelivered("Telegram asks to wait", wait) from None
        except TelegramError as error:
            reason = error.message.replace(str(self._config["token"]), "***")
            raise NotDelivered(f"{type(error).__name__}: {reason}") from None
        except TimeoutError:
            answer.cancel()
            raise NotDelivered(f"Telegram gave no answer within {ANSWER:g} s") from None


class WebhookChannel:
    """A user's webhook, in the template that they have for warnings or, without it, for status."""

    name = "webhook"

    def __init__(self, module: Any) -> None:
        self._module = module

    @staticmethod
    def template(section: dict[str, Any]) -> Any:
        """Return the template that fits an alert, or None."""
        return next((section[name] for name in TEMPLATES if section.get(name)), None)

    def wants(self, level: str) -> bool:
        """Every level: a webhook has no such settings."""
        return True

    def deliver(self, message: Message) -> None:
        """Post the message as Freqtrade would; a webhook that repeats is left to the outbox."""
        template = self.template(self._module._config["webhook"])
        try:
            payload = self._module.recursive_format(template, _fields(message.text))
        except (KeyError, IndexError, ValueError) as error:
            raise NotDelivered(
                f"the webhook's template cannot be filled ({type(error).__name__}: {error}); "
                f"add {WEBHOOK_LINE}"
            ) from None
        self._post(payload)

    def _post(self, payload: Any) -> None:
        kind = self._module._format
        if kind == "form":
            content: dict[str, Any] = {"data": payload}
        elif kind == "json":
            content = {"json": payload}
        else:
            data = str(payload["data"]).encode()
            content = {"data": data, "headers": {"Content-Type": "text/plain; charset=utf-8"}}
        post(self._module._url, float(self._module._timeout), content)


class DiscordChannel(WebhookChannel):
    """Freqtrade's Discord, in the fields that the user has for warnings or, without them, for
    status."""

    name = "discord"
    size: ClassVar[int] = 1_000
    """Discord takes 1,024 characters a field."""
    colours: ClassVar[dict[str, int]] = {"WARNING": 0xFFA500}

    def deliver(self, message: Message) -> None:
        """Post the message as one embed."""
        known = {name: getattr(self._module, name) for name in ("strategy", "timeframe")}
        values = {**_fields(message.cut(self.size).text), **known}
        values["bot_name"] = self._module.bot_name
        parts = self.template(self._module._config["discord"])
        try:
            rows = [(name, text.format(**values)) for part in parts for name, text in part.items()]
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise NotDelivered(
                f"the fields of discord cannot be filled ({type(error).__name__}: {error}); "
                f"add {DISCORD_LINE}"
            ) from None
        fields = [{"name": name, "value": text[:1_024], "inline": False} for name, text in rows]
        colour = self.colours.get(message.level, 0xFF0000)
        embed = {"title": message.head[:256], "color": colour, "fields": fields}
        post(self._module._url, float(self._module._timeout), {"json": {"embeds": [embed]}})


def post(url: str, timeout: float, content: dict[str, Any]) -> None:
    """Post to a user's address.

    :raises NotDelivered: without the address, which holds a token.
    """
    import requests

    try:
        answer = requests.post(url, timeout=timeout, **content)
    except (requests.RequestException, UnicodeError) as error:
        raise NotDelivered(f"no answer ({type(error).__name__})") from None
    if not answer.ok:
        asked = answer.headers.get("Retry-After", "")
        wait = float(asked) if asked.replace(".", "", 1).isdigit() else 0.0
        raise NotDelivered(f"the answer was {answer.status_code} {answer.reason}", wait)


def _fields(text: str) -> dict[str, str]:
    """Return what a template may name, as Freqtrade's messages of these types have it."""
    return {"type": "warning", "status": text, "msg": text}


def channels_of(modules: Iterable[Any]) -> list[Channel]:
    """Return the channels of a bot's registered RPC modules. One that has no template for an alert
    is named once in the log; ``freqpilot doctor`` says which line it lacks."""
    found: list[Channel] = []
    for module in modules:
        name = str(module.name)
        if name == "telegram":
            found.append(TelegramChannel(module))
        elif name in ("webhook", "discord"):
            kind = WebhookChannel if name == "webhook" else DiscordChannel
            if kind.template(module._config[name]):
                found.append(kind(module))
            else:
                _name_once(name)
    return found


def _name_once(name: str) -> None:
    if name not in _named:
        _named.add(name)
        line = WEBHOOK_LINE if name == "webhook" else DISCORD_LINE
        logger.error(
            "No alert leaves by %s: its section has no template for them. Add %s", name, line
        )


def show(modules: Iterable[Any], message: Message) -> None:
    """Show a message in FreqUI, where it is open; nothing tells whether somebody looks."""
    from freqtrade.enums import RPCMessageType

    for module in modules:
        if module.name == "apiserver":
            module.send_msg({"type": RPCMessageType.WARNING, "status": message.text})


def describe(config: dict[str, Any]) -> tuple[bool, str]:
    """Return whether alerts of a bot with this config leave the machine, and how, with the lines to
    add."""
    sections = {name: config.get(name, {}) for name in ("telegram", "webhook", "discord")}
    on = [name for name, section in sections.items() if section.get("enabled")]
    lines = {"webhook": WEBHOOK_LINE, "discord": DISCORD_LINE}
    mute = [name for name in on if name in lines and not WebhookChannel.template(sections[name])]
    words = [
        f"{name} has no template for alerts, so none leaves by it; add {lines[name]}"
        for name in mute
    ]
    if leave := [name for name in on if name not in mute]:
        return True, "; ".join((f"alerts leave by {', '.join(leave)}", *words))
    if mute:
        return False, "; ".join(words)
    return bool(config.get("dry_run", True)), (
        "no Telegram, webhook or Discord: alerts reach the log alone, nobody hears of a halt; add "
        '"telegram": {"enabled": true, "token": "…", "chat_id": "…"} (or its variables, '
        "FREQTRADE__TELEGRAM__ENABLED, __TOKEN, __CHAT_ID)"
    )


def _check_telegram() -> None:
    """Its attributes are made at its start, and its library takes a second to import."""
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("freqtrade.rpc.telegram")
    text = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    for name in ("self._app", "self._loop"):
        if name not in text:
            raise SeamError(f"freqtrade.rpc.telegram.Telegram has no {name} in this Freqtrade")


SEAMS = (
    Seam(
        "alerts.channels",
        "send alerts by Telegram, webhook and Discord, and see whether they arrived",
        until="Freqtrade reports whether a message was delivered",
        places=(
            Place("freqtrade.rpc.rpc:RPCHandler.name"),
            Place("freqtrade.rpc.rpc_manager:RPCManager.send_msg", ["msg"]),
            Place("freqtrade.rpc.webhook:Webhook.recursive_format", ["obj", "msg"]),
        ),
        also=_check_telegram,
    ),
)
