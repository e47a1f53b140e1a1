"""A run with a webhook or with Telegram, which send to servers on loopback."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import alert_stage as stage
import pytest
import time_machine
from courier_stage import NOW, TEMPLATE, Clock, begun

from freqpilot.host.alerts import channels
from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.current import end


@pytest.fixture
def clock() -> Iterator[Clock]:
    alerts.begin_anew()
    channels._named.clear()
    with time_machine.travel(NOW, tick=False) as travel:
        yield Clock(travel)
    alerts.begin_anew()
    end()


@pytest.fixture
def run(clock: Clock, tmp_path: Path) -> Any:
    return begun(tmp_path)


@pytest.fixture(scope="session")
def _server() -> Iterator[stage.Server]:
    with stage.served() as made:
        yield made


@pytest.fixture
def server(_server: stage.Server) -> stage.Server:
    _server.reset()
    return _server


@pytest.fixture
def hook(server: stage.Server) -> Any:
    """Return a bot with a webhook."""
    return stage.bot_of(stage.webhook_of(server, **TEMPLATE))


@pytest.fixture(scope="session")
def _phone() -> Iterator[tuple[stage.Server, Any]]:
    # It goes on asking while other tests look at their log; Freqtrade quiets it the same way.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with stage.served() as made:
        module = stage.telegram_of(made.url)
        yield made, module
        module.cleanup()
        module._loop.close()


@pytest.fixture
def phone(_phone: tuple[stage.Server, Any]) -> stage.Server:
    _phone[0].reset()
    _phone[1]._config["telegram"] = {"token": stage.TOKEN, "chat_id": "42"}
    return _phone[0]


@pytest.fixture
def telegram(_phone: tuple[stage.Server, Any], phone: stage.Server) -> Any:
    """Return a bot with Telegram, which is up."""
    module = _phone[1]
    for _ in range(200):
        loop = getattr(module, "_loop", None)
        if loop is not None and loop.is_running() and module._app.running:
            return stage.bot_of(module)
        threading.Event().wait(0.05)
    raise AssertionError("Telegram did not start")
