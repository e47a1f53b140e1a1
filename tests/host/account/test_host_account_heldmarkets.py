"""The markets are asked for again while a pair that is held is not among them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from freqpilot.host.account.begin import begin
from freqpilot.host.account.heldmarkets import PACE, HeldMarkets
from freqpilot.host.run.current import end

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Exchange:
    """Lists pairs, and new ones once it is asked."""

    def __init__(self, *pairs: str) -> None:
        self.markets: dict[str, Any] = {pair: {} for pair in pairs}
        self.asked: list[bool] = []
        self.fault: Exception | None = None

    def reload_markets(self, force: bool) -> None:
        self.asked.append(force)
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def held() -> Any:
    yield HeldMarkets(begin({"freqpilot": {}}, live=False))
    end()


def test_nothing_is_asked_while_all_are_listed(held: HeldMarkets) -> None:
    exchange = Exchange("BTC/USDT", "ETH/USDT")
    held.look(exchange, ["BTC/USDT"], NOW)
    held.look(exchange, [], NOW)
    assert exchange.asked == []


def test_nor_before_the_first_answer(held: HeldMarkets) -> None:
    exchange = Exchange()
    held.look(exchange, ["BTC/USDT"], NOW)
    assert exchange.asked == []


@pytest.mark.parametrize("fault", [None, OSError("down")])
def test_a_missing_one_is_asked_for_every_five_minutes(
    held: HeldMarkets, fault: Exception | None
) -> None:
    exchange = Exchange("ETH/USDT")
    exchange.fault = fault
    for time in (NOW, NOW + SECOND, NOW + PACE - SECOND):
        held.look(exchange, ["BTC/USDT", "ETH/USDT"], time)
    assert exchange.asked == [True]
    held.look(exchange, ["BTC/USDT"], NOW + PACE)
    assert exchange.asked == [True, True]


def test_a_clock_that_was_ahead_does_not_keep_it_away(held: HeldMarkets) -> None:
    exchange = Exchange("ETH/USDT")
    for time in (NOW, NOW - timedelta(days=9)):
        held.look(exchange, ["BTC/USDT"], time)
    assert len(exchange.asked) == 2
