"""The stand-in exchange, asked by ccxt and by hand."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import ccxt
import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.clock import FastClock, FixedClock
from freqpilot.rehearsal.exchange.server import RehearsalServer
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import exchange_overlay, rehearsal_overlay

MARKET = SyntheticMarket(candles=1_500, seed=8)
TAPE = Tape.from_market(MARKET)
NOW = datetime.fromtimestamp(TAPE.start / 1000, UTC) + timedelta(hours=1_300, minutes=20)
NOW_MS = int(NOW.timestamp() * 1000)
HOUR = 3_600_000


@pytest.fixture(scope="module")
def server() -> Iterator[RehearsalServer]:
    with RehearsalServer(TAPE, FixedClock(NOW)) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RehearsalServer) -> Iterator[Any]:
    overlay = exchange_overlay(server.url, list(TAPE.pairs))["exchange"]
    exchange = ccxt.binance(overlay["ccxt_config"])
    exchange.load_markets()
    yield exchange
    exchange.session.close()


def get(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_ccxt_loads_the_markets(client: Any) -> None:
    assert set(client.markets) == set(TAPE.pairs)
    market = client.markets["BTC/USDT"]
    assert market["spot"]
    assert market["active"]
    assert market["precision"]["price"] == pytest.approx(TAPE.pairs["BTC/USDT"].tick)
    assert market["limits"]["cost"]["min"] == 5
    assert client.fetch_time() == NOW_MS


def test_ccxt_pages_through_klines(client: Any) -> None:
    rows: list[list[float]] = []
    since = TAPE.start
    while page := client.fetch_ohlcv("ETH/USDT", "1h", since=since, limit=500):
        rows += page
        since = int(page[-1][0]) + 1
    frame = MARKET.frames["ETH/USDT"].head(1_301)
    assert [row[0] for row in rows] == frame["date"].astype("int64").tolist()
    columns = ["open", "high", "low", "close", "volume"]
    assert [row[1:] for row in rows[:-1]] == frame[columns].to_numpy().tolist()[:-1]
    assert rows[-1][5] < frame["volume"].iloc[-1]


def test_newest_klines_without_a_start(client: Any) -> None:
    rows = client.fetch_ohlcv("BTC/USDT", "4h", limit=10)
    assert len(rows) == 10
    assert rows[-1][0] == NOW_MS // (4 * HOUR) * (4 * HOUR)


def test_ticker_book_and_trades_agree(client: Any) -> None:
    price = TAPE.pairs["SOL/USDT"].price(NOW_MS)
    ticker = client.fetch_ticker("SOL/USDT")
    book = client.fetch_order_book("SOL/USDT", 20)
    trades = client.fetch_trades("SOL/USDT", limit=30)
    assert ticker["last"] == price
    assert ticker["low"] <= price <= ticker["high"]
    assert ticker["percentage"] == pytest.approx((price / ticker["open"] - 1) * 100, abs=0.001)
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert book["bids"][0][0] == ticker["bid"] < price < book["asks"][0][0] == ticker["ask"]
    assert len(trades) == 30
    assert trades[-1]["timestamp"] <= NOW_MS
    assert set(client.fetch_tickers()) == set(TAPE.pairs)
    assert client.fetch_bids_asks(["BTC/USDT"])["BTC/USDT"]["bid"] > 0


def test_trades_page_by_id(client: Any) -> None:
    first = client.fetch_trades("BTC/USDT", since=NOW_MS - HOUR, limit=100)
    following = client.fetch_trades(
        "BTC/USDT", limit=100, params={"fromId": int(first[-1]["id"]) + 1}
    )
    assert first[0]["timestamp"] >= NOW_MS - HOUR
    assert following[0]["timestamp"] - first[-1]["timestamp"] == 10_000


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v3/klines?symbol=NOPEUSDT&interval=1h", 400, -1121),
        ("/api/v3/klines?symbol=BTCUSDT&interval=7h", 400, -1120),
        ("/api/v3/klines?interval=1h", 400, -1102),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=x", 400, -1100),
        ("/api/v3/account", 404, -1),
    ],
)
def test_errors_have_binances_shape(
    server: RehearsalServer, path: str, status: int, code: int
) -> None:
    found, body = get(server.url + path)
    assert (found, body["code"]) == (status, code)
    assert body["msg"]


def test_unknown_routes_are_counted() -> None:
    with RehearsalServer(TAPE, FixedClock(NOW)) as server:
        get(f"{server.url}/api/v3/time")
        get(f"{server.url}/fapi/v1/ticker")
        get(f"{server.url}/fapi/v1/ticker")
        assert server.requests.total() == 1
        assert dict(server.unknown) == {"GET /fapi/v1/ticker": 2}


def test_time_is_the_clocks() -> None:
    with RehearsalServer(TAPE, FastClock(NOW, speed=1e6)) as server:
        first = get(f"{server.url}/api/v3/time")[1]["serverTime"]
        second = get(f"{server.url}/api/v3/time")[1]["serverTime"]
    assert NOW_MS <= first < second


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org", "::"])
def test_only_loopback_is_served(host: str) -> None:
    with pytest.raises(RefuseToStart, match="loopback"):
        RehearsalServer(TAPE, FixedClock(NOW), host=host)


def test_a_taken_port_is_a_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(RefuseToStart, match=f"{port}.*another port"),
            RehearsalServer(TAPE, FixedClock(NOW), port=port),
        ):
            pass


def test_overlay_stays_on_this_machine_and_shuts_the_doors() -> None:
    with pytest.raises(RefuseToStart, match="not on this machine"):
        exchange_overlay("https://api.binance.com", ["BTC/USDT"])
    overlay = rehearsal_overlay(
        "http://127.0.0.1:1",
        ["BTC/USDT"],
        {"telegram": {"enabled": True}, "freqai": {"enabled": True, "identifier": "mine"}},
        loop_seconds=900,
        store_url="sqlite:////tmp/x.sqlite",
        label="rehearsal-a",
        synthetic=True,
    )
    assert overlay["dry_run"] is True
    assert overlay["exchange"]["key"] == overlay["exchange"]["secret"] == ""
    assert overlay["exchange"]["only_from_ccxt"] is True
    assert overlay["telegram"] == {"enabled": False}
    assert "api_server" not in overlay
    assert overlay["freqai"]["identifier"] == "mine-rehearsal-a"
    assert overlay["freqpilot"]["synthetic"] is True
