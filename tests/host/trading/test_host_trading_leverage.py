"""The leverage that the pack's strategies ask for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.run.current import current, end
from freqpilot.host.trading.base import BaseStrategy
from freqpilot.host.trading.coupled import CoupleStrategy
from freqpilot.host.trading.leverage import chosen

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def after() -> Iterator[None]:
    yield
    end()


def exchange(rate: float = 0.01) -> Any:
    asked: list[tuple[str, float]] = []

    def ratio(pair: str, notional: float) -> tuple[float, float]:
        asked.append((pair, notional))
        return rate, 0.0

    return SimpleNamespace(
        get_maintenance_ratio_and_amt=ratio, liquidation_buffer=0.05, asked=asked
    )


def account(equity: float = 6_000.0, supervisor: bool = True, **risk: Any) -> None:
    begin({"freqpilot": {"supervisor": supervisor, "risk": risk}}, live=False)
    observe(current(), NOW, equity)


@pytest.mark.parametrize(
    ("equity", "risk", "most", "leverage"),
    [
        (6_000.0, {}, 20.0, 1.0),  # the default
        (6_000.0, {"leverage": 2}, 20.0, 2.0),
        (6_000.0, {"leverage": 5}, 20.0, 3.0),  # the tier
        (1_000.0, {"leverage": 5}, 20.0, 1.0),
        (6_000.0, {"leverage": 3}, 2.0, 2.0),  # the exchange
    ],
)
def test_it_is_what_the_config_asks_for_within_tier_and_exchange(
    equity: float, risk: dict[str, Any], most: float, leverage: float
) -> None:
    account(equity, **risk)
    assert chosen("SOL/USDT:USDT", most, -0.1, exchange()) == leverage


def test_a_maintenance_rate_of_the_position_that_may_come_counts() -> None:
    account(leverage=3)
    venue = exchange(rate=0.2)
    assert chosen("SOL/USDT:USDT", 20.0, -0.2, venue) == pytest.approx(
        (0.95 / 1.2 - 0.4) / (0.2 * 0.95 / 1.2)
    )
    assert venue.asked == [("SOL/USDT:USDT", 6_000 * 0.10 * 3)]


def test_what_cannot_be_told_is_no_leverage(caplog: pytest.LogCaptureFixture) -> None:
    account(leverage=3)
    assert chosen("SOL/USDT:USDT", 20.0, -0.1, SimpleNamespace()) == 1.0  # type: ignore[arg-type]
    assert "The leverage of SOL/USDT:USDT could not be told; it is 1" in caplog.text
    end()
    assert chosen("SOL/USDT:USDT", 20.0, -0.1, exchange()) == 1.0


def test_without_a_supervisor_the_config_alone_decides() -> None:
    account(supervisor=False, leverage=5)
    assert chosen("SOL/USDT:USDT", 20.0, -0.1, exchange()) == 5.0


def test_strategies_of_the_pack_ask_for_it_and_couples_for_none() -> None:
    account(leverage=2)
    mine: Any = SimpleNamespace(stoploss=-0.1, dp=SimpleNamespace(_exchange=exchange()))
    call = {"pair": "SOL/USDT:USDT", "max_leverage": 20.0, "proposed_leverage": 1.0, "side": "long"}
    assert BaseStrategy.leverage(mine, **call) == 2.0
    assert CoupleStrategy.leverage(mine, **call) == 1.0
