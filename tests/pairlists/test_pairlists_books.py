"""Liquidity and SpreadAtSize on books of a stand-in for the exchange."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from freqtrade.exceptions import OperationalException, TemporaryError
from pairlist_stage import StubExchange, handler, kept, manager

from freqpilot.risk.market.orderbook import round_trip_cost

PAIR = "SOL/USDT"


def exchange(**more: Any) -> StubExchange:
    """Return an exchange whose book holds 1,000 a side within 1 % of 100, and as much beyond."""
    found = StubExchange([PAIR])
    found.books[PAIR] = {
        "bids": [[99.99, 5.001], [99.1, 5.046], [98.9, 100.0]],
        "asks": [[100.01, 5.0], [100.9, 4.96], [101.1, 100.0]],
        **more,
    }
    found.tickers[PAIR] = {"symbol": PAIR, "quoteVolume": 100_000.0}
    return found


def passes(
    monkeypatch: pytest.MonkeyPatch, stub: StubExchange, method: str, config: Any = None, **opt: Any
) -> bool:
    return kept(manager(monkeypatch, stub, [{"method": method, **opt}], config)) == [PAIR]


@pytest.mark.parametrize(
    ("options", "passing"),
    [
        ({}, True),  # 1,000 stakes of volume, 10 of depth
        ({"volume_multiple": 1000.1}, False),
        ({"depth_multiple": 10.1}, False),
        ({"stake": 101}, False),
        ({"stake": 99}, True),
        ({"depth_band": 0.005}, False),
        ({"depth_multiple": 100, "depth_band": 0.02}, True),
    ],
)
def test_liquidity(monkeypatch: pytest.MonkeyPatch, options: Any, passing: bool) -> None:
    assert passes(monkeypatch, exchange(), "Liquidity", **options) == passing


@pytest.mark.parametrize(
    "spoilt",
    [
        {"bids": []},
        {"asks": [[100.01, 1e9]], "bids": [[99.99, 1.0]]},  # one side is deep only
        {"bids": [[99.99, float("nan")]]},
        {"asks": [[100.01, None]]},
    ],
)
def test_a_book_with_a_fault_does_not_pass(monkeypatch: pytest.MonkeyPatch, spoilt: Any) -> None:
    assert not passes(monkeypatch, exchange(**spoilt), "Liquidity")


@pytest.mark.parametrize("ticker", [None, {}, {"quoteVolume": None}, {"quoteVolume": float("nan")}])
def test_an_unknown_volume_does_not_pass(monkeypatch: pytest.MonkeyPatch, ticker: Any) -> None:
    stub = exchange()
    stub.tickers = {} if ticker is None else {PAIR: ticker}
    assert not passes(monkeypatch, stub, "Liquidity")
    assert stub.asked[PAIR] == 0


def test_contracts_are_counted_in_coins(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = exchange()
    stub.size = 0.5
    assert not passes(monkeypatch, stub, "Liquidity")
    assert passes(monkeypatch, stub, "Liquidity", stake=50)
    # 1,500 needs the levels beyond 1 % once a coin is half a contract.
    assert not passes(monkeypatch, stub, "SpreadAtSize", size=900)
    stub.size = 1.0
    assert passes(monkeypatch, stub, "SpreadAtSize", size=450)


@pytest.mark.parametrize(
    ("options", "passing"),
    [
        ({"size": 500}, True),  # the best levels: .02 %
        ({"size": 500, "max_cost": 0.0003}, True),
        ({"size": 500, "max_cost": 0.0001}, False),
        ({"size": 700}, False),  # two sevenths at 1.8 %: .53 %
        ({"size": 680}, True),  # .49 %
        ({"size": 20_000}, False),  # more than it holds
        ({}, True),  # the stake of the config
    ],
)
def test_spread_at_size(monkeypatch: pytest.MonkeyPatch, options: Any, passing: bool) -> None:
    assert passes(monkeypatch, exchange(), "SpreadAtSize", **options) == passing


@pytest.mark.parametrize(("beyond", "passing"), [(1e-6, True), (0.0, True), (-1e-6, False)])
def test_a_round_trip_may_cost_as_much_as_the_most(
    monkeypatch: pytest.MonkeyPatch, beyond: float, passing: bool
) -> None:
    book = exchange().books[PAIR]
    cost = round_trip_cost(book["bids"], book["asks"], 500.0)
    options = {"size": 500, "max_cost": cost + beyond}
    assert passes(monkeypatch, exchange(), "SpreadAtSize", **options) == passing


@pytest.mark.parametrize("method", ["Liquidity", "SpreadAtSize"])
@pytest.mark.parametrize(
    ("config", "stake"),
    [
        ({"stake_amount": 250}, 250),
        ({"stake_amount": "unlimited", "max_open_trades": 3, "dry_run_wallet": 1000}, 330),
        ({"stake_amount": "unlimited", "max_open_trades": 4, "available_capital": 200}, 50),
        ({"stake_amount": "unlimited", "max_open_trades": 3, "dry_run": False}, None),
        ({"stake_amount": "unlimited", "max_open_trades": -1, "dry_run_wallet": 1000}, None),
        ({"stake_amount": "unlimited", "max_open_trades": float("inf")}, None),
        ({"stake_amount": 0}, None),
    ],
)
def test_the_stake_comes_from_the_config(
    monkeypatch: pytest.MonkeyPatch, method: str, config: dict[str, Any], stake: float | None
) -> None:
    def make() -> str:
        return handler(manager(monkeypatch, exchange(), [{"method": method}], config)).short_desc()

    if stake is None:
        size = {"Liquidity": "stake", "SpreadAtSize": "size"}[method]
        text = rf"{method} cannot tell the intended {size} from .*; please give it a {size} in"
        with pytest.raises(OperationalException, match=text):
            make()
    else:
        assert f" of {stake:g} " in make()


@pytest.mark.parametrize("method", ["Liquidity", "SpreadAtSize"])
def test_a_verdict_is_kept_and_a_fault_is_asked_about_again(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    stub = exchange()
    pairlists = manager(monkeypatch, stub, [{"method": method, "refresh_period": 1800}])
    good, start = stub.books[PAIR], datetime.now(UTC)
    table: list[tuple[int, Any, list[str], int]] = [
        (0, TemporaryError("503"), [], 1),
        (59, good, [], 1),
        (61, good, [PAIR], 2),
        (61 + 1799, TemporaryError("503"), [PAIR], 2),
        (61 + 1801, TemporaryError("503"), [], 3),
    ]
    for seconds, book, left, asked in table:
        stub.books[PAIR] = book
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            assert kept(pairlists) == left, seconds
        assert stub.asked[PAIR] == asked
