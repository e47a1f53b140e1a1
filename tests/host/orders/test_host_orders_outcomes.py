"""What an error says about the order that it answers."""

from types import SimpleNamespace
from typing import Any

import ccxt
import pytest

from freqpilot.execution.venues import venue_of
from freqpilot.host.orders.outcomes import contract_size, has_left, mark_before, outcome_of


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ccxt.NetworkError("reset"), "unresolved"),
        (ccxt.RequestTimeout("timeout"), "unresolved"),
        (ccxt.ExchangeNotAvailable("503"), "unresolved"),
        (ccxt.OnMaintenance("503"), "unresolved"),
        (ccxt.OperationFailed("-1000"), "unresolved"),
        (ccxt.RateLimitExceeded("429"), "unresolved"),
        (ccxt.DDoSProtection("418"), "unresolved"),
        (ccxt.BadResponse("<html>"), "unresolved"),
        (ccxt.ExchangeError('{"code":-9999}'), "unresolved"),
        (ValueError("no JSON"), "unresolved"),
        (ccxt.InvalidOrder("-1013"), "rejected"),
        (ccxt.InsufficientFunds("-2010"), "rejected"),
        (ccxt.AuthenticationError("-2015"), "rejected"),
        (ccxt.BadSymbol("-1121"), "rejected"),
    ],
)
@pytest.mark.parametrize("exchange", ["binance", "okx", "bybit", "kraken"])
def test_on_any_exchange(error: Exception, outcome: str, exchange: str) -> None:
    assert outcome_of(error, venue_of(exchange, "spot")) == outcome


@pytest.mark.parametrize(
    ("exchange", "error", "outcome"),
    [
        ("binance", ccxt.InvalidOrder('{"code":-1006}'), "unresolved"),
        ("binance", ccxt.BadRequest('{"code":-1007}'), "unresolved"),
        ("binance", ccxt.InvalidNonce('{"code":-1021}'), "rejected"),
        ("binance", ccxt.RateLimitExceeded('{"code":-1015}'), "rejected"),
        ("binance", ccxt.InvalidNonce('{"code":-10210}'), "unresolved"),
        ("bybit", ccxt.InvalidOrder('{"retCode":170146}'), "unresolved"),
        ("bybit", ccxt.InvalidNonce('{"retCode":10002}'), "rejected"),
        ("okx", ccxt.InvalidOrder('{"sCode":"51149"}'), "unresolved"),
        ("okx", ccxt.InvalidNonce('{"code":"50102"}'), "rejected"),
        ("kraken", ccxt.InvalidNonce("EAPI:Invalid nonce"), "unresolved"),
    ],
)
def test_where_the_table_knows_better_than_ccxt(
    exchange: str, error: Exception, outcome: str
) -> None:
    assert outcome_of(error, venue_of(exchange, "spot")) == outcome


def test_what_was_never_sent_is_denied() -> None:
    assert outcome_of(ccxt.InvalidOrder("too small"), None, left=False) == "denied"


def test_a_request_is_seen_to_leave() -> None:
    api: Any = ccxt.binance()
    api.last_request_url = "https://earlier"
    mark_before(api)
    assert not has_left(api)
    api.last_request_url = "https://now"
    assert has_left(api)
    assert has_left(SimpleNamespace(id="x"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pair", "size"), [("BTC/USDT", 1.0), ("BTC/USDT:USDT", 0.01), ("GONE/USDT:USDT", 1.0)]
)
def test_the_size_of_a_contract(pair: str, size: float) -> None:
    def market(pair: str) -> dict[str, Any]:
        if pair.startswith("GONE"):
            raise ccxt.BadSymbol(pair)
        return {"contractSize": 0.01}

    api: Any = SimpleNamespace(market=market)
    assert contract_size(api, pair) == size
