"""Other sides of alerts on loopback: a Bot API of Telegram that refuses what the real one does, and
a server that takes a user's webhook. Freqtrade's own modules and python-telegram-bot send to them.
"""

import html.parser
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import parse_qs

from freqtrade.rpc.discord import Discord
from freqtrade.rpc.telegram import Telegram
from freqtrade.rpc.webhook import Webhook
from telegram.ext import Application

from http_server import in_thread

TOKEN = "123:secret"
TAGS = {"b", "i", "code", "pre"}


class _Visible(html.parser.HTMLParser):
    """What a person sees of a text in HTML; a tag that is not Telegram's is refused."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in TAGS:
            raise ValueError(f"unsupported start tag {tag!r}")

    def handle_data(self, data: str) -> None:
        self.text += data


def visible(text: str, mode: str) -> str:
    """Return what a person sees, as Telegram's server reads a text.

    :raises ValueError: for what it refuses.
    """
    seen = text
    if mode == "HTML":
        parser = _Visible()
        parser.feed(text)
        parser.close()
        seen = parser.text
    elif mode == "Markdown" and any(text.count(mark) % 2 for mark in "_*`"):
        raise ValueError("can't find end of the entity")
    if not seen or len(seen.encode("utf-16-le")) // 2 > 4_096:
        raise ValueError("message is empty or too long")
    return seen


class Server:
    """A server on loopback. ``script`` holds what becomes of the next posts (a status, with a body
    or without, or "hang up"); without an entry a post is taken into ``posts``."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.script: deque[Any] = deque()
        self.posts: list[dict[str, Any]] = []
        self.asked = 0
        self.open = threading.Event()
        self.open.set()

    def reset(self) -> None:
        self.script.clear()
        self.posts.clear()
        self.asked = 0
        self.open.set()

    @property
    def texts(self) -> list[str]:
        return [post["text"] for post in self.posts]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for each answer
    stage: ClassVar[Server]

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        kind = self.headers.get("Content-Type", "")
        if "json" in kind:
            fields = json.loads(raw)
        elif "form" in kind:
            fields = {name: values[0] for name, values in parse_qs(raw).items()}
        else:
            fields = {"raw": raw}
        method = self.path.rsplit("/", 1)[-1]
        if method in ("getMe", "getUpdates", "deleteWebhook"):
            self._telegram(method)
        else:
            self._take(method, fields)

    def _telegram(self, method: str) -> None:
        bot = {"id": 1, "is_bot": True, "first_name": "b", "username": "b_bot"}
        result: Any = {"getMe": bot, "getUpdates": []}.get(method, True)
        if method == "getUpdates":
            threading.Event().wait(0.05)
        self._answer(200, {"ok": True, "result": result})

    def _take(self, method: str, fields: dict[str, Any]) -> None:
        stage = self.stage
        stage.asked += 1
        stage.open.wait(30)
        order = stage.script.popleft() if stage.script else 200
        if order == "hang up":
            self.close_connection = True
            return
        status, body = order if isinstance(order, tuple) else (order, None)
        if status == 200 and method == "sendMessage":
            try:
                fields["text"] = visible(fields["text"], fields.get("parse_mode", ""))
            except ValueError as error:
                status, body = 400, {"ok": False, "error_code": 400, "description": str(error)}
        if status == 200:
            stage.posts.append(fields)
        chat = {"id": 42, "type": "private"}
        sent = {"ok": True, "result": {"message_id": 1, "date": 1, "chat": chat, "text": "x"}}
        fault = {"ok": False, "error_code": status, "description": "fault"}
        self._answer(status, body or (sent if status == 200 else fault))

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[Server]:
    """Serve on a free port until the end."""
    handler = type("Handler", (_Handler,), {})
    with in_thread(handler) as server:
        stage = handler.stage = Server(server)  # type: ignore[attr-defined]
        yield stage
        stage.open.set()


def telegram_of(url: str, **section: Any) -> Any:
    """Return Freqtrade's Telegram, in its own thread, with the Bot API at ``url``."""
    config = {"telegram": {"token": TOKEN, "chat_id": "42", **section}}

    def app(self: Any) -> Any:
        return Application.builder().token(TOKEN).base_url(f"{url}/bot").build()

    kind = type("Telegram", (Telegram,), {"_init_telegram_app": app})
    return kind(SimpleNamespace(), config)


def webhook_of(server: Server, **section: Any) -> Any:
    """Return Freqtrade's webhook to a server, in JSON unless ``section`` says otherwise."""
    default = {"url": f"{server.url}/hook-secret", "format": "json", "timeout": 5}
    return Webhook(SimpleNamespace(), {"webhook": {**default, **section}})


def discord_of(server: Server, **section: Any) -> Any:
    """Return Freqtrade's Discord to a server."""
    own = {"webhook_url": f"{server.url}/hook-secret", **section}
    return Discord(SimpleNamespace(), {"discord": own, "strategy": "Autopilot", "bot_name": "mine"})


def bot_of(*modules: Any, name: str = "mine") -> Any:
    """Return what alerts see of a bot."""
    return SimpleNamespace(
        rpc=SimpleNamespace(registered_modules=list(modules)), config={"bot_name": name}
    )
