"""The protection as Freqtrade's resolver finds it, on closed trades of a backtest."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.exceptions import ConfigurationError
from freqtrade.persistence import Trade
from freqtrade.plugins.protections import IProtection, ProtectionReturn
from freqtrade.resolvers import ProtectionResolver

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.boot.doors import door_dir
from freqpilot.host.run.current import current, end

NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)
CONFIG = {"timeframe": "1h", "runmode": "backtest"}


@pytest.fixture(autouse=True)
def _no_run() -> Iterator[None]:
    end()
    yield
    end()


def make(**options: Any) -> IProtection:
    (found,) = [
        item["class"]
        for item in ProtectionResolver._search_all_objects(
            door_dir("protections"), enum_failed=False
        )
        if item["name"] == "DrawdownResponse"
    ]
    protection = found(CONFIG, {"method": "DrawdownResponse", **options})
    assert isinstance(protection, IProtection)
    return protection


def closed(monkeypatch: pytest.MonkeyPatch, *profits: float) -> None:
    """Let Freqtrade know trades that closed one an hour from noon, the newest first."""
    trades = [
        SimpleNamespace(
            close_profit_abs=profit,
            close_date=NOON + timedelta(hours=number),
            close_date_utc=NOON + timedelta(hours=number),
        )
        for number, profit in enumerate(profits)
    ][::-1]

    def proxy(*, is_open: bool) -> list[Any]:
        assert not is_open
        return list(trades)

    monkeypatch.setattr(Trade, "get_trades_proxy", staticmethod(proxy))


def ask(protection: IProtection) -> ProtectionReturn | None:
    return protection.global_stop(NOON + timedelta(hours=9), "long", 1000.0)


@pytest.mark.parametrize(
    ("profits", "locked"),
    [
        ([], False),
        ([-99.9], False),
        ([-100.0], True),
        ([500.0, -149.0], False),
        ([500.0, -150.0], True),  # 10 % of the peak, not of the start
        ([-100.0, 50.0], False),
        ([500.0, -200.0, 40.0], True),  # still 10.7 % below the peak
    ],
)
def test_lock_at_the_limit(
    monkeypatch: pytest.MonkeyPatch, profits: list[float], locked: bool
) -> None:
    closed(monkeypatch, *profits)
    verdict = ask(make(stop_duration_candles=24))
    assert (verdict is not None) == locked
    if verdict:
        assert verdict.lock
        assert verdict.lock_side == "*"
        assert verdict.until == NOON + timedelta(hours=len(profits) - 1 + 24)
        assert "%" in str(verdict.reason)


def test_max_drawdown_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    closed(monkeypatch, -60.0)
    assert ask(make(max_drawdown=0.06)) is not None
    assert ask(make(max_drawdown=0.061)) is None


def test_open_losses_count_where_there_is_a_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    closed(monkeypatch, -10.0)
    protection = make()
    assert ask(protection) is None
    begin({}, live=False)
    assert ask(protection) is None  # nothing observed yet
    observe(current(), NOON, 1000.0)
    observe(current(), NOON + timedelta(hours=1), 890.0)
    assert ask(protection) is not None


def test_a_released_halt_begins_a_new_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    closed(monkeypatch, -250.0, 5.0)
    protection = make()
    assert ask(protection) is not None
    begin({}, live=False)
    observe(current(), NOON - timedelta(hours=80), 1000.0)
    observe(current(), NOON - timedelta(hours=79), 750.0)
    observe(current(), NOON + timedelta(minutes=30), 750.0)  # the simulated operator's turn
    assert current().state.releases == 1
    assert ask(protection) is None


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_drawdwon": 0.1}, "max_drawdwon"),
        ({"lookback_period_candles": 24}, "no lookback"),
        ({"max_drawdown": 10}, "between 0 and 1"),
        ({"max_drawdown": 0}, "between 0 and 1"),
        ({"max_drawdown": "0.1"}, "between 0 and 1"),
        ({"max_drawdown": True}, "between 0 and 1"),
        ({"max_drawdown": float("nan")}, "between 0 and 1"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        make(**options)


def test_it_describes_itself() -> None:
    protection = make(max_drawdown=0.12, stop_duration_candles=24)
    assert protection.has_global_stop
    assert not protection.has_local_stop
    assert "12.0%" in protection.short_desc()
    assert "24 candles" in protection.short_desc()
    assert protection.stop_per_pair("BTC/USDT", NOON, "long", 1000.0) is None
