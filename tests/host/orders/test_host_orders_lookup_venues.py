"""Conversations with the proven exchanges, through ccxt's own classes.

Each test is a case of the specification. Its number, behind the prefix of the exchange and mode, is
the case's name: BIN-S-01, OKX-F-05. The answers are those that the exchanges document; the pages
are named at the classes of ``venue_stage``. Bybit's spot has no stops that Freqtrade places.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import ccxt
import pytest
import requests
from order_stage import CONFIG, later, states
from venue_stage import LOST, WIRES, BinanceFutures, BybitSpot, Fate, OkxFutures, OkxSpot, Wire

from freqpilot.execution.ids import parse_client_order_id
from freqpilot.execution.venues import is_proven, mode_of
from freqpilot.host.account.begin import begin
from freqpilot.host.orders import sending
from freqpilot.host.orders.lookup import fetch, look_up
from freqpilot.host.orders.outcomes import Silent
from freqpilot.host.run.current import current, end
from freqpilot.rehearsal.clock import VirtualClock

ENTRY = sending.Sending("entry", None, 1.0)
EXIT = sending.Sending("exit", 7, 1.0)
STOP = sending.Sending("stop", 7, 1.0, 90.0)
AMOUNT = 1.5


@pytest.fixture(autouse=True)
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(datetime(2026, 1, 1, tzinfo=UTC)) as clock:
        begin(CONFIG, live=False)
        assert current().name
        yield clock
        end()


@pytest.fixture(params=WIRES, ids=lambda made: made.prefix)
def wire(request: pytest.FixtureRequest, clock: VirtualClock) -> Wire:
    made: Wire = request.param(clock)
    return made


@pytest.fixture
def stops(wire: Wire) -> Wire:
    if wire.prefix == BybitSpot.prefix:
        pytest.skip("Freqtrade places no stops on Bybit's spot market")
    return wire


def send(wire: Wire, what: sending.Sending = ENTRY, **change: Any) -> Any:
    """Send an order as Freqtrade does: contracts on futures, here a tenth of a coin on OKX."""
    side = "buy" if what.purpose == "entry" else "sell"
    order = {
        "symbol": wire.pair,
        "type": "limit",
        "side": side,
        "amount": AMOUNT,
        "price": 100.0,
        "params": {},
        **change,
    }
    with sending.sending(what):
        return sending.send(wire.api, wire.api.create_order, **order)


def place_stop(wire: Wire) -> Any:
    return send(wire, STOP, **wire.stop())


def posts(wire: Wire) -> int:
    return sum(method == "POST" for method, _ in wire.asked)


def test_00_the_exchange_is_proven(wire: Wire) -> None:
    assert is_proven(wire.api.id, mode_of(wire.pair))


def test_01_an_order_is_accepted_under_its_name(wire: Wire) -> None:
    made = send(wire)
    assert states() == [("accepted", str(made["id"]))]
    (name,) = wire.orders
    assert parse_client_order_id(name) is not None
    assert posts(wire) == 1


def test_02_accepted_and_open_but_the_answer_was_lost(wire: Wire) -> None:
    wire.fate = Fate(answer=LOST)
    found = send(wire)
    assert (found["status"], found["side"], found["amount"]) == ("open", "buy", AMOUNT)
    assert states() == [("accepted", str(found["id"]))]
    assert posts(wire) == 1


def test_03_filled_but_the_answer_was_lost(wire: Wire) -> None:
    wire.fate = Fate(state="filled", filled=1.0, answer=LOST)
    found = send(wire)
    assert (found["status"], found["filled"]) == ("closed", AMOUNT)
    assert posts(wire) == 1


def test_04_filled_by_half_then_cancelled_but_the_answer_was_lost(wire: Wire) -> None:
    """Bybit calls it PartiallyFilledCanceled, which its list of filled orders leaves out."""
    wire.fate = Fate(state="cancelled", filled=0.5, answer=LOST)
    found = send(wire, EXIT)
    assert found["filled"] == AMOUNT / 2
    assert found["status"] in ("expired", "closed"), "what Freqtrade takes the fills of"
    assert states() == [("accepted", str(found["id"]))]


def test_05_it_never_arrived(wire: Wire, clock: VirtualClock) -> None:
    wire.fate = Fate(arrives=False, answer=LOST)
    with pytest.raises(ccxt.RequestTimeout):
        send(wire)
    assert states() == [("sent", None)], "it may still arrive"
    later(wire.api, clock)
    assert states() == [("absent", None)]
    wire.fate = Fate()
    send(wire)
    assert [state for state, _ in states()] == ["absent", "accepted"]


def test_06_a_stop_whose_answer_was_lost_is_not_placed_twice(stops: Wire) -> None:
    stops.fate = Fate(answer=LOST)
    found = place_stop(stops)
    assert (found["status"], found["side"], found["amount"]) == ("open", "sell", AMOUNT)
    assert states() == [("accepted", str(found["id"]))]
    assert posts(stops) == 1


def test_07_a_stop_whose_fate_is_known_only_in_the_next_loop_is_not_placed_twice(
    stops: Wire,
) -> None:
    stops.fate, stops.refusing = Fate(answer=LOST), (503, "Service Unavailable")
    with pytest.raises(ccxt.ExchangeNotAvailable):
        place_stop(stops)
    assert states() == [("sent", None)]
    stops.fate, stops.refusing = Fate(), None
    found = place_stop(stops)
    assert states() == [("accepted", str(found["id"]))]
    assert posts(stops) == 1


def test_08_it_was_rejected(wire: Wire) -> None:
    wire.fate = Fate(arrives=False, answer=wire.rejected)
    with pytest.raises(ccxt.ExchangeError):
        send(wire)
    assert states() == [("rejected", None)]
    assert [method for method, _ in wire.asked] == ["POST"], "it is not looked up"


@pytest.mark.parametrize(
    "answer",
    [
        (503, "Service Unavailable"),
        (502, "<html>Bad Gateway</html>"),
        (504, "<html>Gateway Timeout</html>"),
        (200, "<html>not JSON"),
        (200, ""),
        requests.exceptions.ConnectionError("Connection aborted."),
        requests.exceptions.SSLError("handshake"),
    ],
    ids=["503", "502", "504", "unreadable", "empty", "disconnected", "ssl"],
)
@pytest.mark.parametrize("arrives", [True, False])
def test_09_what_settles_nothing_is_looked_up(
    wire: Wire, clock: VirtualClock, answer: Any, arrives: bool
) -> None:
    wire.fate = Fate(arrives=arrives, answer=answer)
    if arrives:
        assert send(wire)["status"] == "open"
        assert states()[0][0] == "accepted"
    else:
        with pytest.raises(ccxt.BaseError):
            send(wire)
        later(wire.api, clock)
        assert states() == [("absent", None)]
    assert posts(wire) == 1


@pytest.mark.parametrize("arrives", [True, False])
def test_10_too_many_requests_settle_nothing(
    wire: Wire, clock: VirtualClock, arrives: bool
) -> None:
    wire.fate = Fate(arrives=arrives, answer=wire.overloaded)
    if arrives:
        assert send(wire)["status"] == "open"
    else:
        with pytest.raises(ccxt.NetworkError):
            send(wire)
        later(wire.api, clock)
        assert states() == [("absent", None)]
    assert posts(wire) == 1


@pytest.mark.parametrize("answer", [(503, "down"), (429, "slow down"), (200, "<html>")])
def test_11_while_the_exchange_is_not_asked_nothing_is_settled(wire: Wire, answer: Any) -> None:
    wire.fate, wire.refusing = Fate(arrives=False, answer=LOST), answer
    with pytest.raises(ccxt.BaseError):
        send(wire)
    assert states() == [("sent", None)]


def test_12_a_stop_that_was_triggered_stays_open_for_freqtrade(clock: VirtualClock) -> None:
    """Freqtrade asks for the order that it has become; on Bybit it stays the same order."""
    for made in (BinanceFutures, OkxSpot, OkxFutures):
        wire = made(clock)
        wire.fate = Fate(state="triggered", answer=LOST)
        assert place_stop(wire)["status"] == "open", made.prefix


def test_13_an_order_is_found_again_after_an_hour(wire: Wire, clock: VirtualClock) -> None:
    wire.fate = Fate(state="filled", filled=1.0, answer=LOST)
    wire.refusing = (503, "down")
    with pytest.raises(ccxt.BaseError):
        send(wire)
    wire.refusing = None
    clock.advance(3600)
    (intent,) = current().store.intents()
    found = look_up(current(), wire.api, intent)
    assert found is not None
    assert found["filled"] == AMOUNT


def test_14_an_older_order_of_the_same_name_is_not_taken(wire: Wire, clock: VirtualClock) -> None:
    send(wire, EXIT)
    (name,) = wire.orders
    (intent,) = current().store.intents()
    wire.orders[name] = aged(wire.orders[name])
    end()
    begin(CONFIG, live=False).bot = str(intent.client_id.split("-")[1])
    wire.fate = Fate(arrives=False, answer=LOST)
    with pytest.raises(ccxt.RequestTimeout, match="is another one"):
        send(wire, EXIT)
    assert states() == [("sent", None)]


def aged(order: dict[str, Any]) -> dict[str, Any]:
    """Return an order as of a day before."""
    older = dict(order)
    for key in ("time", "cTime", "createdTime"):
        if key in order:
            older[key] = type(order[key])(int(order[key]) - 86_400_000)
    return older


def test_15_what_ccxt_refuses_itself_was_never_sent(wire: Wire) -> None:
    with pytest.raises(ccxt.BaseError):
        send(wire, amount=0.0000001)
    assert states() == [("denied", None)]
    assert posts(wire) == 0


def test_16_binance_takes_futures_stops_at_an_endpoint_of_their_own(clock: VirtualClock) -> None:
    """Since 2025-12-09: https://developers.binance.com/docs/derivatives/change-log. What it refuses
    at each endpoint (−4120) is refused; ``test_host_orders_stopways.py`` has what is taken."""
    wire = BinanceFutures(clock)
    place_stop(wire)
    assert [path for path, _ in wire.placed] == [BinanceFutures.algo]
    wire.home = "nowhere"
    with pytest.raises(ccxt.InvalidOrder, match="-4120"):
        place_stop(wire)
    assert [path for path, _ in wire.placed[1:]] == [BinanceFutures.algo, BinanceFutures.path]
    assert [state for state, _ in states()] == ["accepted", "rejected"]


def test_17_okx_takes_letters_and_digits_and_the_brokers_tag(clock: VirtualClock) -> None:
    wire = OkxSpot(clock)
    send(wire)
    place_stop(wire)
    (_, order), (_, stop) = wire.placed
    assert order["clOrdId"].isalnum()
    assert stop["algoClOrdId"].isalnum()
    assert order["tag"] == stop["tag"] == "ffb5405ad327SUDE"


def test_18_an_intent_counts_coins_not_contracts(clock: VirtualClock) -> None:
    send(OkxFutures(clock))
    (intent,) = current().store.intents()
    assert intent.amount == pytest.approx(AMOUNT / 10)


def test_19_ccxts_own_call_for_one_order_fails_on_bybits_unified_account(
    clock: VirtualClock,
) -> None:
    """The reason for three questions there: that call raises until it is told otherwise."""
    wire = BybitSpot(clock)
    with pytest.raises(ccxt.ArgumentsRequired, match="acknowledged"):
        wire.api.fetch_order("1", wire.pair)


def test_20_after_a_restart_of_bybit_only_the_history_has_what_is_closed(
    clock: VirtualClock,
) -> None:
    """https://bybit-exchange.github.io/docs/v5/order/open-order says so of unified accounts."""
    wire = BybitSpot(clock)
    wire.recent = False
    wire.fate = Fate(state="cancelled", filled=0.5, answer=LOST)
    assert send(wire, EXIT)["filled"] == AMOUNT / 2
    assert wire.asked[-1] == ("GET", "/v5/order/history")


@pytest.mark.parametrize("side", [ENTRY, EXIT], ids=["buy", "sell"])
def test_21_an_order_at_the_market_that_was_filled(wire: Wire, side: sending.Sending) -> None:
    """Bybit and OKX could count a buy in money; both are asked for coins."""
    wire.fate = Fate(state="filled", filled=1.0, answer=LOST)
    found = send(wire, side, type="market", price=None)
    assert (found["status"], found["filled"]) == ("closed", AMOUNT)


def test_22_an_order_is_found_by_the_number_that_a_person_gives(wire: Wire) -> None:
    """Its name is not the one that was written down."""
    wire.fate = Fate(state="filled", filled=1.0)
    number = str(send(wire)["id"])
    (intent,) = current().store.intents()
    other = intent.client_id.replace("-n1-", "-n9-")
    found = fetch(current(), wire.api, replace(intent, client_id=other, order_id=number))
    assert str(found["id"]) == number


@pytest.mark.parametrize("made", [OkxSpot, OkxFutures], ids=lambda made: made.prefix)
def test_23_an_answer_of_okx_without_an_order_settles_nothing(
    made: type[Wire], clock: VirtualClock
) -> None:
    """The next stop goes out all the same, as a position must not stay without one."""
    wire = made(clock)
    wire.fate = Fate(arrives=False, answer=LOST)
    wire.refusing = (200, {"code": "0", "data": [], "msg": ""})
    with pytest.raises(Silent, match="does not say so"):
        place_stop(wire)
    assert states() == [("sent", None)]
    wire.fate = Fate()
    clock.advance(60)
    place_stop(wire)
    assert [state for state, _ in states()] == ["sent", "accepted"]


def test_24_a_stop_whose_pair_cannot_be_asked_for_goes_out_anew(stops: Wire) -> None:
    """One whose exchange is out of reach waits (case 07): it would not arrive."""
    stops.fate, stops.refusing = Fate(arrives=False, answer=LOST), (503, "down")
    with pytest.raises(ccxt.BaseError):
        place_stop(stops)
    stops.fate, stops.refusing = Fate(), (200, "[]")

    def unknown(*_: Any, **__: Any) -> Any:
        raise ccxt.BadSymbol("no such market")

    for look in ("fetch_order", "fetch_open_orders"):
        setattr(stops.api, look, unknown)
    place_stop(stops)
    assert [state for state, _ in states()] == ["sent", "accepted"]
