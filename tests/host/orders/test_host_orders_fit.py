"""Whether an order that was found can be the one that was meant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import ccxt
import pytest

from freqpilot.execution.venues import Venue, venue_of
from freqpilot.host.orders.fit import LONGEST, earliest, misfit
from freqpilot.shapes import OrderIntent

SENT = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
INTENT = OrderIntent(
    "fq-aaaaaaaa-7-exit-1",
    "SOL/USDT",
    "sell",
    "exit",
    7,
    "market",
    1.5,
    None,
    None,
    1.0,
    None,
    SENT,
)
MILLIS = int(SENT.timestamp() * 1000)
ORDER: dict[str, Any] = {"id": "77", "side": "sell", "amount": 1.5, "timestamp": MILLIS}


def api(step: float = 0.01, size: float = 1.0, **options: Any) -> Any:
    market = {"precision": {"amount": step}, "contractSize": size}
    return SimpleNamespace(
        market=lambda _: market, precisionMode=ccxt.TICK_SIZE, options=dict(options)
    )


def row(exchange: str) -> Venue:
    venue = venue_of(exchange, "spot")
    assert venue is not None
    return venue


def fits(change: dict[str, Any], exchange: str = "binance", **intent: Any) -> bool:
    found = misfit(api(), row(exchange), replace(INTENT, **intent), {**ORDER, **change})
    return found is None


@pytest.mark.parametrize(
    ("change", "fit"),
    [
        ({}, True),
        ({"side": "buy"}, False),
        ({"side": None}, False),
        ({"amount": 1.51}, True),
        ({"amount": 1.49}, True),
        ({"amount": 1.52}, False),
        ({"amount": 0.75}, False),
        ({"amount": None}, False),
        ({"timestamp": MILLIS - 2_000}, True),
        ({"timestamp": MILLIS - 2_001}, False),
        ({"timestamp": MILLIS + 3_600_000}, True),
        ({"timestamp": None}, False),
    ],
)
def test_side_amount_and_time(change: dict[str, Any], fit: bool) -> None:
    assert fits(change) is fit


def test_okx_takes_what_is_signed_half_a_minute_ahead() -> None:
    assert fits({"timestamp": MILLIS - 30_000}, "okx")
    assert not fits({"timestamp": MILLIS - 30_001}, "okx")


def test_what_ccxt_takes_off_our_clock_is_allowed_for() -> None:
    ahead = api(timeDifference=60_000)
    assert earliest(ahead, row("binance"), INTENT) == SENT.timestamp() - 62
    assert earliest(api(), None, INTENT) == SENT.timestamp() - 2


def test_a_known_number_tells_more_than_all_else() -> None:
    other = {"amount": 9.0, "timestamp": None, "side": None}
    assert fits(other, order_id="77")
    assert not fits({}, order_id="78")
    assert not fits({"side": "buy"}, order_id="77")


def test_amounts_are_counted_in_contracts_on_futures() -> None:
    """An intent is in base currency: 1.5 SOL are 15 contracts of a tenth."""
    meant = replace(INTENT, pair="SOL/USDT:USDT")
    client = api(step=1.0, size=0.1)
    assert misfit(client, row("okx"), meant, {**ORDER, "amount": 15.0}) is None
    assert misfit(client, row("okx"), meant, {**ORDER, "amount": 1.5}) is not None


def test_a_pair_that_is_gone_has_no_step() -> None:
    def market(pair: str) -> dict[str, Any]:
        raise ccxt.BadSymbol(pair)

    gone: Any = SimpleNamespace(market=market, precisionMode=ccxt.TICK_SIZE)
    assert misfit(gone, None, INTENT, ORDER) is None
    assert misfit(gone, None, INTENT, {**ORDER, "amount": 1.501}) is not None


def test_the_time_of_a_clock_that_was_ahead_says_nothing_but_an_order_of_long_ago_is_another() -> (
    None
):
    now = datetime.now(UTC)
    ahead = {"time": now + timedelta(hours=36)}
    made = int(now.timestamp() * 1000)
    assert fits({"timestamp": made - 3_600_000}, **ahead)
    assert not fits({"timestamp": made - int(LONGEST + 60) * 1000}, **ahead)
