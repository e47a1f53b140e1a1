"""The protections on closed trades, through Freqtrade's own manager and locks."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from freqtrade.exceptions import ConfigurationError
from freqtrade.persistence import FtNoDBContext, PairLocks, Trade
from freqtrade.persistence.models import PairLock
from protection_stage import HOUR, NOON, START, hourly, know, manager, trade

from freqpilot.host.account import locks
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.boot.doors import door_dir
from freqpilot.host.boot.resolvers import class_names
from freqpilot.host.gate.health import Health
from freqpilot.host.run.current import current, end
from freqpilot.risk.account import ledger as ledgers
from freqpilot.risk.account import releases
from freqpilot.risk.account.record import Outcome

DAY = timedelta(days=1)
LIVE = {"runmode": "dry_run"}
NAMES = {
    "ApiErrorRate",
    "CapitalPreservation",
    "CooldownByRegime",
    "DrawdownResponse",
    "LosingStreak",
    "LossLimit",
    "MarketShock",
    "StaleData",
}


@pytest.fixture(autouse=True)
def _no_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    end()
    with FtNoDBContext("1h"):
        PairLocks.reset_locks()
        yield
        PairLocks.reset_locks()
    end()


def locked(protections: Any, now: datetime = NOON) -> PairLock | None:
    return protections.global_stop(now, "long", START)


def test_the_folder_holds_them_all() -> None:
    assert set(class_names(door_dir("protections"))) == NAMES


@pytest.mark.parametrize(
    ("profits", "options", "trips"),
    [
        ([-1] * 4, {}, False),
        ([-1] * 5, {}, True),
        ([-1] * 5 + [1], {}, False),
        ([-1] * 5 + [0], {}, False),
        ([-1] * 4 + [1] + [-1] * 4 + [1], {}, False),  # the newest did not lose
        ([-1] * 4 + [1, -1, 1] + [-1] * 3, {}, True),  # 8 of 10
        ([-1] * 3 + [1, 1, 1] + [-1] * 4, {}, False),  # 7 of 10
        ([-99.9], {}, False),
        ([-100], {}, True),
        ([50, -100], {}, False),  # a net loss of 5 %
        ([-1] * 2, {"losses": 2}, True),
        ([-60], {"net_loss": 0.06}, True),
        ([], {}, False),
    ],
)
def test_losing_streak(
    monkeypatch: pytest.MonkeyPatch, profits: list[float], options: dict[str, Any], trips: bool
) -> None:
    hourly(monkeypatch, *profits)
    lock = locked(manager(monkeypatch, "LosingStreak", stop_duration_candles=24, **options))
    assert (lock is not None) == trips
    if lock:
        assert lock.pair == "*"
        assert lock.lock_end_time == NOON + 25 * HOUR  # Freqtrade rounds up to the next candle
        assert not PairLocks.is_global_lock(NOON + 25 * HOUR)


def test_a_net_loss_counts_its_hours_only(monkeypatch: pytest.MonkeyPatch) -> None:
    protections = manager(monkeypatch, "LosingStreak")
    know(monkeypatch, trade(-99, NOON - 49 * HOUR), trade(-1.1, NOON))
    assert locked(protections) is None
    know(monkeypatch, trade(-99, NOON - 47 * HOUR), trade(-1.1, NOON))
    assert locked(protections) is not None


def test_a_reviewed_streak_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    hourly(monkeypatch, *[-1.0] * 6)
    run = begin({}, live=False)
    observe(run, NOON, START)
    protections = manager(monkeypatch, "LosingStreak", stop_duration=60)
    for n in range(5):
        outcome = Outcome(n, NOON - HOUR * (5 - n), -1.0, -0.001)
        run.state = ledgers.closed(run.state, outcome, run.settings.risk)
    run.state = replace(run.state, record=run.state.record.review())
    assert locked(protections) is None  # one loss since the review


@pytest.mark.parametrize(
    ("trades", "until"),
    [
        ([(-49.9, NOON)], None),
        ([(-50, NOON)], datetime(2024, 3, 7, tzinfo=UTC)),
        ([(30, NOON - HOUR), (-50, NOON)], None),  # net 2 % of the day
        ([(-50, NOON - 13 * HOUR)], None),  # yesterday's
        ([(-49, NOON - 13 * HOUR), (-49, NOON - DAY), (-1.9, NOON)], None),
        ([(-49, NOON - 13 * HOUR), (-49, NOON - DAY), (-2, NOON)], datetime(2024, 3, 11)),
        ([(-99, NOON - 3 * DAY), (-2, NOON)], None),  # last week's
        ([(-199, NOON - 30 * DAY), (-1, NOON)], NOON + 73 * HOUR),  # a backtest's operator
    ],
)
def test_loss_limit(
    monkeypatch: pytest.MonkeyPatch,
    trades: list[tuple[float, datetime]],
    until: datetime | None,
) -> None:
    know(monkeypatch, *(trade(*each) for each in trades))
    lock = locked(manager(monkeypatch, "LossLimit"))
    if until is None:
        assert lock is None
    else:
        assert lock is not None
        assert lock.lock_end_time == until.replace(tzinfo=UTC)


def test_loss_limits_are_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    hourly(monkeypatch, -30.0)
    config = {"freqpilot": {"risk": {"daily_loss": 0.03}}}
    assert locked(manager(monkeypatch, "LossLimit")) is None
    assert locked(manager(monkeypatch, "LossLimit", config)) is not None
    assert locked(manager(monkeypatch, "LossLimit", config, daily=0.031)) is None


def test_loss_limit_counts_open_losses_where_there_is_a_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hourly(monkeypatch, -1.0)
    protections = manager(monkeypatch, "LossLimit")
    begin({}, live=False)
    observe(current(), NOON - HOUR, START)
    observe(current(), NOON, 951.0)
    assert locked(protections) is None
    observe(current(), NOON, 950.0)
    assert locked(protections) is not None


def test_a_part_of_the_balance_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Live, Freqtrade's starting balance is cut by tradable_balance_ratio."""
    hourly(monkeypatch, -30.0)
    begin({}, live=False)
    observe(current(), NOON, START - 30)
    for name in ("LossLimit", "CapitalPreservation", "LosingStreak"):
        assert manager(monkeypatch, name).global_stop(NOON, "long", 0.2 * START) is None


@pytest.mark.parametrize(
    ("profits", "options", "trips"),
    [
        ([-149.9], {}, False),
        ([-150], {}, True),
        ([100, -249], {}, False),
        ([100, -250], {}, True),
        ([-50], {"floor": 0.95}, True),
    ],
)
def test_capital_preservation(
    monkeypatch: pytest.MonkeyPatch, profits: list[float], options: dict[str, Any], trips: bool
) -> None:
    hourly(monkeypatch, *profits)
    lock = locked(manager(monkeypatch, "CapitalPreservation", **options))
    assert (lock is not None) == trips
    if lock:
        assert lock.lock_end_time == NOON + 73 * HOUR


def test_live_it_waits_for_a_person_and_a_release_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hourly(monkeypatch, -150.0)
    now = datetime.now(UTC)
    run = begin({}, live=False)
    observe(run, now - HOUR, START)
    observe(run, now, 850.0)
    assert run.state.halted
    protections = manager(monkeypatch, "CapitalPreservation", LIVE)
    lock = locked(protections, now)
    assert lock is not None
    assert lock.reason.endswith(locks.HELD)
    assert lock.lock_end_time > now + 3000 * DAY
    monkeypatch.setattr(locks, "_commit", lambda: None)
    locks.follow(run)
    assert PairLocks.is_global_lock(now)  # nobody has released it
    run.state = releases.release(run.state, now + HOUR)
    locks.follow(run)
    assert not PairLocks.is_global_lock(now)
    assert locked(protections, now) is None  # the start is re-based
    PairLocks.lock_pair("*", now + DAY, f"another: {locks.HELD}", now=now + 2 * HOUR)
    run.unlocked = None  # as after a restart
    locks.follow(run)
    assert PairLocks.is_global_lock(now)  # newer than the release


def test_a_lock_of_another_kind_outlives_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    run = begin({}, live=False)
    observe(run, now - HOUR, START)
    observe(run, now, 850.0)
    PairLocks.lock_pair("*", now + DAY, "Mine", now=now)
    monkeypatch.setattr(locks, "_commit", lambda: None)
    run.state = releases.release(run.state, now + HOUR)
    locks.follow(run)
    assert PairLocks.is_global_lock(now)


def trip() -> None:
    begin({}, live=False)
    current().parts.pop(Health, None)
    current().part(Health)
    for _ in range(5):
        current().part(Health).note(failed=True)


def test_api_error_rate_locks_live_while_the_window_is_tripped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trip()
    now = datetime.now(UTC)
    protections = manager(monkeypatch, "ApiErrorRate", LIVE)
    assert locked(protections, now) is None  # 5 of 6
    current().part(Health).note(failed=True)
    lock = locked(protections, now)
    assert lock is not None
    assert "6 of the last 6" in lock.reason
    assert now + timedelta(minutes=5) <= lock.lock_end_time <= now + timedelta(minutes=65)
    assert locked(manager(monkeypatch, "ApiErrorRate"), now) is None  # a backtest


@pytest.mark.parametrize("name", sorted(NAMES))
def test_unknown_options_are_answered_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    handler = manager(monkeypatch, name)._protection_handlers[0]
    for option in handler.available_parameters():
        wrong = option[:-2] + option[-1] if len(option) > 4 else option + "s"
        with pytest.raises(ConfigurationError, match=rf"{wrong}; did you mean {option[:4]}"):
            manager(monkeypatch, name, **{wrong: 1})
    with pytest.raises(ConfigurationError, match="it takes"):
        manager(monkeypatch, name, zzzz=1)


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("LosingStreak", {"losses": 0}, "losses to be a whole number at least 1"),
        ("LosingStreak", {"losses": 2.5}, "losses"),
        ("LosingStreak", {"losses_of": 9, "trades": 8}, "losses_of to be at most trades"),
        ("LosingStreak", {"net_loss": 10}, "between 0 and 1"),
        ("LosingStreak", {"hours": float("inf")}, "hours"),
        ("LosingStreak", {"stop_duration": -5}, "stop_duration"),
        ("LossLimit", {"daily": 0}, "between 0 and 1"),
        ("LossLimit", {"weekly": float("nan")}, "between 0 and 1"),
        ("LossLimit", {"total": "0.2"}, "between 0 and 1"),
        ("CapitalPreservation", {"floor": True}, "between 0 and 1"),
        ("CapitalPreservation", {"floor": 85}, "between 0 and 1"),
        ("ApiErrorRate", {"stop_duration": 0}, "stop_duration"),
        ("MarketShock", {"fall": 7}, "between 0 and 1"),
        ("MarketShock", {"range_multiple": 1}, "above 1"),
        ("MarketShock", {"pair": 3}, "a text"),
        ("StaleData", {"max_stale_share": 0}, "above 0 and at most 1"),
        ("CooldownByRegime", {"high_ratio": 3}, "extreme_ratio"),
        ("CooldownByRegime", {"high_factor": 0.5}, "high_factor"),
    ],
)
def test_a_bad_option_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ConfigurationError, match=text) as error:
        manager(monkeypatch, name, **options)
    assert "mend" in str(error.value)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_they_describe_themselves(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    protections = manager(monkeypatch, name)
    (described,) = protections.short_desc()
    assert described[name].startswith(f"{name} - ")
    handler = protections._protection_handlers[0]
    assert handler.description().endswith(".")
    assert handler.has_global_stop or handler.has_local_stop
    form = handler.available_parameters()
    assert all({"type", "default", "description", "help"} <= set(each) for each in form.values())
    given = {option: each["default"] for option, each in form.items()}
    if given.get("unlock_at", 0) is None:
        del given["unlock_at"]
    given = {option: value for option, value in given.items() if value is not None}
    assert manager(monkeypatch, name, **given).short_desc() == [described]


def test_a_fault_locks_live_and_is_shown_in_a_backtest(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> list[Any]:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr(Trade, "get_trades_proxy", staticmethod(broken))
    lock = locked(manager(monkeypatch, "LossLimit", LIVE))
    assert lock is not None
    assert lock.lock_end_time == NOON + 2 * HOUR
    assert "RuntimeError" in lock.reason
    with pytest.raises(RuntimeError):
        locked(manager(monkeypatch, "LossLimit"))
