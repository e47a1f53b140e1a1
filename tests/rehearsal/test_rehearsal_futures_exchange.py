"""The stand-in's futures routes, asked by ccxt as Freqtrade asks them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from freqpilot.rehearsal.exchange.futures import FuturesExchange
from freqpilot.rehearsal.faults.requests import Call
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.private import KEY, SECRET

TAPE = Tape.from_market(SyntheticMarket(["BTC/USDT", "ETH/USDT"], candles=400, seed=3))
BTC = "BTC/USDT:USDT"


class Hand:
    """A clock moved by hand; ccxt signs with it as well."""

    def __init__(self) -> None:
        start = datetime.fromtimestamp(TAPE.start / 1000, UTC)
        self.now = (start + timedelta(hours=100, minutes=10)).timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def venue() -> FuturesVenue:
    return FuturesVenue(TAPE, {"USDT": Decimal(1_000)})


@pytest.fixture
def client(venue: FuturesVenue, clock: Hand) -> Iterator[Any]:
    with FuturesExchange(venue, clock) as server:
        config = exchange_overlay(server.url, [BTC], futures=True)["exchange"]["ccxt_config"]
        exchange = ccxt.binance({**config, "apiKey": KEY, "secret": SECRET})
        exchange.milliseconds = lambda: int(clock() * 1000)
        exchange.load_markets()
        yield exchange
        exchange.session.close()
        assert not server.unknown


@pytest.fixture
def ready(client: Any) -> Any:
    client.set_margin_mode("isolated", BTC)
    client.set_leverage(2, BTC)
    return client


def test_only_perpetuals_are_listed(client: Any) -> None:
    assert set(client.markets) == {BTC, "ETH/USDT:USDT"}
    market = client.market(BTC)
    assert (market["swap"], market["linear"], market["contractSize"]) == (True, True, 1)
    assert market["precision"]["price"] == pytest.approx(TAPE.pairs["BTC/USDT"].tick)
    assert market["limits"]["cost"]["min"] == 5


def test_market_data_is_the_spot_tape_s(client: Any, clock: Hand) -> None:
    now = int(clock() * 1000)
    price = TAPE.pairs["BTC/USDT"].price(now)
    candles = client.fetch_ohlcv(BTC, "1h", limit=3)
    marks = client.fetch_ohlcv(BTC, "1h", limit=3, params={"price": "mark"})
    assert [row[:5] for row in candles] == [row[:5] for row in marks]
    assert candles[-1][4] == pytest.approx(price)
    book = client.fetch_order_book(BTC, 5)
    assert book["bids"][0][0] < price < book["asks"][0][0]
    assert client.fetch_tickers([BTC])[BTC]["last"] == pytest.approx(price)
    assert client.fetch_bids_asks([BTC])[BTC]["bid"] == book["bids"][0][0]
    rate = client.fetch_funding_rates([BTC])[BTC]
    assert (rate["fundingRate"], rate["markPrice"]) == (0.0001, pytest.approx(price))
    history = client.fetch_funding_rate_history(BTC, limit=3)
    assert [entry["fundingRate"] for entry in history] == [0.0001] * 3
    assert history[-1]["timestamp"] <= now


def test_what_freqtrade_asks_at_start(client: Any) -> None:
    assert client.fapiPrivateGetPositionSideDual()["dualSidePosition"] is False
    assert client.fapiPrivateGetMultiAssetsMargin()["multiAssetsMargin"] is False
    tiers = client.fetch_leverage_tiers()[BTC]
    assert [(tier["maxLeverage"], tier["maintenanceMarginRate"]) for tier in tiers] == [(50, 0.005)]
    assert client.fetch_trading_fees()[BTC]["maker"] == 0.0002
    assert client.fetch_balance()["USDT"] == {"free": 1000, "used": 0, "total": 1000}
    assert client.fetch_positions() == []


def test_long_by_market_and_out_by_limit(ready: Any, clock: Hand) -> None:
    bought = ready.create_order(BTC, "market", "buy", 0.004, None, {"clientOrderId": "mine-1"})
    assert (bought["status"], bought["filled"], bought["reduceOnly"]) == ("closed", 0.004, False)
    position = ready.fetch_positions([BTC])[0]
    assert (position["side"], position["contracts"]) == ("long", 0.004)
    assert position["marginMode"] == "isolated"
    entry = position["entryPrice"]
    assert position["liquidationPrice"] == pytest.approx(entry * 0.5 / 0.995, rel=1e-3)
    balance = ready.fetch_balance()["USDT"]
    assert balance["free"] == pytest.approx(1000 - 0.002 * entry - 0.0016 * 0.001 * entry, abs=0.01)
    exit_ = ready.create_order(BTC, "limit", "sell", 0.004, 1.02 * entry, {"reduceOnly": True})
    assert (exit_["status"], exit_["reduceOnly"]) == ("open", True)
    assert [order["id"] for order in ready.fetch_open_orders(BTC)] == [exit_["id"]]
    assert ready.fetch_order(None, BTC, {"clientOrderId": "mine-1"})["id"] == bought["id"]
    cancelled = ready.cancel_order(exit_["id"], BTC)
    assert cancelled["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        ready.cancel_order(exit_["id"], BTC)
    trades = ready.fetch_my_trades(BTC)
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.004)
    assert trades[0]["fee"]["cost"] == pytest.approx(trades[0]["cost"] * 0.0004, rel=1e-4)
    assert len(ready.fetch_orders(BTC)) == 2
    clock.now += 8 * 3600
    (fee,) = ready.fetch_funding_history(BTC)
    assert fee["amount"] == pytest.approx(-0.0001 * 0.004 * entry, rel=0.1)


def test_short_with_a_stop_that_becomes_an_order(
    ready: Any, venue: FuturesVenue, clock: Hand
) -> None:
    ready.create_order(BTC, "market", "sell", 0.004)
    position = ready.fetch_positions([BTC])[0]
    assert (position["side"], position["contracts"]) == ("short", 0.004)
    pair = TAPE.pairs["BTC/USDT"]
    now = int(clock() * 1000)
    prices = [pair.price(now + hour * 3_600_000) for hour in range(1, 200)]
    level = round(pair.price(now) + 0.5 * (max(prices) - pair.price(now)), pair.decimals)
    assert level > pair.price(now)
    params = {"stopPrice": level, "reduceOnly": True, "clientOrderId": "stop-1"}
    stop = ready.create_order(BTC, "stop", "buy", 0.004, round(level * 1.01, 1), params)
    assert (stop["status"], stop["clientOrderId"]) == ("open", "stop-1")
    assert ready.fetch_open_orders(BTC) == []
    waiting = ready.fetch_open_orders(BTC, params={"stop": True})
    assert [order["id"] for order in waiting] == [stop["id"]]
    clock.now += (prices.index(max(prices)) + 2) * 3600
    found = ready.fetch_order(None, BTC, {"stop": True, "clientOrderId": "stop-1"})
    assert (found["id"], found["status"]) == (stop["id"], "closed")
    made = ready.fetch_order(found["info"]["actualOrderId"], BTC)
    assert (made["status"], made["filled"]) == ("closed", 0.004)
    assert made["average"] == pytest.approx(level, rel=0.002)
    assert ready.fetch_positions([BTC]) == []
    assert ready.fetch_orders(BTC, params={"stop": True})[0]["id"] == stop["id"]


def test_a_stop_is_cancelled_by_its_own_route(ready: Any) -> None:
    ready.create_order(BTC, "market", "buy", 0.004)
    price = ready.fetch_positions([BTC])[0]["markPrice"]
    params = {"stopPrice": round(price * 0.9, 1), "reduceOnly": True}
    stop = ready.create_order(BTC, "stop_market", "sell", 0.004, None, params)
    ready.cancel_order(stop["id"], BTC, {"stop": True})
    assert ready.fetch_order(stop["id"], BTC, {"stop": True})["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        ready.cancel_order(stop["id"], BTC, {"stop": True})


def test_refusals_bear_binance_s_codes(ready: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        ready.create_order(BTC, "market", "sell", 0.004, None, {"reduceOnly": True})
    with pytest.raises(ccxt.ExchangeError, match="-2019"):
        ready.create_order(BTC, "market", "buy", 1)
    with pytest.raises(ccxt.OrderNotFound):
        ready.fetch_order("77", BTC)
    with pytest.raises(ccxt.MarginModeAlreadySet):
        ready.set_margin_mode("isolated", BTC)
    ready.secret = "another"
    with pytest.raises(ccxt.AuthenticationError):
        ready.fetch_balance()


def test_faults_see_futures_orders() -> None:
    assert Call("POST", "/fapi/v1/algoOrder", order="STOP").is_stop
    assert Call("POST", "/fapi/v1/algoOrder", order="STOP_MARKET").is_stop
    assert not Call("POST", "/fapi/v1/order", order="LIMIT").is_stop
    assert {path for _, path in FuturesExchange.orders} == {
        "/fapi/v1/order",
        "/fapi/v1/algoOrder",
    }


def test_a_stop_at_the_plain_orders_endpoint(ready: Any, venue: FuturesVenue) -> None:
    """What ccxt's own call for a stop meets there, and how the plain endpoint answers."""
    ready.create_order(BTC, "market", "buy", 0.004)
    level = round(0.9 * ready.fetch_positions([BTC])[0]["entryPrice"], 1)
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.004"}
    stop |= {"stopPrice": str(level), "reduceOnly": "true", "newClientOrderId": "mine"}
    with pytest.raises(ccxt.ExchangeError, match="-4120"):
        ready.fapiPrivatePostOrder(stop)
    venue.stop_home = "plain"
    with pytest.raises(ccxt.ExchangeError, match="-4120"):
        ready.create_order(BTC, "stop_market", "sell", 0.004, None, {"stopPrice": level})
    made = ready.parse_order(ready.fapiPrivatePostOrder(stop), ready.market(BTC))
    assert (made["status"], made["stopPrice"], made["clientOrderId"]) == ("open", level, "mine")
    assert [order["id"] for order in ready.fetch_open_orders(BTC)] == [made["id"]]
    assert ready.fetch_order(None, BTC, {"clientOrderId": "mine"})["id"] == made["id"]
    assert ready.fetch_open_orders(BTC, params={"stop": True}) == []
    assert ready.cancel_order(made["id"], BTC)["status"] == "canceled"


def test_a_stop_that_is_hidden_or_forgotten_is_unknown(
    ready: Any, venue: FuturesVenue, clock: Hand
) -> None:
    ready.create_order(BTC, "market", "buy", 0.004)
    level = round(0.9 * ready.fetch_positions([BTC])[0]["entryPrice"], 1)
    params = {"stopPrice": level, "reduceOnly": True}
    stop = ready.create_order(BTC, "stop_market", "sell", 0.004, None, params)
    apart = {"stop": True}
    venue.hide(venue.algos[0], int(clock() * 1000) + 5_000)
    for ask, code in ((ready.fetch_order, "-2013"), (ready.cancel_order, "-2011")):
        with pytest.raises(ccxt.OrderNotFound, match=code):
            ask(stop["id"], BTC, apart)
    assert ready.fetch_open_orders(BTC, params=apart) == []
    clock.now += 6
    assert ready.fetch_order(stop["id"], BTC, apart)["status"] == "open"
    venue.forget(venue.algos[0], int(clock() * 1000))
    assert venue.algos[0].status == "CANCELED"
    with pytest.raises(ccxt.OrderNotFound):
        ready.fetch_order(stop["id"], BTC, apart)


@pytest.mark.parametrize("vanish", [False, True])
def test_a_perpetual_that_is_delisted_is_settled(
    ready: Any, venue: FuturesVenue, clock: Hand, vanish: bool
) -> None:
    ready.create_order(BTC, "market", "buy", 0.004)
    entry = ready.fetch_positions([BTC])[0]["entryPrice"]
    params = {"stopPrice": round(0.9 * entry, 1), "reduceOnly": True}
    ready.create_order(BTC, "stop_market", "sell", 0.004, None, params)
    clock.now += 3_600
    venue.delist("BTCUSDT", int(clock() * 1000), vanish=vanish)
    assert ready.fetch_positions() == []
    assert venue.waiting() == []
    last = venue.orders[-1]
    assert (last.client_id, last.status) == ("settlement_autoclose-1", "FILLED")
    for ask in (lambda: ready.fetch_ohlcv(BTC, "1h"), lambda: ready.fetch_order_book(BTC)):
        with pytest.raises(ccxt.BadSymbol):
            ask()
    ready.load_markets(True)
    if not vanish:
        assert ready.markets[BTC]["active"] is False
        assert len(ready.fetch_my_trades(BTC)) == 2
        return
    assert BTC not in ready.markets
    with pytest.raises(ccxt.ExchangeError, match="-1121"):
        ready.fapiPrivateGetUserTrades({"symbol": "BTCUSDT"})
    assert set(ready.fetch_tickers()) == {"ETH/USDT:USDT"}


def test_funding_by_other_hours_than_eight_is_shown(
    ready: Any, venue: FuturesVenue, clock: Hand
) -> None:
    begin = int(clock() * 1000)
    venue.change_funding("BTCUSDT", 1, begin)
    info = ready.fapiPublicGetFundingInfo()
    assert [(row["symbol"], row["fundingIntervalHours"]) for row in info] == [("BTCUSDT", 1)]
    rate = ready.fetch_funding_rates([BTC])[BTC]
    assert rate["fundingRate"] == pytest.approx(0.0001 / 8)
    assert rate["fundingTimestamp"] - begin <= 3_600_000
    clock.now += 5 * 3600
    history = ready.fetch_funding_rate_history(BTC, begin)
    assert [row["fundingRate"] for row in history] == [pytest.approx(0.0001 / 8, abs=1e-8)] * 5
    others = ready.fetch_funding_rate_history("ETH/USDT:USDT", begin)
    assert len(others) <= 1
