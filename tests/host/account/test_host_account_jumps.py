"""A price that jumped is held against the candles; nothing else costs a request."""

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import ccxt
import pytest

from freqpilot.host.account import jumps
from freqpilot.host.account.jumps import Jumps, Price
from freqpilot.rehearsal.clock import VirtualClock

START = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
HOUR = 3_600_000


class Api:
    """Candles of a pair in ccxt's form, or a fault; and what was asked for."""

    def __init__(self, *rows: list[Any], fault: Exception | None = None) -> None:
        self.rows, self.fault = list(rows), fault
        self.asked: list[tuple[Any, ...]] = []

    def fetch_ohlcv(self, *given: Any, limit: int) -> list[list[Any]]:
        self.asked.append((*given, limit))
        if self.fault is not None:
            raise self.fault
        return self.rows


@pytest.fixture(autouse=True)
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


def row(back: int, high: float, low: float, close: float) -> list[Any]:
    """Return the candle that opened ``back`` hours before this one's hour."""
    opened = int(START.replace(minute=0).timestamp() * 1000) - back * HOUR
    return [opened, close, high, low, close, 7.0]


def of(api: Api) -> Jumps:
    exchange, strategy = SimpleNamespace(_api=api), SimpleNamespace(timeframe="1h")
    return Jumps(SimpleNamespace(exchange=exchange, strategy=strategy))  # type: ignore[arg-type]


CALM = (row(1, 102.0, 98.0, 101.0), row(0, 101.0, 99.0, 100.0))


def test_a_price_that_has_not_jumped_is_not_asked_about() -> None:
    api = Api(*CALM)
    assert of(api).judge("SOL/USDT", 104.0, 100.0) == Price(104.0)
    assert api.asked == []


def test_a_price_that_the_candles_do_not_show_is_replaced_by_the_last_trade() -> None:
    api = Api(row(2, 300.0, 10.0, 20.0), *CALM)
    price = of(api).judge("SOL/USDT", 280.0, 100.0)
    assert (price.rate, price.shown) == (100.0, True)
    assert price.doubt is not None
    assert "gives 280 as the price of SOL/USDT, its candles show 98 to 102" in price.doubt
    assert api.asked == [("SOL/USDT", "1h", 2)]
    assert of(api).judge("SOL/USDT", 60.0, 100.0).rate == 100.0


def test_a_crash_that_the_running_candle_shows_counts() -> None:
    api = Api(CALM[0], row(0, 101.0, 59.0, 60.0))
    assert of(api).judge("SOL/USDT", 58.0, 100.0) == Price(58.0)


@pytest.mark.parametrize(
    "api",
    [
        Api(fault=ccxt.RequestTimeout("no answer")),
        Api(fault=ccxt.NotSupported("fetchOHLCV")),
        Api(),
        Api(row(4, 102.0, 98.0, 101.0), row(3, 102.0, 98.0, 101.0)),
        Api(row(2, 102.0, 98.0, 101.0), row(1, 102.0, 98.0, 101.0)),
        Api(row(1, 102.0, 98.0, 101.0), row(0, 101.0, math.nan, 100.0)),
        Api(row(1, 102.0, 98.0, 101.0), row(0, 101.0, 0.0, 100.0)),
        Api(CALM[0], [CALM[1][0], None, None, None, None, None]),
        Api(["soon"]),
    ],
    ids=[
        "timeout",
        "not supported",
        "none",
        "old",
        "closed ones alone",
        "nan",
        "zero",
        "null",
        "nonsense",
    ],
)
def test_without_candles_a_jump_counts_and_is_not_shown(api: Api) -> None:
    assert of(api).judge("SOL/USDT", 58.0, 100.0) == Price(58.0, shown=False)


def test_after_a_fault_no_more_candles_are_asked_for_in_a_look() -> None:
    api = Api(fault=ccxt.RequestTimeout("no answer"))
    judge = of(api)
    prices = [judge.judge(f"{coin}/USDT", 58.0, 100.0) for coin in "ABC"]
    assert prices == [Price(58.0, shown=False)] * 3
    assert len(api.asked) == 1
    assert of(api).judge("A/USDT", 58.0, 100.0) == Price(58.0, shown=False)
    assert len(api.asked) == 2, "the next look asks again"


def test_after_slow_candles_no_more_are_asked_for_in_a_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api, elapsed = Api(*CALM), iter((0.0, jumps.PATIENCE + 0.1))
    monkeypatch.setattr(time, "monotonic", lambda: next(elapsed))
    judge = of(api)
    assert judge.judge("A/USDT", 280.0, 100.0).rate == 100.0
    assert judge.judge("B/USDT", 280.0, 100.0) == Price(280.0, shown=False)
    assert len(api.asked) == 1


def test_a_pair_that_was_never_priced_is_held_against_its_candles() -> None:
    api = Api(*CALM)
    assert of(api).judge("SOL/USDT", 100.0, math.nan) == Price(100.0)
    assert len(api.asked) == 1
