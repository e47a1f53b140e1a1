"""The stand-in exchange for live mode, over HTTP: signatures, orders, limits and every fault."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import ccxt
import httpx
import pytest

from freqpilot.rehearsal.books.report import LoopReport, Meanwhile
from freqpilot.rehearsal.exchange.live import (
    LATE_MS,
    LOOP_END,
    REFUSALS,
    RETRY_AFTER,
    WEIGHT_LIMIT,
    LiveExchange,
)
from freqpilot.rehearsal.faults.playing import Race
from freqpilot.rehearsal.faults.requests import OUTAGE_EVERY_HOURS, Call, Fault, FaultPlan, Strike
from freqpilot.rehearsal.market.synthetic import SyntheticMarket
from freqpilot.rehearsal.market.tape import Tape
from freqpilot.rehearsal.plan.config import TOLD, exchange_overlay
from freqpilot.rehearsal.venue.private import AHEAD, KEY, MAX_WINDOW, RECEIVE_WINDOW, SECRET
from freqpilot.rehearsal.venue.spot import SpotVenue

TAPE = Tape.from_market(SyntheticMarket(candles=200, seed=8))
NOON = TAPE.start // 1000 + 100 * 3600 + 1200
ORDER = "/api/v3/order"


class HandClock:
    """Stands still until a test moves it, in whole seconds."""

    def __init__(self) -> None:
        self.seconds = NOON

    def __call__(self) -> float:
        return float(self.seconds)

    @property
    def milliseconds(self) -> int:
        return self.seconds * 1000


class Scripted(FaultPlan):
    """The fault that a test names meets the next new order."""

    coming: tuple[Fault, str] | None = None

    def strike(self, call: Call, now: int) -> Strike | None:
        self.calls.append(call)
        if not call.order or self.coming is None:
            return None
        (fault, moment), self.coming = self.coming, None
        strike = Strike(fault, self.requests, now, call, moment)
        self.strikes.append(strike)
        return strike


class Notes:
    """Stands in for the watchman: keeps what it was shown."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.loops: list[tuple[int, int, LoopReport, bool]] = []
        self.wanted: str | None = None

    def loop_ended(self, now: int, strikes: int, report: LoopReport, meanwhile: Meanwhile) -> None:
        self.loops.append((now, strikes, report, meanwhile.store_out))

    def awaits_message(self, report: LoopReport) -> bool:
        return self.wanted is not None and self.wanted not in self.messages


class Bench:
    """An exchange with what a bot needs to talk to it."""

    def __init__(self, faults: FaultPlan | None = None) -> None:
        self.clock, self.faults = HandClock(), faults or Scripted()
        self.venue = SpotVenue(TAPE, {"USDT": Decimal(10_000), "BTC": Decimal("0.5")})
        self.kills = 0
        self.watchman = Notes()
        self.exchange = LiveExchange(
            TAPE,
            self.clock,
            self.venue,
            self.faults,
            kill=self._killed,
            watchman=self.watchman,
        )
        self._client: httpx.Client | None = None

    def _killed(self) -> None:
        self.kills += 1

    @property
    def client(self) -> httpx.Client:
        if self._client is None:
            self._client = httpx.Client(base_url=self.exchange.url, trust_env=False)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def plan(self, fault: Fault, moment: str = "before") -> None:
        assert isinstance(self.faults, Scripted)
        self.faults.coming = fault, moment

    def signed(
        self, method: str, path: str, key: str = KEY, secret: str = SECRET, **params: Any
    ) -> httpx.Response:
        params = {"timestamp": self.clock.milliseconds, **params}
        text = urlencode(params)
        signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        text, headers = f"{text}&signature={signature}", {"X-MBX-APIKEY": key}
        if method == "POST":
            return self.client.post(path, content=text, headers=headers)
        return self.client.request(method, f"{path}?{text}", headers=headers)

    def order(self, client_id: str = "mine", **change: Any) -> httpx.Response:
        asked = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.01",
            "price": price(0.9),
            "newClientOrderId": client_id,
        }
        asked |= change
        return self.signed("POST", ORDER, **{k: v for k, v in asked.items() if v is not None})

    def market(self, client_id: str = "mine", **change: Any) -> httpx.Response:
        return self.order(client_id, type="MARKET", price=None, timeInForce=None, **change)

    def stop(self, client_id: str = "mine") -> httpx.Response:
        shape = {"type": "STOP_LOSS_LIMIT", "side": "SELL", "stopPrice": price(0.9)}
        return self.order(client_id, price=price(0.89), **shape)

    def look(self, client_id: str = "mine") -> httpx.Response:
        return self.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId=client_id)


def price(share: float) -> str:
    return f"{TAPE.symbol('BTCUSDT').price(NOON * 1000) * share:.2f}"


def refusal(response: httpx.Response) -> tuple[int, int]:
    return response.status_code, response.json()["code"]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    with made.exchange:
        yield made
    made.close()


# who may ask


def test_only_the_accounts_key_and_secret_are_taken(bench: Bench) -> None:
    account = "/api/v3/account"
    assert bench.signed("GET", account).status_code == 200
    assert refusal(bench.signed("GET", account, key="other")) == (400, -2015)
    assert refusal(bench.signed("GET", account, secret="other")) == (400, -1022)
    bare = bench.client.get(account, params={"timestamp": bench.clock.milliseconds})
    assert refusal(bare) == (400, -2015)
    unsigned = bench.client.get(
        account,
        params={"timestamp": bench.clock.milliseconds},
        headers={"X-MBX-APIKEY": KEY},
    )
    assert refusal(unsigned) == (400, -1022)


def test_a_refused_request_changes_nothing(bench: Bench) -> None:
    assert refusal(bench.order(secret="other")) == (400, -1022)
    assert refusal(bench.order(timestamp=1)) == (400, -1021)
    assert bench.venue.orders == []


@pytest.mark.parametrize(
    ("offset", "more", "taken"),
    [
        (-RECEIVE_WINDOW, {}, True),
        (-RECEIVE_WINDOW - 1, {}, False),
        (-RECEIVE_WINDOW - 1, {"recvWindow": 10_000}, True),
        (-2_000, {"recvWindow": 1_000}, False),
        (-MAX_WINDOW - 1, {"recvWindow": 10 * MAX_WINDOW}, False),
        (AHEAD - 1, {}, True),
        (AHEAD, {}, False),
    ],
)
def test_a_request_has_its_time(
    bench: Bench, offset: int, more: dict[str, int], taken: bool
) -> None:
    stamp = bench.clock.milliseconds + offset
    answer = bench.signed("GET", "/api/v3/account", timestamp=stamp, **more)
    assert answer.status_code == (200 if taken else 400)
    assert taken or answer.json()["code"] == -1021


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": None}, -1102),
        ({"price": None}, -1102),
        ({"symbol": None}, -1102),
        ({"quantity": "much"}, -1100),
        ({"quantity": "NaN"}, -1100),
        ({"price": "Infinity"}, -1100),
        ({"symbol": "NOPEUSDT"}, -1121),
        ({"quantity": "0.000001"}, -1013),
        ({"quantity": "5"}, -2010),
    ],
)
def test_a_bad_order_is_refused_as_binance_does(
    bench: Bench, change: dict[str, Any], code: int
) -> None:
    assert refusal(bench.order(**change)) == (400, code)
    assert bench.venue.orders == []


# the way of an order


def test_an_order_goes_its_way(bench: Bench) -> None:
    placed = bench.order().json()
    assert (placed["clientOrderId"], placed["status"], placed["fills"]) == ("mine", "NEW", [])
    assert Decimal(placed["price"]) == Decimal(price(0.9))
    seen = bench.look().json()
    assert seen["orderId"] == placed["orderId"]
    by_number = bench.signed("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"]).json()
    assert by_number == seen
    (listed,) = bench.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert listed == seen
    cancelled = bench.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine").json()
    assert (cancelled["status"], cancelled["origClientOrderId"]) == ("CANCELED", "mine")
    assert bench.signed("GET", "/api/v3/openOrders").json() == []
    (kept,) = bench.signed("GET", "/api/v3/allOrders", symbol="BTCUSDT").json()
    assert kept["status"] == "CANCELED"


def test_an_order_fills_while_nobody_asks(bench: Bench) -> None:
    bench.order(price=price(0.9995))
    bench.clock.seconds += 60 * 3600
    assert bench.look().json()["status"] == "FILLED"
    (trade,) = bench.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").json()
    assert trade["isMaker"]
    assert trade["isBuyer"]
    assert Decimal(trade["quoteQty"]) == Decimal(price(0.9995)) * Decimal("0.01")


def test_balances_follow_the_fills(bench: Bench) -> None:
    bought = bench.market().json()
    assert bought["status"] == "FILLED"
    fees = sum(Decimal(fill["commission"]) for fill in bought["fills"])
    bench.order("second")
    rows = bench.signed("GET", "/api/v3/account").json()["balances"]
    money = {row["asset"]: (Decimal(row["free"]), Decimal(row["locked"])) for row in rows}
    locked = Decimal(price(0.9)) * Decimal("0.01")
    assert money["BTC"] == (Decimal("0.51") - fees, 0)
    spent = Decimal(bought["cummulativeQuoteQty"])
    assert money["USDT"] == (10_000 - spent - locked, locked)


def test_an_open_name_is_not_taken_twice(bench: Bench) -> None:
    assert bench.order().status_code == 200
    assert refusal(bench.order()) == (400, -2010)
    assert len(bench.venue.orders) == 1


def test_what_is_not_there_is_told(bench: Bench) -> None:
    assert refusal(bench.look("other")) == (400, -2013)
    gone = bench.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="other")
    assert refusal(gone) == (400, -2011)
    assert refusal(bench.signed("GET", ORDER, symbol="BTCUSDT")) == (400, -1102)
    bench.market()
    filled = bench.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine")
    assert refusal(filled) == (400, -2011)
    assert bench.signed("GET", "/api/v3/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/api/v3/myTrades", "/api/v3/allOrders"])
def test_a_page_begins_at_its_time_or_ends_now(bench: Bench, path: str) -> None:
    begin = bench.clock.milliseconds
    for number in range(5):
        bench.market(f"n{number}", quantity="0.001")
        bench.clock.seconds += 60

    def page(**more: Any) -> list[int]:
        rows = bench.signed("GET", path, symbol="BTCUSDT", **more).json()
        return [(row["time"] - begin) // 60_000 for row in rows]

    assert page() == [0, 1, 2, 3, 4]
    assert page(limit=2) == [3, 4]
    assert page(limit=2, startTime=begin) == [0, 1]
    assert page(limit=2, startTime=begin + 120_000) == [2, 3]
    assert page(startTime=begin + 60_000, endTime=begin + 180_000) == [1, 2, 3]


# limits


def test_too_much_weight_is_refused_until_the_next_minute(bench: Bench) -> None:
    first = bench.signed("GET", "/api/v3/account")
    assert first.headers["X-MBX-USED-WEIGHT-1M"] == "20"
    for _ in range(WEIGHT_LIMIT // 20 - 1):
        assert bench.signed("GET", "/api/v3/account").status_code == 200
    over = bench.order()
    assert refusal(over) == (429, -1003)
    assert over.headers["Retry-After"] == str(RETRY_AFTER)
    assert bench.venue.orders == []
    bench.clock.seconds += 60
    assert bench.order().headers["X-MBX-USED-WEIGHT-1M"] == "2"


# faults


def dropped(call: Callable[[], object]) -> None:
    with pytest.raises(httpx.TransportError):
        call()


def test_lost_the_order_is_there_without_an_answer(bench: Bench) -> None:
    bench.plan(Fault.LOST)
    dropped(bench.order)
    assert bench.look().json()["status"] == "NEW"


def test_timeout_the_order_never_arrives(bench: Bench) -> None:
    bench.plan(Fault.TIMEOUT)
    dropped(bench.order)
    bench.clock.seconds += 600
    assert refusal(bench.look()) == (400, -2013)


def test_late_the_order_arrives_later(bench: Bench) -> None:
    bench.plan(Fault.LATE)
    sent = bench.clock.milliseconds
    dropped(bench.order)
    assert refusal(bench.look()) == (400, -2013)
    bench.clock.seconds += LATE_MS[1] // 1000 + 1
    found = bench.look().json()
    assert found["status"] == "NEW"
    assert LATE_MS[0] <= found["time"] - sent < LATE_MS[1]


def test_late_outside_its_receive_window_it_never_arrives(bench: Bench) -> None:
    bench.plan(Fault.LATE)
    dropped(lambda: bench.order(recvWindow=LATE_MS[0] - 1))
    bench.clock.seconds += 600
    assert refusal(bench.look()) == (400, -2013)


def test_late_an_order_that_cannot_be_any_more_is_dropped(bench: Bench) -> None:
    bench.plan(Fault.LATE)
    dropped(lambda: bench.order(quantity="0.1"))
    bench.order("other", quantity="0.1")
    bench.clock.seconds += 600
    assert refusal(bench.look()) == (400, -2013)
    assert bench.look("other").status_code == 200


@pytest.mark.parametrize("fault", [Fault.REJECT, Fault.STOP])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_refused_orders_leave_nothing(bench: Bench, fault: Fault, moment: str) -> None:
    bench.plan(fault, moment)
    answer = bench.stop() if fault is Fault.STOP else bench.order()
    assert refusal(answer) == (400, REFUSALS[fault][moment][0])
    assert bench.venue.orders == []


def test_partial_half_is_filled_and_the_rest_cancelled(bench: Bench) -> None:
    bench.plan(Fault.PARTIAL)
    answer = bench.market().json()
    assert (answer["status"], Decimal(answer["executedQty"])) == ("CANCELED", Decimal("0.005"))
    assert bench.signed("GET", "/api/v3/openOrders").json() == []


def test_limit_nothing_is_carried_out(bench: Bench) -> None:
    bench.plan(Fault.LIMIT)
    assert refusal(bench.order()) == (429, -1003)
    assert bench.venue.orders == []


def test_outage_some_orders_land_all_the_same() -> None:
    bench = Bench(FaultPlan(frozenset({Fault.OUTAGE}), seed=3))
    times = range(0, int(OUTAGE_EVERY_HOURS * 3600), 120)
    with bench.exchange:
        first = bench.clock.seconds
        down = 0
        for number, time in enumerate(times):
            bench.clock.seconds = first + time
            if bench.client.get("/api/v3/ping").status_code == 200:
                continue
            down += 1
            answer = bench.order(f"n{number}", quantity="0.001", price=price(0.2))
            assert refusal(answer) == (503, -1000)
    bench.close()
    landed = len(bench.venue.orders)
    assert down >= 5
    assert 0 < landed < down


@pytest.mark.parametrize(("moment", "orders"), [("before", 0), ("after", 1)])
def test_kill_the_bot_ends_and_nothing_is_answered(bench: Bench, moment: str, orders: int) -> None:
    bench.plan(Fault.KILL, moment)
    dropped(bench.order)
    assert (bench.kills, bench.exchange.dead) == (1, True)
    assert len(bench.venue.orders) == orders
    dropped(lambda: bench.order("other"))
    dropped(lambda: bench.client.get("/api/v3/time"))
    assert (bench.kills, len(bench.venue.orders)) == (1, orders)
    bench.exchange.dead = False
    assert bench.order("other").status_code == 200
    assert bench.kills == 1


def test_a_kill_meets_its_request_of_a_real_plan() -> None:
    bench = Bench(FaultPlan(kill_at=3, kill_after=True))
    with bench.exchange:
        assert bench.client.get("/api/v3/time").status_code == 200
        assert bench.order("first").status_code == 200
        dropped(lambda: bench.order("second"))
        bench.exchange.dead = False
        assert bench.look("second").status_code == 200
    bench.close()
    assert [strike.request for strike in bench.faults.strikes] == [3]


def test_the_end_of_a_loop_is_told_with_the_account_brought_up_to_it(bench: Bench) -> None:
    bench.plan(Fault.LATE)
    dropped(bench.order)
    bench.clock.seconds += 600
    answer = bench.client.post(LOOP_END, json={"stops": True, "halted": "why", "equity": 9.5})
    assert answer.json() == {"sleep": None}
    report = LoopReport(stops=True, halted="why", equity=9.5)
    assert bench.watchman.loops == [(bench.clock.milliseconds, 1, report, False)]
    assert len(bench.venue.orders) == 1
    assert bench.faults.requests == 1


# as ccxt sees it


@pytest.fixture
def binance(bench: Bench) -> Iterator[Any]:
    overlay = exchange_overlay(bench.exchange.url, list(TAPE.pairs))["exchange"]
    client = ccxt.binance({**overlay["ccxt_config"], "apiKey": KEY, "secret": SECRET})
    client.nonce = lambda: bench.clock.milliseconds
    client.load_markets()
    yield client
    client.session.close()


def placed(binance: Any, kind: str = "limit", amount: float = 0.01, **more: Any) -> Any:
    rate = None if kind == "market" else float(price(0.9))
    params = {"clientOrderId": "fq-0000test-n1-entry-1", **more}
    return binance.create_order("BTC/USDT", kind, "buy", amount, rate, params)


def by_name(binance: Any) -> Any:
    params = {"clientOrderId": "fq-0000test-n1-entry-1"}
    return binance.fetch_order(None, "BTC/USDT", params)


def test_ccxt_places_finds_and_cancels(binance: Any) -> None:
    order = placed(binance)
    assert (order["status"], order["clientOrderId"]) == ("open", "fq-0000test-n1-entry-1")
    found = by_name(binance)
    assert (found["id"], found["amount"], found["remaining"]) == (order["id"], 0.01, 0.01)
    assert [each["id"] for each in binance.fetch_open_orders("BTC/USDT")] == [order["id"]]
    held = binance.fetch_balance()
    assert held["USDT"]["used"] == pytest.approx(0.01 * float(price(0.9)))
    assert binance.cancel_order(order["id"], "BTC/USDT")["status"] == "canceled"
    assert binance.fetch_order(order["id"], "BTC/USDT")["status"] == "canceled"
    assert binance.fetch_balance()["USDT"]["used"] == 0


def test_ccxt_sees_trades_with_their_fees(binance: Any) -> None:
    order = placed(binance, "market")
    assert (order["status"], order["filled"]) == ("closed", 0.01)
    (trade,) = binance.fetch_my_trades("BTC/USDT")
    assert (trade["order"], trade["side"], trade["amount"]) == (order["id"], "buy", 0.01)
    assert trade["fee"] == {"cost": pytest.approx(1e-5), "currency": "BTC"}
    assert binance.fetch_balance()["BTC"]["total"] == pytest.approx(0.51 - 1e-5)


def test_ccxt_places_a_stop(binance: Any) -> None:
    params = {"stopPrice": float(price(0.9))}
    order = binance.create_order(
        "BTC/USDT", "stop_loss_limit", "sell", 0.01, float(price(0.89)), params
    )
    found = binance.fetch_order(order["id"], "BTC/USDT")
    assert (found["status"], found["stopPrice"]) == ("open", float(price(0.9)))


ERRORS = [
    (Fault.LOST, "", ccxt.NetworkError),
    (Fault.TIMEOUT, "", ccxt.NetworkError),
    (Fault.LATE, "", ccxt.NetworkError),
    (Fault.KILL, "before", ccxt.NetworkError),
    (Fault.LIMIT, "", ccxt.DDoSProtection),
    (Fault.OUTAGE, "before", ccxt.OperationFailed),
    (Fault.REJECT, "before", ccxt.InsufficientFunds),
    (Fault.REJECT, "after", ccxt.InvalidOrder),
    (Fault.STOP, "before", ccxt.OrderImmediatelyFillable),
    (Fault.STOP, "after", ccxt.ExchangeError),
]


@pytest.mark.parametrize(("fault", "moment", "error"), ERRORS)
def test_ccxt_raises_what_a_fault_looks_like(
    bench: Bench, binance: Any, fault: Fault, moment: str, error: type[Exception]
) -> None:
    bench.plan(fault, moment)
    with pytest.raises(error):
        placed(binance)
    assert len(bench.venue.orders) == (fault is Fault.LOST)


def test_ccxt_tells_refusals_apart(bench: Bench, binance: Any) -> None:
    with pytest.raises(ccxt.OrderNotFound):
        by_name(binance)
    with pytest.raises(ccxt.OrderNotFound):
        binance.cancel_order("77", "BTC/USDT")
    with pytest.raises(ccxt.InsufficientFunds):
        placed(binance, amount=5)
    with pytest.raises(ccxt.BadRequest, match="NOTIONAL"):
        placed(binance, amount=0.00002)
    placed(binance)
    with pytest.raises(ccxt.ExchangeError, match="Duplicate order"):
        placed(binance)
    binance.nonce = lambda: bench.clock.milliseconds - 60_000
    with pytest.raises(ccxt.InvalidNonce):
        binance.fetch_balance()
    binance.nonce = lambda: bench.clock.milliseconds
    binance.secret = "other"
    with pytest.raises(ccxt.AuthenticationError):
        binance.fetch_balance()


def test_ccxt_takes_a_refused_key_for_a_ban_once_one_was_taken(binance: Any) -> None:
    taken, binance.apiKey = binance.apiKey, "other"
    with pytest.raises(ccxt.AuthenticationError):
        binance.fetch_balance()
    binance.apiKey = taken
    binance.fetch_balance()
    binance.apiKey = "other"
    with pytest.raises(ccxt.DDoSProtection, match="-2015"):
        binance.fetch_balance()


def test_a_message_of_the_bots_is_kept_and_waited_for(bench: Bench) -> None:
    """It is sent by another thread: the loop's end waits a little for it."""
    bench.watchman.wanted = "halted"
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(bench.client.post, LOOP_END, json={})
        with httpx.Client(base_url=bench.exchange.url, trust_env=False) as sender:
            assert sender.post(TOLD, json={"text": "halted"}).status_code == 200
        assert ended.result(10).status_code == 200
    assert bench.watchman.messages == ["halted"]
    assert len(bench.watchman.loops) == 1


def test_nothing_strikes_while_it_is_calm(bench: Bench) -> None:
    bench.plan(Fault.LOST)
    bench.exchange.calm = True
    assert bench.market().status_code == 200
    assert bench.faults.calls == []


def test_of_a_symbol_that_has_vanished_no_order_can_be_asked_for(bench: Bench) -> None:
    assert bench.order().status_code == 200
    bench.venue.delist("BTCUSDT", bench.clock.milliseconds)
    assert bench.look().json()["status"] == "CANCELED"
    bench.venue.vanished.add("BTCUSDT")
    assert refusal(bench.look()) == refusal(bench.order("another")) == (400, -1121)


def test_an_order_that_a_wrong_clock_has_signed_never_arrives_late(bench: Bench) -> None:
    bench.plan(Fault.LATE)
    with pytest.raises(httpx.HTTPError):
        bench.order(timestamp=bench.clock.milliseconds + 3_600_000)
    bench.clock.seconds += 10
    assert refusal(bench.look()) == (400, -2013)


def test_a_delisted_symbol_has_no_price_and_takes_no_order(bench: Bench) -> None:
    resting = bench.order("rests").json()
    bench.venue.delist("BTCUSDT", bench.clock.milliseconds)
    for path in ("depth", "klines", "ticker/24hr", "trades"):
        asked = {"symbol": "BTCUSDT", "interval": "1h"}
        answer = bench.client.get(f"/api/v3/{path}", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (400, -1121)
    assert bench.client.get("/api/v3/depth", params={"symbol": "ETHUSDT"}).status_code == 200
    every = bench.client.get("/api/v3/ticker/24hr").json()
    assert "BTCUSDT" not in {row["symbol"] for row in every}
    states = {
        row["symbol"]: row["status"]
        for row in bench.client.get("/api/v3/exchangeInfo").json()["symbols"]
    }
    assert (states["BTCUSDT"], states["ETHUSDT"]) == ("BREAK", "TRADING")
    refused = bench.market("late")
    assert (refused.status_code, refused.json()["code"]) == (400, -1013)
    seen = bench.signed("GET", ORDER, symbol="BTCUSDT", orderId=resting["orderId"]).json()
    assert seen["status"] == "CANCELED"


def test_a_raced_order_is_accepted_and_its_answer_waits_for_the_next_signed_request(
    bench: Bench,
) -> None:
    bench.exchange.race = race = Race()
    with ThreadPoolExecutor(1) as pool:
        order = pool.submit(bench.market, "raced")
        with httpx.Client(base_url=bench.exchange.url, trust_env=False) as other:
            while not race.accepted.is_set():
                other.get("/api/v3/ping")  # an unsigned request lets nothing go
        assert not order.done()
        assert bench.signed("GET", "/api/v3/account").status_code == 200
        assert order.result(10).json()["status"] == "FILLED"


def test_a_raced_answer_goes_by_itself_when_nothing_is_asked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freqpilot.rehearsal.faults.playing.RACE_SECONDS", 0.01)
    bench.exchange.race = Race()
    assert bench.market("first").json()["status"] == "FILLED"
    assert bench.market("second").json()["status"] == "FILLED"  # only one is held


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.REJECT, Fault.TIMEOUT])
def test_a_raced_order_that_has_no_answer_holds_nothing(bench: Bench, fault: Fault) -> None:
    """Its call goes on at once, so the loop's end has to wait for the end of the call."""
    bench.exchange.race = race = Race()
    bench.plan(fault)
    with suppress(httpx.HTTPError):
        bench.market()
    assert not race.accepted.is_set()
