"""A message from a process beside the bot: by Telegram and a webhook, or it says why not."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

import pytest

from freqpilot.control import notify as module
from freqpilot.control.notify import LONGEST, notify
from http_server import in_thread


@contextmanager
def listening(*answers: int) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Answer posts by these statuses in turn; yields the address and what was posted."""
    posted: list[tuple[str, Any]] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            read = json.loads(body) if "json" in self.headers["Content-Type"] else parse_qs(body)
            posted.append((self.path, read))
            self.send_response(left.pop(0) if left else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with in_thread(Handler) as server:
        yield f"http://127.0.0.1:{server.server_port}", posted


def test_telegram_and_the_webhook_get_it() -> None:
    with listening() as (url, posted):
        config = {
            "telegram": {"enabled": True, "token": "T", "chat_id": "7", "topic_id": "3"},
            "webhook": {"enabled": True, "url": f"{url}/hook", "format": "json"},
        }
        assert notify(config, "no gate", telegram=url) == ["telegram", "webhook"]
    told = {"chat_id": "7", "text": "CRITICAL: no gate", "message_thread_id": "3"}
    assert posted == [("/botT/sendMessage", told), ("/hook", {"status": "no gate"})]


@pytest.mark.parametrize(
    ("section", "body"),
    [
        ({"warning": {"text": "!! {status}"}}, {"text": ["!! no gate"]}),
        ({"status": {"a": "{msg}"}, "strategy_msg": {"b": "{msg}"}}, {"a": ["no gate"]}),
        ({}, {"status": ["no gate"]}),
    ],
)
def test_a_webhook_gets_the_users_own_template(section: Any, body: Any) -> None:
    with listening() as (url, posted):
        notify({"webhook": {"enabled": True, "url": f"{url}/hook", **section}}, "no gate")
    assert posted == [("/hook", body)]


def test_what_is_switched_off_gets_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with listening() as (url, posted):
        config = {
            "telegram": {"enabled": False, "token": "T", "chat_id": "7"},
            "webhook": {"enabled": False, "url": url},
        }
        assert notify(config, "no gate", telegram=url) == []
        assert notify({}, "no gate", telegram=url) == []
    assert posted == []
    assert caplog.text.count("Nobody was reached") == 2


def test_one_that_refuses_does_not_hold_up_the_other(caplog: pytest.LogCaptureFixture) -> None:
    with listening(403) as (url, posted), caplog.at_level(logging.ERROR):
        config = {
            "telegram": {"enabled": True, "token": "s3cret", "chat_id": "7"},
            "webhook": {"enabled": True, "url": f"{url}/hook"},
        }
        assert notify(config, "x" * 2 * LONGEST, telegram=url) == ["webhook"]
    assert len(posted) == 2
    assert posted[1][1] == {"status": ["x" * LONGEST]}
    assert "telegram did not take the message" in caplog.text
    assert "s3cret" not in caplog.text


def test_one_that_is_away_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    def post(url: str, **_: object) -> None:
        tries.append(url)
        raise module.httpx.ConnectError("away")

    monkeypatch.setattr(module.httpx, "post", post)
    monkeypatch.setattr(module._post.retry, "sleep", lambda _: None)  # type: ignore[attr-defined]
    assert notify({"webhook": {"enabled": True, "url": "http://127.0.0.1:9/"}}, "no gate") == []
    assert len(tries) == module.TRIES
