"""The table of venues agrees with ccxt's own classes, and with itself."""

from inspect import signature
from typing import Any

import ccxt
import pytest

from freqpilot.execution.ids import OrderName, client_order_id, plain_order_id
from freqpilot.execution.venues import (
    TABLE,
    Venue,
    has_code,
    is_proven,
    mode_of,
    proven,
    unproven_in,
    venue_of,
)

LONGEST_NAME = client_order_id(OrderName("3f9a12c4", "99999999", "stop", 9_999_999_999))
rows = pytest.mark.parametrize("venue", TABLE, ids=lambda each: f"{each.title} {each.mode}")


@rows
def test_every_call_is_one_of_ccxts(venue: Venue) -> None:
    for name in (*venue.ids, *venue.relatives):
        exchange = getattr(ccxt, name)
        for look in (*venue.looks, *venue.stop_looks):
            first = list(signature(getattr(exchange, look.call)).parameters)[1]
            assert first == ("id" if look.number is None else "symbol")


@rows
def test_a_name_fits_the_exchange(venue: Venue) -> None:
    name = LONGEST_NAME if venue.dashes else plain_order_id(LONGEST_NAME)
    assert len(name) <= venue.longest


@rows
def test_absence_is_something_that_the_exchange_says(venue: Venue) -> None:
    assert venue.absent or all(look.number for look in venue.looks)
    assert venue.looks
    assert venue.stop_looks


@rows
def test_codes_have_one_meaning(venue: Venue) -> None:
    groups = (venue.absent, venue.unresolved, venue.refused)
    assert sum(map(len, groups)) == len({code for group in groups for code in group})


def test_the_window_is_the_one_that_ccxt_signs() -> None:
    """Bybit's window goes into the signed header, so it is ccxt's option and no parameter."""
    for mode in ("spot", "futures"):
        venue = venue_of("bybit", mode)
        assert venue is not None
        assert ccxt.bybit().options["recvWindow"] == venue.window * 1000
        venue = venue_of("binance", mode)
        assert venue is not None
        assert dict(venue.params)["recvWindow"] == venue.window * 1000


@pytest.mark.parametrize(
    ("exchange", "mode", "proven"),
    [
        ("binance", "spot", True),
        ("binance", "futures", True),
        ("bybit", "spot", True),
        ("bybit", "futures", True),
        ("okx", "spot", True),
        ("okx", "futures", True),
        ("binance", "margin", False),
        ("binanceus", "spot", False),
        ("okxus", "spot", False),
        ("kraken", "spot", False),
        ("bitvavo", "spot", False),
        ("", "spot", False),
    ],
)
def test_what_is_proven(exchange: str, mode: str, proven: bool) -> None:
    assert is_proven(exchange, mode) is proven


def test_a_relative_has_the_row_without_the_proof() -> None:
    venue = venue_of("okxus", "spot")
    assert venue is venue_of("okx", "spot")
    assert venue is not None
    assert not venue.proves("okxus")
    assert venue_of("kraken", "spot") is None


@pytest.mark.parametrize(("pair", "mode"), [("BTC/USDT", "spot"), ("BTC/USDT:USDT", "futures")])
def test_a_pair_has_a_mode(pair: str, mode: str) -> None:
    assert mode_of(pair) == mode


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('binance {"code":-2013,"msg":"Order does not exist."}', True),
        ('{"code":-20131}', False),
        ('{"code":-201}', False),
        ('{"orderId":"1-2013"}', False),
    ],
)
def test_a_code_is_a_number_of_its_own(text: str, found: bool) -> None:
    assert has_code(text, ("-2013",)) is found


@pytest.mark.parametrize(
    ("answer", "empty"),
    [
        ('{"retCode":0,"result":{"list": []}}', True),
        ('{"retCode":0,"result":{"list":[{}]}}', False),
        ("<html>", False),
        (None, False),
    ],
)
def test_an_answer_that_cannot_be_read_is_no_empty_list(answer: str | None, empty: bool) -> None:
    bybit, binance = venue_of("bybit", "spot"), venue_of("binance", "spot")
    assert bybit is not None
    assert binance is not None
    assert bybit.is_empty(answer) is empty
    assert not binance.is_empty(answer)


LIVE: dict[str, Any] = {"dry_run": False, "exchange": {"name": "kraken"}}


@pytest.mark.parametrize(
    ("config", "unproven"),
    [
        (LIVE, "kraken"),
        ({**LIVE, "dry_run": True}, None),
        ({"exchange": {"name": "kraken"}}, None),
        ({**LIVE, "exchange": {"name": "okx"}, "trading_mode": "futures"}, None),
        ({**LIVE, "exchange": {"name": "okx"}, "trading_mode": "margin"}, "okx"),
    ],
)
def test_what_a_configuration_trades_on_without_proof(
    config: dict[str, Any], unproven: str | None
) -> None:
    assert unproven_in(config) == unproven


def test_what_is_proven_in_words() -> None:
    assert proven() == (
        "binance spot, binance futures, bybit spot, bybit futures, okx spot, okx futures"
    )
