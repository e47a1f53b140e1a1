"""Orders under their own names: looked up when uncertain, never sent twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import ccxt
import pytest
from order_stage import CONFIG, ENTRY, EXIT, ORDER, Api, Out, later, send, states

from freqpilot.execution.ids import parse_client_order_id
from freqpilot.host.account.begin import begin
from freqpilot.host.orders import sending
from freqpilot.host.orders.lookup import PATIENCE
from freqpilot.host.orders.outcomes import Early
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock


@pytest.fixture(autouse=True)
def clock() -> Iterator[VirtualClock]:
    """Sleep in virtual time."""
    with VirtualClock(datetime(2026, 1, 1, tzinfo=UTC)) as clock:
        yield clock


@pytest.fixture(autouse=True)
def run(clock: VirtualClock) -> Iterator[Run]:
    begun = begin(CONFIG, live=False)
    assert current().name  # a live run knows it from its start
    yield begun
    end()


@pytest.fixture
def api(clock: VirtualClock) -> Api:
    return Api(clock)


def test_an_order_is_written_down_under_its_name(api: Api) -> None:
    assert send(api)["id"] == "0"
    params = api.sent[0]["params"]
    name = parse_client_order_id(params["clientOrderId"])
    assert name is not None
    assert (name.trade, name.purpose, name.sequence) == ("n1", "entry", 1)
    assert params["timeInForce"] == "GTC"
    assert params["recvWindow"] == 5_000
    assert states() == [("accepted", "0")]


def test_names_count_up_and_survive_a_restart(api: Api) -> None:
    for what in (ENTRY, ENTRY, EXIT, EXIT, sending.Sending("stop", 7, 1.0, 90.0)):
        send(api, what)
    names = [parse_client_order_id(o["params"]["clientOrderId"]) for o in api.sent]
    told = [(n.trade, n.purpose, n.sequence) for n in names if n]
    assert told == [
        ("n1", "entry", 1),
        ("n2", "entry", 1),
        ("7", "exit", 1),
        ("7", "exit", 2),
        ("7", "stop", 1),
    ]
    assert len({n.bot for n in names if n}) == 1


@pytest.mark.parametrize("what", [EXIT, sending.Sending("stop", 7, 1.0, 90.0)])
@pytest.mark.parametrize("passes", range(7))
def test_an_exit_goes_out_while_the_store_is_out(
    api: Api, monkeypatch: pytest.MonkeyPatch, what: sending.Sending, passes: int
) -> None:
    store = current().store
    monkeypatch.setattr(current(), "store", Out(store, passes))
    assert send(api, what)["id"] == "0"
    assert len(api.sent) == 1


def test_an_exit_of_unknown_fate_is_asked_for_before_it_is_sent_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = current()
    monkeypatch.setattr(run, "store", Out(run.store, 0))
    api.fault, api.out = ccxt.RequestTimeout("no answer"), True
    with pytest.raises(ccxt.ExchangeNotAvailable):
        send(api, EXIT)
    api.fault, api.out = None, False
    assert send(api, EXIT)["id"] == "0"
    assert len(api.sent) == 1


def test_an_exit_that_was_written_is_asked_for_again_though_the_store_is_out_by_then(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = current()
    api.fault, api.out = ccxt.RequestTimeout("no answer"), True
    with pytest.raises(ccxt.ExchangeNotAvailable):
        send(api, EXIT)
    monkeypatch.setattr(run, "store", Out(run.store, 0))
    api.fault, api.out = None, False
    assert send(api, EXIT)["id"] == "0"
    assert len(api.sent) == 1


@pytest.mark.parametrize("passes", range(3))
def test_nothing_that_raises_risk_goes_out_unwritten(
    api: Api, monkeypatch: pytest.MonkeyPatch, passes: int
) -> None:
    store = current().store
    assert current().name
    monkeypatch.setattr(current(), "store", Out(store, passes))
    with pytest.raises(ccxt.OperationFailed, match="was not sent; exits go on"):
        send(api, ENTRY)
    assert api.sent == []


def test_an_order_that_was_made_is_not_lost_with_the_store(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = current().store
    assert current().name
    monkeypatch.setattr(current(), "store", Out(store, 3))
    assert send(api, ENTRY)["id"] == "0"
    assert [each.state for each in store.intents()] == ["sent"], "so it is looked up"


def test_the_intent_is_there_before_the_order(api: Api) -> None:
    seen: list[tuple[str, str | None]] = []

    def create_order(**order: Any) -> Any:
        seen.extend(states())
        return api.create_order(**order)

    with sending.sending(ENTRY):
        sending.send(api, create_order, **ORDER)
    assert seen == [("sent", None)]


@pytest.mark.parametrize("delay", [0.0, 1.0])
def test_a_lost_answer_is_looked_up_not_sent_again(api: Api, delay: float) -> None:
    api.fault, api.arrives = ccxt.NetworkError("reset"), delay
    assert send(api)["id"] == "0"
    assert len(api.sent) == 1
    assert states() == [("accepted", "0")]


@pytest.mark.parametrize("delay", [1.1, 3.0, 4.9])
@pytest.mark.parametrize("what", [ENTRY, EXIT])
def test_one_that_arrives_later_holds_up_the_loop_for_a_second(
    api: Api, clock: VirtualClock, delay: float, what: sending.Sending
) -> None:
    begun = clock()
    api.fault, api.arrives = ccxt.NetworkError("reset"), delay
    with pytest.raises(Early, match="may still arrive"):
        send(api, what)
    assert clock() - begun == PATIENCE
    assert states() == [("sent", None)]
    later(api, clock)
    assert states() == [("accepted", "0")]
    assert len(api.sent) == 1


def test_an_uncertain_exit_that_arrived_is_given_back_instead_of_a_second_one(api: Api) -> None:
    api.fault, api.out = ccxt.ExchangeNotAvailable("503"), True
    with pytest.raises(ccxt.ExchangeNotAvailable):
        send(api, EXIT, side="sell")
    api.fault, api.out = None, False
    assert send(api, EXIT, side="sell")["id"] == "0"
    assert len(api.sent) == 1


def test_no_second_exit_is_sent_while_the_first_may_arrive(api: Api) -> None:
    api.fault, api.arrives = ccxt.NetworkError("reset"), None
    for _ in range(3):
        with pytest.raises(Early):
            send(api, EXIT, side="sell")
    assert len(api.sent) == 1


def test_an_uncertain_exit_that_never_arrived_is_sent_anew(api: Api, clock: VirtualClock) -> None:
    api.fault, api.out, api.arrives = ccxt.ExchangeNotAvailable("503"), True, None
    with pytest.raises(ccxt.ExchangeNotAvailable):
        send(api, EXIT, side="sell")
    api.fault, api.out = None, False
    clock.advance(10)
    assert send(api, EXIT, side="sell")["id"] == "1"
    assert [state for state, _ in states()] == ["absent", "accepted"]


def test_an_exit_waits_for_nothing_but_its_own_kind(api: Api) -> None:
    """Another order's unknown fate must not hold up an exit."""
    api.fault, api.out = ccxt.ExchangeNotAvailable("503"), True
    with pytest.raises(ccxt.ExchangeNotAvailable):
        send(api)
    asked = api.asked
    api.fault = None
    assert send(api, EXIT, side="sell")["id"] == "1"
    assert api.asked == asked


def test_a_refused_order_is_not_looked_up(api: Api) -> None:
    api.fault = ccxt.InsufficientFunds("-2010")
    with pytest.raises(ccxt.InsufficientFunds):
        send(api)
    assert api.asked == 0
    assert states() == [("rejected", None)]


def test_fills_of_an_order_that_is_cancelled_already_are_taken_in(api: Api) -> None:
    api.status, api.filled = "canceled", 0.005
    assert send(api, EXIT, side="sell")["status"] == "expired"
    api.filled = 0.0
    assert send(api, EXIT, side="sell")["status"] == "canceled"


def test_what_is_not_sent_by_the_bot_passes_untouched(api: Api) -> None:
    given = {**ORDER, "params": {"clientOrderId": "mine"}}
    sending.send(api, api.create_order, **given)
    assert api.sent[0]["params"] == {"clientOrderId": "mine"}
    assert states() == []


def test_an_order_of_the_day_before_last_is_not_given_back_for_a_new_one(
    api: Api, clock: VirtualClock
) -> None:
    """A person is asked about it."""
    api.fault, api.out = ccxt.ExchangeNotAvailable("503"), True
    with pytest.raises(ccxt.ExchangeNotAvailable):
        send(api, EXIT, side="sell")
    api.fault, api.out = None, False
    clock.advance(86_401)
    assert send(api, EXIT, side="sell")["id"] == "1"
