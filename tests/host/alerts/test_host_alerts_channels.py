"""Telegram, a webhook and Discord get an alert as each of them takes it."""

from types import SimpleNamespace
from typing import Any

import alert_stage as stage
import pytest
from courier_stage import TEMPLATE, Clock, out, state_of

from freqpilot.host.alerts import channels
from freqpilot.host.alerts import events as alerts

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


def test_modules_that_were_taken_down_are_not_no_channel(run: Any, clock: Clock) -> None:
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts.flush_now(stage.bot_of())
    assert [alert.kind for alert in run.store.alerts()] == ["halt"]


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
