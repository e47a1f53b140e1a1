"""A stop is placed, found and cancelled at the endpoint that takes it, through ccxt's own class."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import ccxt
import pytest
from freqtrade.persistence import Trade, init_db
from order_stage import CONFIG, STOP, later, send, states
from venue_stage import LOST, BinanceFutures, BinanceSpot, Fate

from freqpilot.errors import NoEntry
from freqpilot.execution.ids import parse_client_order_id
from freqpilot.host.account.begin import begin
from freqpilot.host.orders import stopways
from freqpilot.host.orders.stopless import Stopless
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock

ALGO, PLAIN = BinanceFutures.algo, BinanceFutures.path
APART = {"stop": True}


@pytest.fixture(autouse=True)
def clock() -> Iterator[VirtualClock]:
    init_db("sqlite://")
    with VirtualClock(datetime(2026, 1, 1, tzinfo=UTC)) as clock:
        begin(CONFIG, live=False)
        assert current().name
        yield clock
        end()
        Trade.session.remove()


@pytest.fixture
def wire(clock: VirtualClock) -> BinanceFutures:
    made = BinanceFutures(clock)
    stopways.install(made.api, current)
    made.home = "plain"
    return made


def place(wire: BinanceFutures) -> Any:
    return send(wire.api, STOP, symbol=wire.pair, side="sell", amount=1.5, **wire.stop())


def paths(wire: BinanceFutures) -> list[str]:
    return [path for path, _ in wire.placed]


def events(kind: str) -> list[Any]:
    return current().store.events(kind)


def test_a_stop_that_is_refused_where_ccxt_sends_it_goes_to_the_other_endpoint(
    wire: BinanceFutures,
) -> None:
    made = place(wire)
    assert paths(wire) == [ALGO, PLAIN]
    order = wire.placed[1][1]
    name = parse_client_order_id(order["newClientOrderId"])
    assert name is not None
    assert (name.purpose, order["newClientOrderId"]) == ("stop", wire.placed[0][1]["clientAlgoId"])
    assert (order["type"], order["stopPrice"], order["reduceOnly"]) == ("STOP_MARKET", "90", "true")
    assert (order["side"], order["quantity"], order["recvWindow"]) == ("SELL", "1.5", "5000")
    assert (made["status"], made["stopPrice"]) == ("open", 90.0)
    assert states() == [("accepted", made["id"])]


def test_a_person_hears_once_that_stops_have_moved_and_once_that_they_are_back(
    wire: BinanceFutures,
) -> None:
    for _ in range(2):
        place(wire)
    (event,) = events("stops moved")
    assert event.level == "WARNING"
    assert "at /order: it has moved stops" in event.text
    wire.home = "algo"
    for _ in range(2):
        place(wire)
    assert len(events("stops moved")) == 2
    assert paths(wire)[4:] == [ALGO, ALGO]
    assert not events("no stops")


def test_a_ccxt_that_knows_only_the_old_endpoint_is_helped_to_the_new_one(
    wire: BinanceFutures,
) -> None:
    """As it was on 2025-12-09."""
    wire.home = "algo"

    def old(**order: Any) -> Any:
        order["params"] = {**order["params"], "isAlgoOrder": False}
        request = wire.api.create_order_request(**order)
        return wire.api.parse_order(wire.api.fapiPrivatePostOrder(request))

    wire.api.create_order = old
    made = place(wire)
    assert paths(wire) == [PLAIN, ALGO]
    assert wire.placed[1][1]["algoType"] == "CONDITIONAL"
    assert states() == [("accepted", made["id"])]


def test_an_answer_that_is_lost_at_the_other_endpoint_is_looked_for_there(
    wire: BinanceFutures,
) -> None:
    wire.fate = Fate(answer=LOST)
    made = place(wire)
    assert wire.asked[-2:] == [("GET", ALGO), ("GET", PLAIN)]
    assert (made["status"], states()) == ("open", [("accepted", made["id"])])
    assert paths(wire) == [ALGO, PLAIN], "and it is not placed twice"


def test_a_stop_that_never_arrived_at_the_other_endpoint_is_absent_from_both(
    wire: BinanceFutures, clock: VirtualClock
) -> None:
    wire.fate = Fate(arrives=False, answer=LOST)
    with pytest.raises(ccxt.RequestTimeout):
        place(wire)
    assert states() == [("sent", None)]
    later(wire.api, clock)
    assert states() == [("absent", None)]


def test_what_the_other_endpoint_refuses_for_a_reason_of_its_own_is_rejected(
    wire: BinanceFutures,
) -> None:
    wire.fate = Fate(arrives=False, answer=(400, {"code": -2021, "msg": "would trigger"}))
    with pytest.raises(ccxt.ExchangeError, match="-2021"):
        place(wire)
    assert [state for state, _ in states()] == ["rejected"]
    assert not events("no stops"), "the fault is the position's"


def test_where_no_endpoint_takes_a_stop_a_person_hears_of_it_and_entries_wait(
    wire: BinanceFutures,
) -> None:
    wire.home = "nowhere"
    for _ in range(2):
        with pytest.raises(ccxt.InvalidOrder, match="-4120"):
            place(wire)
    assert [state for state, _ in states()] == ["rejected", "rejected"]
    (event,) = events("no stops")
    assert event.level == "CRITICAL"
    assert "-4120" in event.text
    with pytest.raises(NoEntry, match="no stop can be placed"):
        current().part(Stopless).require()


def test_only_stops_are_sent_elsewhere(wire: BinanceFutures) -> None:
    wire.fate = Fate(arrives=False, answer=(400, {"code": -4120, "msg": "not supported"}))
    with pytest.raises(ccxt.ExchangeError):
        send(wire.api, symbol=wire.pair, amount=1.5, params={})
    assert paths(wire) == [PLAIN]


class TestFreqtradeAsks:
    """By the exchange's number, where ccxt looks for stops."""

    def test_a_stop_at_the_other_endpoint_is_found(self, wire: BinanceFutures) -> None:
        number = place(wire)["id"]
        found = wire.api.fetch_order(number, wire.pair, APART)
        assert (found["id"], found["status"], found["stopPrice"]) == (number, "open", 90.0)

    def test_it_is_cancelled_there(self, wire: BinanceFutures) -> None:
        number = place(wire)["id"]
        assert wire.api.cancel_order(number, wire.pair, APART)["status"] == "canceled"
        assert wire.api.fetch_order(number, wire.pair, APART)["status"] == "canceled"

    def test_one_that_was_filled_there_is_not_cancelled(self, wire: BinanceFutures) -> None:
        wire.fate = Fate(state="filled", filled=1.0)
        number = place(wire)["id"]
        found = wire.api.cancel_order(number, wire.pair, APART)
        assert (found["status"], found["filled"]) == ("closed", 1.5)
        assert wire.asked[-1] == ("GET", PLAIN)

    def test_another_order_of_that_number_is_not_taken(self, wire: BinanceFutures) -> None:
        number = send(wire.api, symbol=wire.pair, amount=1.5, params={})["id"]
        for ask in (wire.api.fetch_order, wire.api.cancel_order):
            with pytest.raises(ccxt.OrderNotFound):
                ask(number, wire.pair, APART)
        assert wire.orders[wire.placed[0][1]["newClientOrderId"]]["status"] == "NEW"

    def test_one_that_is_nowhere_is_not_found(self, wire: BinanceFutures) -> None:
        for ask, params in ((wire.api.fetch_order, APART), (wire.api.cancel_order, {})):
            with pytest.raises(ccxt.OrderNotFound):
                ask("77", wire.pair, params)
        assert [path for _, path in wire.asked] == [ALGO, PLAIN, PLAIN]

    def test_where_stops_have_one_home_nothing_else_is_asked(self, clock: VirtualClock) -> None:
        spot = BinanceSpot(clock)
        stopways.install(spot.api, current)
        stopways.install(spot.api, current)
        with pytest.raises(ccxt.OrderNotFound):
            spot.api.fetch_order("77", spot.pair)
        assert len(spot.asked) == 1
