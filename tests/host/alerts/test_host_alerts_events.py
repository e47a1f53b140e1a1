"""Alerts leave the machine: at once or gathered, again when they fail, once a channel, and whatever
they hold."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import alert_stage as stage
import pytest
import time_machine
from sqlalchemy.exc import OperationalError

from freqpilot.host.account import flows
from freqpilot.host.account.begin import begin
from freqpilot.host.alerts import channels, couriers
from freqpilot.host.alerts import events as alerts
from freqpilot.host.gate import health
from freqpilot.host.run.current import end
from freqpilot.host.trading import couples
from freqpilot.risk import rebase
from freqpilot.store import Alert, Store, memory_store

NOW = datetime(2024, 3, 6, 12, 30, tzinfo=UTC)
TEMPLATE = {"warning": {"text": "{status}"}}


class Clock:
    """The bot's clock; ``loop`` is one turn of its live loop."""

    def __init__(self, travel: Any) -> None:
        self._travel = travel
        self.now = NOW

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)
        self._travel.move_to(self.now)

    def loop(self, bot: Any, **span: float) -> None:
        if span:
            self.move(**span)
        # The second turn is for what came while a channel was busy.
        for _ in range(2):
            alerts.step(bot)
            alerts._sender.join(20)
        alerts.step(bot)


@pytest.fixture
def clock() -> Iterator[Clock]:
    alerts.begin_anew()
    channels._named.clear()
    with time_machine.travel(NOW, tick=False) as travel:
        yield Clock(travel)
    alerts.begin_anew()
    end()


def begun(folder: Path) -> Any:
    """Begin a live run with its store in a folder."""
    config = {"freqpilot": {"risk": {"book": {"enabled": False}}}, "user_data_dir": folder}
    return begin(config, live=True)


@pytest.fixture
def run(clock: Clock, tmp_path: Path) -> Any:
    return begun(tmp_path)


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def _phone() -> Iterator[tuple[stage.Server, Any]]:
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


@contextmanager
def out(run: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take a run's store away for a while."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OperationalError("", {}, Exception("database is locked"))

    with monkeypatch.context() as patch:
        for name in ("add_event", "alerts", "take_alerts", "save_alerts", "alerts_sent"):
            patch.setattr(run.store, name, refuse)
        yield


def state_of(store: Store, text: str) -> str:
    """Return the state that the outbox keeps of the alert with a text."""
    from sqlalchemy import text as sql

    with store._engine.connect() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(sql("SELECT state FROM alert WHERE text = :text"), {"text": text})
        return str(rows.scalars().one())


HOSTILE = "max_open_trades *of* the `fleet`: <b>bold</b> & <script> [x](y) _one \N{PILE OF POO}"


def test_what_markdown_would_break_on_arrives_as_it_is(
    run: Any, clock: Clock, telegram: Any, phone: stage.Server
) -> None:
    alerts.record(run, "halt", "EMERGENCY", HOSTILE)
    clock.loop(telegram)
    (post,) = phone.posts
    assert post["text"] == f"EMERGENCY mine: 2024-03-06 12:30 UTC halt: {HOSTILE}"
    assert (post["chat_id"], post["parse_mode"]) == ("42", "HTML")
    assert run.store.alerts() == []
    assert state_of(run.store, HOSTILE) == "sent"


def test_no_setting_for_custom_messages_is_needed(
    run: Any, clock: Clock, telegram: Any, phone: stage.Server, server: stage.Server
) -> None:
    """What Freqtrade's own queue of messages asks for, under a name that no config has."""
    module = stage.webhook_of(server, **TEMPLATE)
    assert "allow_custom_messages" not in module._config["webhook"]
    telegram.rpc.registered_modules.append(module)
    alerts.record(run, "blocked", "CRITICAL", "the key is refused")
    clock.loop(telegram)
    assert len(phone.posts) == len(server.posts) == 1


def test_a_long_text_is_cut_to_what_telegram_takes(
    run: Any, clock: Clock, telegram: Any, phone: stage.Server
) -> None:
    alerts.record(run, "halt", "EMERGENCY", "\N{PILE OF POO}<_" * 5_000)
    clock.loop(telegram)
    (text,) = phone.texts
    assert text.endswith("freqpilot events")
    assert 3_900 < len(text.encode("utf-16-le")) // 2 <= 4_096


def test_the_topic_of_a_group_is_kept(
    run: Any, clock: Clock, telegram: Any, phone: stage.Server
) -> None:
    telegram.rpc.registered_modules[0]._config["telegram"]["topic_id"] = "7"
    alerts.record(run, "halt", "EMERGENCY", "text")
    clock.loop(telegram)
    assert phone.posts[0]["message_thread_id"] == "7"


@pytest.mark.parametrize(
    ("setting", "level", "arrives", "silent"),
    [
        ("off", "WARNING", False, False),
        ("silent", "WARNING", True, True),
        ("on", "WARNING", True, False),
        ("off", "CRITICAL", True, False),
        ("silent", "CRITICAL", True, False),
        ("off", "EMERGENCY", True, False),
        ("silent", "EMERGENCY", True, False),
    ],
)
def test_only_warnings_can_be_switched_off(
    run: Any,
    clock: Clock,
    telegram: Any,
    phone: stage.Server,
    setting: str,
    level: str,
    arrives: bool,
    silent: bool,
) -> None:
    section = telegram.rpc.registered_modules[0]._config["telegram"]
    section["notification_settings"] = {"warning": setting}
    alerts.record(run, "something", level, "text")
    clock.loop(telegram)
    assert len(phone.posts) == arrives
    assert all((post.get("disable_notification") == "true") == silent for post in phone.posts)
    assert run.store.alerts() == []


LATER = (429, {"ok": False, "error_code": 429, "parameters": {"retry_after": 45}})


# Raised within python-telegram-bot itself.
@pytest.mark.filterwarnings("ignore:.*retry_after")
@pytest.mark.parametrize(
    ("fault", "wait"), [(500, 5), ("hang up", 5), (LATER, 45), (403, 5)], ids=str
)
def test_telegram_is_tried_again(
    run: Any,
    clock: Clock,
    telegram: Any,
    phone: stage.Server,
    caplog: pytest.LogCaptureFixture,
    fault: Any,
    wait: int,
) -> None:
    phone.script.extend([fault])
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    clock.loop(telegram)
    assert phone.posts == []
    assert [alert.tries for alert in run.store.alerts()] == [1]
    clock.loop(telegram, seconds=wait - 1)
    assert (phone.posts, phone.asked) == ([], 1)
    clock.loop(telegram, seconds=1)
    assert len(phone.posts) == 1
    clock.loop(telegram, hours=1)
    assert len(phone.posts) == 1
    assert "did not leave by telegram" in caplog.text
    assert stage.TOKEN not in caplog.text


def test_a_telegram_that_hangs_is_tried_again(
    run: Any,
    clock: Clock,
    telegram: Any,
    phone: stage.Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(channels, "ANSWER", 0.3)
    phone.open.clear()
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    clock.loop(telegram)
    assert "gave no answer" in caplog.text
    assert [alert.tries for alert in run.store.alerts()] == [1]
    monkeypatch.undo()
    phone.open.set()
    clock.loop(telegram, seconds=5)
    assert run.store.alerts() == []
    assert phone.texts[-1].endswith("halt: the drawdown")


def test_a_webhook_that_hangs_is_tried_again(
    run: Any, clock: Clock, server: stage.Server, caplog: pytest.LogCaptureFixture
) -> None:
    bot = stage.bot_of(stage.webhook_of(server, timeout=0.3, **TEMPLATE))
    server.open.clear()
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    clock.loop(bot)
    assert "no answer (ReadTimeout)" in caplog.text
    assert [alert.tries for alert in run.store.alerts()] == [1]
    server.open.set()
    clock.loop(bot, seconds=5)
    assert run.store.alerts() == []
    assert server.texts[-1].endswith("halt: the drawdown")


def test_a_telegram_that_is_not_up_is_waited_for(
    run: Any, clock: Clock, telegram: Any, phone: stage.Server
) -> None:
    module = telegram.rpc.registered_modules[0]
    asleep = SimpleNamespace(name="telegram", _config=module._config)
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    clock.loop(stage.bot_of(asleep))
    assert [alert.tries for alert in run.store.alerts()] == [1]
    clock.loop(telegram, seconds=5)
    assert len(phone.posts) == 1


@pytest.mark.parametrize("fault", [429, 500, 404, "hang up"])
def test_a_webhook_is_tried_again_with_growing_waits(
    run: Any,
    clock: Clock,
    hook: Any,
    server: stage.Server,
    caplog: pytest.LogCaptureFixture,
    fault: Any,
) -> None:
    waits = (5, 30, 120, 600, 600)
    server.script.extend([fault] * len(waits))
    alerts.record(run, "blocked", "CRITICAL", "the key is refused")
    clock.loop(hook)
    for tries, wait in enumerate(waits, start=1):
        assert server.asked == tries
        clock.loop(hook, seconds=wait - 1)
        assert server.asked == tries
        assert server.posts == []
        clock.loop(hook, seconds=1)
    assert server.texts == ["CRITICAL mine: 2024-03-06 12:30 UTC blocked: the key is refused"]
    assert "hook-secret" not in caplog.text


def test_emergencies_leave_at_once_and_alone_and_the_others_gathered(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    alerts.record(run, "safe mode", "CRITICAL", "the exchange fails")
    clock.loop(hook)
    assert len(server.posts) == 1
    for number in range(3):
        alerts.record(run, "difference", "WARNING", f"coin {chr(65 + number)} is missing")
    alerts.record(run, "stop failed", "CRITICAL", "no stop in BTC/USDT")
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts.record(run, "halt", "EMERGENCY", "the day's loss")
    alerts.record(run, "note", "INFO", "nobody needs this")
    clock.loop(hook, seconds=5)
    assert [text.split(": ")[0] for text in server.texts[1:]] == ["EMERGENCY mine"] * 2
    clock.loop(hook, seconds=54)
    assert len(server.posts) == 3
    clock.loop(hook, seconds=1)
    lines = server.texts[3].splitlines()
    assert lines[0] == "CRITICAL mine: 4 alerts"
    assert lines[1] == "CRITICAL 2024-03-06 12:30 UTC stop failed: no stop in BTC/USDT"
    assert [line.split()[0] for line in lines[1:]] == ["CRITICAL"] + ["WARNING"] * 3
    clock.loop(hook, minutes=10)
    assert len(server.posts) == 4
    assert run.store.alerts() == []


def test_an_emergency_does_not_wait_for_the_end_of_a_loop(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    alerts.step(hook)
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts._sender.join(20)
    assert len(server.posts) == 1


def test_an_emergency_that_is_said_outside_of_a_run_leaves_at_once(
    clock: Clock, hook: Any, server: stage.Server
) -> None:
    alerts.step(hook)
    alerts.say("exits only", "a seam does not fit", level="WARNING")
    alerts._sender.join(20)
    assert server.posts == []
    alerts.say("exits only", "the gate is missing", level="EMERGENCY")
    alerts._sender.join(20)
    assert [text.rpartition(": ")[2] for text in server.texts] == ["the gate is missing"]


def test_an_emergency_waits_for_no_others_retry(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    server.script.extend([500] * 3)
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    for seconds in (0, 5, 30):
        clock.loop(hook, seconds=seconds)
    assert server.posts == []
    alerts.record(run, "flatten", "EMERGENCY", "everything is closed")
    alerts._sender.join(20)
    assert [text.rpartition(": ")[2] for text in server.texts] == ["everything is closed"]
    # Its answer shows that the channel is well.
    clock.loop(hook, seconds=1)
    assert [text.rpartition(": ")[2] for text in server.texts][1:] == ["the drawdown"]


def test_a_channel_that_is_well_again_waits_for_nothing() -> None:
    """An EMERGENCY got through before its retry was due: what is less urgent may follow at once."""
    courier = couriers.Courier("webhook")
    failed = SimpleNamespace(failures=[couriers.NotDelivered("500"), couriers.NotDelivered("429")])
    failed.failures[1].wait = 1_000.0
    alert = Alert(1, "WARNING|veto|A", NOW, NOW, "veto", "WARNING", "spread")
    for wait in couriers.WAITS[:2]:
        courier.note(failed, NOW)  # type: ignore[arg-type]
        assert courier.retry_at == NOW + timedelta(seconds=wait)
        assert courier.asked_until == NOW + timedelta(seconds=1_000), "the longest that is asked"
        assert not courier.may_try(alert, NOW + timedelta(seconds=999))
    courier.note(SimpleNamespace(failures=[]), NOW)  # type: ignore[arg-type]
    assert (courier.failures, courier.retry_at, courier.asked_until) == (0, None, None)
    assert courier.may_try(alert, NOW)


def test_an_event_is_kept_under_the_time_it_happened_at(run: Any, clock: Clock) -> None:
    alerts.record(run, "odd", "WARNING", "earlier", time=NOW - timedelta(minutes=5))
    alerts.record(run, "odd", "WARNING", "now")
    times = {event.text: event.time for event in run.store.events("odd")}
    assert times == {"earlier": NOW - timedelta(minutes=5), "now": NOW}


def test_a_long_list_is_cut_and_names_where_the_whole_is(
    run: Any, clock: Clock, telegram: Any, phone: stage.Server
) -> None:
    for number in range(30):
        alerts.record(run, "difference", "WARNING", f"{'x' * 500} {chr(65 + number)}")
    clock.loop(telegram)
    (text,) = phone.texts
    assert text.endswith("and 18 more: freqpilot events")
    assert run.store.alerts() == []


def test_a_refusal_each_loop_is_a_message_an_hour(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    for turn in range(3 * 60):
        for pair in ("BTC/USDT", "ETH/USDT"):
            about = {"pair": pair, "rule": "spread"}
            text = f"{pair}: the spread is {turn / 100} %"
            alerts.record(run, "veto", "WARNING", text, about)
        clock.loop(hook, minutes=1)
    assert len(server.posts) == 3
    assert server.texts[0].count("veto") == 2
    assert "(60 times until 2024-03-06 13:30 UTC)" in server.texts[1]
    assert len(run.store.events("veto", 1_000)) == 360


def test_a_repeat_is_held_back_across_a_restart(
    run: Any, clock: Clock, hook: Any, server: stage.Server, tmp_path: Path
) -> None:
    alerts.record(run, "veto", "WARNING", "spread", {"pair": "A/B", "rule": "spread"})
    clock.loop(hook)
    alerts.begin_anew()
    again = begun(tmp_path)
    alerts.record(again, "veto", "WARNING", "spread", {"pair": "A/B", "rule": "spread"})
    clock.loop(hook, minutes=30)
    assert len(server.posts) == 1
    clock.loop(hook, minutes=31)
    assert len(server.posts) == 2


def test_a_clock_that_was_set_back_holds_up_nothing(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    clock.move(days=30)
    alerts.record(run, "stop failed", "CRITICAL", "no stop")
    clock.loop(hook)
    server.script.append(500)
    alerts.record(run, "difference", "WARNING", "a coin")
    clock.loop(hook, minutes=1)
    assert len(server.posts) == 1
    alerts.record(run, "stop failed", "CRITICAL", "no stop")
    clock.loop(hook, days=-30)
    assert len(server.posts) == 2
    assert run.store.alerts() == []


def test_what_ends_and_begins_again_is_news(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    for kind in ("safe mode", "safe mode over", "safe mode", "safe mode over"):
        alerts.record(run, kind, "CRITICAL", "the exchange")
        clock.loop(hook, minutes=1)
    assert len(server.posts) == 4


def test_after_a_release_a_halt_is_news(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    for kind, level in (("halt", "EMERGENCY"), ("release", "CRITICAL"), ("halt", "EMERGENCY")):
        alerts.record(run, kind, level, "the drawdown")
        clock.loop(hook, minutes=1)
    assert [text.split()[0] for text in server.texts] == ["EMERGENCY", "CRITICAL", "EMERGENCY"]


def test_another_process_is_heard_too(
    run: Any, clock: Clock, hook: Any, server: stage.Server, tmp_path: Path
) -> None:
    """As ``freqpilot release`` and ``freqpilot flow`` do."""
    from freqpilot.store import open_store

    other = open_store(f"sqlite:///{tmp_path}/freqpilot.sqlite")
    other.add_event(NOW, "release", "CRITICAL", "by a person")
    other.close()
    clock.loop(hook)
    assert server.texts == ["CRITICAL mine: 2024-03-06 12:30 UTC release: by a person"]


def test_what_was_not_delivered_is_sent_after_a_restart(
    run: Any, clock: Clock, hook: Any, server: stage.Server, tmp_path: Path
) -> None:
    server.script.append(500)
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts.record(run, "note", "WARNING", "waits for its minute")
    clock.loop(hook)
    alerts.begin_anew()
    begun(tmp_path)
    clock.loop(hook, days=3)
    assert "EMERGENCY mine: 2024-03-06 12:30 UTC halt: the drawdown" in server.texts
    assert len(server.posts) == 2


def test_a_channel_that_has_it_is_not_sent_it_again(
    run: Any,
    clock: Clock,
    hook: Any,
    server: stage.Server,
    telegram: Any,
    phone: stage.Server,
    tmp_path: Path,
) -> None:
    phone.script.extend([500] * 3)
    both = stage.bot_of(*hook.rpc.registered_modules, *telegram.rpc.registered_modules)
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    clock.loop(both)
    clock.loop(both, seconds=5)
    assert [alert.channels for alert in run.store.alerts()] == [("webhook",)]
    alerts.begin_anew()
    again = begun(tmp_path)
    clock.loop(both, seconds=5)
    clock.loop(both, seconds=5)
    assert (len(server.posts), len(phone.posts)) == (1, 1)
    assert again.store.alerts() == []


def test_after_a_day_it_is_given_up_and_kept(
    run: Any, clock: Clock, hook: Any, server: stage.Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.script.extend([500] * 1_000)
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    clock.loop(hook)
    for _ in range(30):
        clock.loop(hook, hours=1)
    assert run.store.alerts() == []
    assert state_of(run.store, "the drawdown") == "given up"
    assert "could not be delivered: the drawdown" in caplog.text
    tries = server.asked
    clock.loop(hook, hours=1)
    assert server.asked == tries
    assert tries == 25


@pytest.mark.parametrize(
    ("section", "post"),
    [
        ({"warning": {"w": "{status}"}, "status": {"s": "{status}"}}, {"w": "{}"}),
        ({"status": {"s": "{status}"}, "strategy_msg": {"m": "{msg}"}}, {"s": "{}"}),
        ({"strategy_msg": {"m": "{msg}"}, "webhookstatus": {"o": "{status}"}}, {"m": "{}"}),
        ({"webhookstatus": {"o": "{status}"}}, {"o": "{}"}),
        ({"format": "form", "warning": {"w": "a {status} b"}}, {"w": "a {} b"}),
        ({"format": "raw", "warning": {"data": "{status}"}}, {"raw": "{}"}),
        ({"warning": {"a": {"b": ["{status}", 1]}}}, {"a": {"b": ["{}", 1]}}),
    ],
)
def test_a_webhook_gets_the_template_that_its_user_has(
    run: Any, clock: Clock, server: stage.Server, section: dict[str, Any], post: dict[str, Any]
) -> None:
    alerts.record(run, "halt", "EMERGENCY", "the drawdown {of} 20 % – _now_")
    clock.loop(stage.bot_of(stage.webhook_of(server, **section)))
    text = "EMERGENCY mine: 2024-03-06 12:30 UTC halt: the drawdown {of} 20 % – _now_"

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [filled(each) for each in value]
        return value.replace("{}", text) if isinstance(value, str) else value

    assert server.posts == [filled(post)]


@pytest.mark.parametrize("module", [stage.webhook_of, stage.discord_of])
def test_without_a_template_nothing_is_invented(
    run: Any,
    clock: Clock,
    server: stage.Server,
    caplog: pytest.LogCaptureFixture,
    module: Any,
) -> None:
    bot = stage.bot_of(module(server, entry={"x": "{pair}"}))
    for text in ("one", "two"):
        alerts.record(run, text, "EMERGENCY", text)
        clock.loop(bot)
    assert server.asked == 0
    assert caplog.text.count("has no template") == 1
    assert state_of(run.store, "one") == "no channel"


def test_a_template_that_names_what_an_alert_lacks_is_said(
    run: Any, clock: Clock, server: stage.Server, caplog: pytest.LogCaptureFixture
) -> None:
    bot = stage.bot_of(stage.webhook_of(server, warning={"x": "{pair}"}))
    alerts.record(run, "halt", "EMERGENCY", "text")
    clock.loop(bot)
    assert server.asked == 0
    assert "cannot be filled (KeyError: 'pair'); add" in caplog.text


def test_discord_gets_its_fields(run: Any, clock: Clock, server: stage.Server) -> None:
    fields = [{"What": "{status}"}, {"Who": "{bot_name} {strategy}"}]
    bot = stage.bot_of(stage.discord_of(server, warning=fields))
    alerts.record(run, "halt", "EMERGENCY", "x" * 3_000)
    clock.loop(bot)
    (embed,) = server.posts[0]["embeds"]
    assert embed["title"] == "EMERGENCY mine"
    assert [field["name"] for field in embed["fields"]] == ["What", "Who"]
    assert embed["fields"][0]["value"].startswith("EMERGENCY mine: 2024-03-06 12:30 UTC halt: xxx")
    assert len(embed["fields"][0]["value"]) <= 1_024
    assert embed["fields"][1]["value"] == "mine Autopilot"


def test_frequi_is_shown_it_once(run: Any, clock: Clock, hook: Any, server: stage.Server) -> None:
    shown: list[Any] = []
    hook.rpc.registered_modules.append(SimpleNamespace(name="apiserver", send_msg=shown.append))
    server.script.append(500)
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    clock.loop(hook)
    clock.loop(hook, seconds=5)
    (message,) = shown
    assert message["type"] == "warning"
    assert message["status"].startswith("EMERGENCY mine")


def test_where_there_is_no_channel_nothing_piles_up(run: Any, clock: Clock) -> None:
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts.record(run, "note", "WARNING", "a warning")
    clock.loop(stage.bot_of())
    assert run.store.alerts() == []
    assert state_of(run.store, "the drawdown") == state_of(run.store, "a warning") == "no channel"


def test_a_loop_waits_for_no_network(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    server.open.clear()
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    for _ in range(3):
        alerts.step(hook)
    (busy,) = alerts._sender.busy()
    assert busy == run.store.alerts()[0].id
    assert server.posts == []
    server.open.set()
    clock.loop(hook)
    assert (len(server.posts), server.asked) == (1, 1)


def test_with_the_store_out_the_message_leaves_and_the_event_is_kept_later(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.loop(hook)
    with out(run, monkeypatch):
        alerts.record(run, "halt", "EMERGENCY", "the drawdown", {"equity": 800.0})
        alerts.record(run, "blocked", "CRITICAL", "the key is refused")
        alerts.record(run, "note", "INFO", "a note")
        clock.loop(hook)
        clock.loop(hook)
        assert len(server.posts) == 2
    assert run.store.events() == []
    clock.loop(hook, minutes=5)
    kept = [(e.kind, e.level, e.time) for e in run.store.events()]
    assert kept == [
        ("halt", "EMERGENCY", NOW),
        ("blocked", "CRITICAL", NOW),
        ("note", "INFO", NOW),
    ]
    assert run.store.events()[0].data == {"equity": 800.0}
    clock.loop(hook, hours=2)
    assert len(server.posts) == 2
    assert run.store.alerts() == []


def test_with_store_and_channel_out_it_waits_in_memory_then_in_the_store(
    run: Any,
    clock: Clock,
    hook: Any,
    server: stage.Server,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    server.script.extend([500] * 2)
    with out(run, monkeypatch):
        alerts.record(run, "halt", "EMERGENCY", "the drawdown")
        alerts.record(run, "blocked", "CRITICAL", "the key is refused")
        clock.loop(hook)
        assert (server.asked, server.posts) == (2, [])
    alerts.step(hook)
    assert len(alerts.BACKLOG) == 0
    alerts._sender.join(20)
    alerts.begin_anew()
    assert {alert.text for alert in run.store.alerts()} == {"the drawdown", "the key is refused"}
    begun(tmp_path)
    clock.loop(hook, minutes=1)
    assert {text.rpartition(": ")[2] for text in server.texts} >= {"the key is refused"}


def test_what_failed_with_the_store_out_is_tried_again_soon_when_it_is_back(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.loop(hook)
    server.script.extend([500] * 4)
    with out(run, monkeypatch):
        alerts.record(run, "halt", "EMERGENCY", "the drawdown")
        alerts.record(run, "blocked", "CRITICAL", "the key is refused")
        clock.loop(hook)
    assert server.posts == []
    for _ in range(4):
        clock.loop(hook, minutes=1)
    assert len(server.posts) == 2
    assert run.store.alerts() == []


def test_what_is_on_its_way_when_the_store_comes_back_is_sent_once(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.open.clear()
    with out(run, monkeypatch):
        alerts.record(run, "halt", "EMERGENCY", "the drawdown")
        alerts.step(hook)
    alerts.step(hook)
    server.open.set()
    clock.loop(hook)
    clock.loop(hook, hours=2)
    assert len(server.posts) == 1
    assert [event.text for event in run.store.events()] == ["the drawdown"]
    assert run.store.alerts() == []


def test_what_was_delivered_while_the_store_is_out_is_not_sent_again(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts.step(hook)
    alerts._sender.join(20)
    with out(run, monkeypatch):
        for _ in range(3):
            clock.loop(hook, minutes=1)
    clock.loop(hook, minutes=1)
    assert len(server.posts) == 1
    assert state_of(run.store, "the drawdown") == "sent"


def test_what_is_said_before_a_run_has_begun_arrives(
    clock: Clock, hook: Any, server: stage.Server, tmp_path: Path
) -> None:
    alerts.say("start", "exits only", "EMERGENCY", cause="store")
    alerts.flush_now(None, 1)
    assert server.asked == 0
    run = begun(tmp_path)
    clock.loop(hook)
    assert server.texts == ["EMERGENCY mine: 2024-03-06 12:30 UTC start: exits only"]
    assert run.store.events("start")[0].data == {"cause": "store"}


def test_what_is_said_without_any_run_arrives_too(
    clock: Clock, hook: Any, server: stage.Server
) -> None:
    alerts.say("start", "the store is damaged", "EMERGENCY")
    clock.loop(hook)
    clock.loop(hook, hours=2)
    assert len(server.posts) == 1


def test_before_an_end_the_emergencies_are_sent_and_waited_for(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts.record(run, "note", "WARNING", "can wait")
    alerts.flush_now(hook)
    assert [text.split()[0] for text in server.texts] == ["EMERGENCY"]
    assert [alert.kind for alert in run.store.alerts()] == ["note"]
    server.script.append(500)
    alerts.record(run, "flatten", "EMERGENCY", "dead with positions open")
    alerts.flush_now()
    assert len(server.posts) == 2, "it is tried a second time"


def test_modules_that_were_taken_down_are_not_no_channel(run: Any, clock: Clock) -> None:
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts.flush_now(stage.bot_of())
    assert [alert.kind for alert in run.store.alerts()] == ["halt"]


def test_record_never_raises(run: Any, clock: Clock) -> None:
    naive = NOW.replace(tzinfo=None)
    alerts.record(run, "odd", "LOUD", "a level that is none", {"x": object()}, time=naive)
    alerts.record(SimpleNamespace(live=False), "odd", "WARNING", "no store")  # type: ignore[arg-type]
    alerts.step(SimpleNamespace())
    alerts.flush_now(SimpleNamespace())
    (event,) = run.store.events()
    assert (event.level, event.time) == ("CRITICAL", NOW)


def test_a_text_that_no_encoding_knows_arrives(
    run: Any,
    clock: Clock,
    telegram: Any,
    phone: stage.Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with out(run, monkeypatch):
        alerts.record(run, "halt", "EMERGENCY", "half \ud800 a character\0")
        clock.loop(telegram)
    assert "a character" in phone.texts[0]
    assert caplog.text.encode(), "a log file can hold it too"


def test_a_backtest_keeps_the_event_and_sends_nothing(clock: Clock) -> None:
    memory = SimpleNamespace(live=False, store=memory_store())
    alerts.record(memory, "halt", "EMERGENCY", "the drawdown", time=NOW)  # type: ignore[arg-type]
    assert [event.text for event in memory.store.events()] == ["the drawdown"]
    assert len(alerts.BACKLOG) == 0


def test_the_text_is_logged_at_its_severity(
    run: Any, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for level in ("INFO", "WARNING", "CRITICAL", "EMERGENCY"):
        alerts.record(run, "odd", level, f"of {level}")
    logged = {r.getMessage(): r.levelname for r in caplog.records if r.name == alerts.__name__}
    assert logged == {
        "of INFO": "INFO",
        "of WARNING": "WARNING",
        "of CRITICAL": "CRITICAL",
        "of EMERGENCY": "CRITICAL",
    }


def test_any_thread_may_record_while_the_loop_sends(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    clock.loop(hook)

    def write(name: str) -> None:
        for number in range(6):
            level = "EMERGENCY" if number % 2 else "CRITICAL"
            alerts.record(run, f"{name} {chr(65 + number)}", level, "text")

    threads = [threading.Thread(target=write, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for _ in range(10):
        alerts.step(hook)
    for thread in threads:
        thread.join()
    clock.loop(hook)
    clock.loop(hook, minutes=1)
    clock.loop(hook, minutes=1)
    told = "\n".join(server.texts)
    wanted = [f"{name} {chr(65 + number)}:" for name in "abc" for number in range(6)]
    assert [told.count(each) for each in wanted] == [1] * 18
    assert run.store.alerts() == []


def test_a_block_seen_in_another_thread_arrives_with_the_store_out(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.loop(hook)
    state = health.Health()
    state.begin()
    with out(run, monkeypatch):
        monkeypatch.setattr(run.store, "save_state", run.store.add_event)
        thread = threading.Thread(target=state.block, args=("the key is refused",))
        thread.start()
        thread.join()
        clock.loop(hook)
    assert server.texts == ["CRITICAL mine: 2024-03-06 12:30 UTC blocked: the key is refused"]


def test_safe_mode_arrives_with_the_store_out(
    run: Any, clock: Clock, hook: Any, server: stage.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.loop(hook)
    state = health.Health()
    state.begin()
    for _ in range(100):
        state.note(failed=True)
    with out(run, monkeypatch):
        monkeypatch.setattr(run.store, "save_state", run.store.add_event)
        with pytest.raises(OperationalError):
            state.look()
        clock.loop(hook)
    assert server.texts[0].startswith("CRITICAL mine: 2024-03-06 12:30 UTC safe mode: ")


def test_missing_money_and_a_broken_couple_arrive(
    run: Any, clock: Clock, hook: Any, server: stage.Server
) -> None:
    flows._report(run, rebase.Seen(run.state, run.watch, missing=120.0), NOW)
    trade = SimpleNamespace(pair="ETH/USDT", enter_tag="pairs_long")
    couples._tell(trade, "orphan_leg")
    clock.loop(hook)
    assert "120.00 is gone" in server.texts[0]
    assert "ETH/USDT is closed (orphan leg): pairs_long" in server.texts[0]


def test_the_backlog_lets_the_least_urgent_go_first(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from freqpilot.host.alerts import backlog

    monkeypatch.setattr(backlog, "MOST", 3)
    for level in ("EMERGENCY", "WARNING", "CRITICAL", "WARNING", "EMERGENCY"):
        alerts.say("odd", level, level)
    assert alerts.BACKLOG.texts() == ["EMERGENCY", "CRITICAL", "EMERGENCY"]


@pytest.mark.parametrize(
    ("config", "well", "words"),
    [
        ({"dry_run": True}, True, "the log alone"),
        ({"dry_run": False}, False, '"telegram": {"enabled": true'),
        ({"dry_run": False, "telegram": {"enabled": True}}, True, "alerts leave by telegram"),
        ({"webhook": {"enabled": True}}, False, channels.WEBHOOK_LINE),
        ({"webhook": {"enabled": True, "status": {"x": "y"}}}, True, "alerts leave by webhook"),
        ({"discord": {"enabled": True, "exit_fill": []}}, False, channels.DISCORD_LINE),
        ({"discord": {"enabled": False}}, True, "the log alone"),
        (
            {"telegram": {"enabled": True}, "webhook": {"enabled": True}},
            True,
            "alerts leave by telegram; webhook has no template",
        ),
    ],
)
def test_doctor_says_how_alerts_leave(config: dict[str, Any], well: bool, words: str) -> None:
    found, text = channels.describe(config)
    assert found == well
    assert words in text


def test_the_seam_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from freqtrade.rpc.webhook import Webhook

    (seam,) = channels.SEAMS
    seam.check()
    monkeypatch.delattr(Webhook, "recursive_format")
    with pytest.raises(channels.SeamError, match="recursive_format"):
        seam.check()


def test_an_alert_of_another_store_with_the_same_id_is_another() -> None:
    from freqpilot.host.alerts.couriers import _identity

    one = Alert(1, "a", NOW, NOW, "halt", "WARNING", "x")
    assert _identity(one) != _identity(Alert(1, "b", NOW, NOW, "halt", "WARNING", "x"))
