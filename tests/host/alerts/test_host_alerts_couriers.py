"""Alerts leave at once or gathered, again when they fail, and once a channel."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import alert_stage as stage
import pytest
from courier_stage import NOW, TEMPLATE, Clock, begun, state_of

from freqpilot.host.alerts import channels, couriers
from freqpilot.host.alerts import events as alerts
from freqpilot.store import Alert

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


@pytest.mark.parametrize(
    ("change", "who"),
    [
        ({"dry_run": False, "exchange": {"name": "kraken"}}, "mine (unproven exchange: kraken): "),
        ({"dry_run": False, "exchange": {"name": "binance"}}, "mine: "),
        ({"dry_run": True, "exchange": {"name": "kraken"}}, "mine: "),
    ],
)
def test_each_message_names_an_unproven_exchange(
    run: Any, clock: Clock, telegram: Any, phone: stage.Server, change: dict[str, Any], who: str
) -> None:
    telegram.config.update(change)
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts.record(run, "difference", "WARNING", "one more")
    clock.loop(telegram)
    clock.loop(telegram, minutes=2)
    assert len(phone.texts) == 2
    assert all(who in text for text in phone.texts)


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


def test_where_there_is_no_channel_nothing_piles_up(run: Any, clock: Clock) -> None:
    alerts.record(run, "halt", "EMERGENCY", "the drawdown")
    alerts.record(run, "note", "WARNING", "a warning")
    clock.loop(stage.bot_of())
    assert run.store.alerts() == []
    assert state_of(run.store, "the drawdown") == state_of(run.store, "a warning") == "no channel"


def test_an_alert_of_another_store_with_the_same_id_is_another() -> None:
    from freqpilot.host.alerts.couriers import _identity

    one = Alert(1, "a", NOW, NOW, "halt", "WARNING", "x")
    assert _identity(one) != _identity(Alert(1, "b", NOW, NOW, "halt", "WARNING", "x"))
