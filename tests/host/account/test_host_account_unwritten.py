"""What could not be written of an order while the store was out counts, and is written later."""

from collections.abc import Iterator
from datetime import UTC, datetime

import ccxt
import pytest
from order_stage import CONFIG, EXIT, STOP, Api, Out, send

from freqpilot.host.account import unwritten
from freqpilot.host.account.begin import begin
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


def test_a_stop_whose_answer_is_lost_while_the_store_is_out_is_known_by_its_name(
    api: Api, monkeypatch: pytest.MonkeyPatch, clock: VirtualClock
) -> None:
    run = current()
    store = run.store
    monkeypatch.setattr(run, "store", Out(store, 0))
    api.fault = ccxt.RequestTimeout("no answer")
    assert send(api, STOP)["id"] == "0"
    (intent,) = run.unwritten.values()
    assert (intent.state, intent.order_id) == ("accepted", "0")
    assert api.sent[0]["params"]["clientOrderId"] == intent.client_id
    monkeypatch.setattr(run, "store", store)
    unwritten.write(run)
    assert run.unwritten == {}
    assert [each.client_id for each in run.intents("accepted")] == [intent.client_id]


def test_what_waits_to_be_written_counts_as_it_is_known(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = current()
    store = run.store
    monkeypatch.setattr(run, "store", Out(store, 3))  # the intent is written, its end is not
    send(api, EXIT)
    monkeypatch.setattr(run, "store", store)
    assert run.intents("sent") == []
    assert [each.order_id for each in run.intents("accepted")] == ["0"]
    assert [each.state for each in store.intents()] == ["sent"]
