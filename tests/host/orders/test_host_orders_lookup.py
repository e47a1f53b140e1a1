"""What became of an order whose answer was lost, and how long it may still arrive."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import ccxt
import pytest
from order_stage import CONFIG, ENTRY, EXIT, ORDER, Api, later, send, states

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.orders import lookup, sending
from freqpilot.host.orders.fit import CLOCK_ERROR
from freqpilot.host.orders.lookup import (
    PATIENCE,
    UNNAMED_WINDOW,
    fetch,
    look_up,
    require_certainty,
)
from freqpilot.host.orders.outcomes import Early, Silent
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderIntent

RECEIVE_WINDOW = 5.0
"""Binance's, as the table of venues has it."""


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


def test_what_never_arrives_is_given_up_once_the_window_is_over(
    api: Api, clock: VirtualClock
) -> None:
    begun = clock()
    api.fault, api.arrives = ccxt.RequestTimeout("timeout"), None
    with pytest.raises(ccxt.RequestTimeout):
        send(api)
    assert clock() - begun == PATIENCE
    assert states() == [("sent", None)]
    later(api, clock)
    assert states() == [("absent", None)]


def test_an_unknown_fate_keeps_entries_away_until_it_is_known(
    api: Api, clock: VirtualClock
) -> None:
    api.fault, api.arrives, api.out = ccxt.ExchangeNotAvailable("503"), None, True
    with pytest.raises(ccxt.ExchangeNotAvailable):
        send(api)
    assert states() == [("sent", None)]
    with pytest.raises(NoEntry, match="fate of the order fq-"):
        require_certainty(current(), api)
    api.out = False
    with pytest.raises(NoEntry, match="may still arrive"):
        require_certainty(current(), api)
    clock.advance(10)
    require_certainty(current(), api)
    assert states() == [("absent", None)]


@pytest.mark.parametrize("delay", [0.0, 20.0])
def test_an_exchange_without_names_is_searched_for_the_order(
    api: Api, clock: VirtualClock, delay: float
) -> None:
    api.id, api.fault, api.arrives = "kraken", ccxt.NetworkError("reset"), delay
    if delay:
        with pytest.raises(Early):
            send(api)
        later(api, clock)
    else:
        assert send(api)["id"] == "0"
    assert api.sent[0]["params"] == {"timeInForce": "GTC"}
    api.arrives = 0.0
    assert send(api)["id"] == "1", "an order that is known already is not taken for a new one"
    assert states() == [("accepted", "0"), ("accepted", "1")]


def test_an_order_without_a_name_that_is_not_found_stays_unresolved(
    api: Api, clock: VirtualClock
) -> None:
    """Bitvavo has no list of closed orders: an entry that is filled there is in no list at all."""
    begun = clock()
    api.id, api.fault, api.arrives = "bitvavo", ccxt.NetworkError("reset"), None
    with pytest.raises(Early, match="settles nothing"):
        send(api)
    assert clock() - begun == PATIENCE
    clock.advance(UNNAMED_WINDOW + CLOCK_ERROR)
    assert states() == [("sent", None)]
    with pytest.raises(Silent):
        send(api)
    assert len(api.sent) == 1, "a second entry is not sent"


def test_an_exit_does_not_wait_for_what_is_never_settled(api: Api, clock: VirtualClock) -> None:
    api.id, api.fault, api.arrives = "kraken", ccxt.NetworkError("reset"), None
    with pytest.raises(Silent):
        send(api, EXIT, side="sell")
    api.fault, api.arrives = None, 0.0
    api.sent.clear()  # the first never was
    clock.advance(UNNAMED_WINDOW + CLOCK_ERROR)
    assert send(api, EXIT, side="sell")["id"] == "0"
    assert [state for state, _ in states()] == ["sent", "accepted"]


class TestOtherOrder:
    """A store that was restored from a backup gives names again that the exchange knows."""

    def test_last_weeks_exit_is_not_taken_for_todays(self, api: Api, clock: VirtualClock) -> None:
        name = f"fq-{current().name}-7-exit-1"
        week_ago = clock() - 7 * 86_400
        params = {"clientOrderId": name}
        api.sent.append({**ORDER, "side": "sell", "params": params, "at": week_ago})

        def create_order(**_: Any) -> Any:
            raise ccxt.RequestTimeout("it never arrived")

        api.create_order = create_order  # type: ignore[method-assign]
        with pytest.raises(Silent, match=r"is another one: it was made .* before"):
            send(api, EXIT, side="sell")
        assert [each.client_id for each in current().store.intents()] == [name]
        assert states() == [("sent", None)]

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"side": "buy"}, "it is a buy order"),
            ({"amount": 0.0101}, "it is of 0.0101, meant was 0.01"),
            ({"timestamp": None}, "does not say when"),
        ],
    )
    def test_side_amount_and_time_have_to_fit(
        self, api: Api, clock: VirtualClock, change: dict[str, Any], reason: str
    ) -> None:
        api.fault = ccxt.RequestTimeout("lost")
        answer = api.fetch_order
        api.fetch_order = lambda *given: {**answer(*given), **change}  # type: ignore[method-assign]
        with pytest.raises(Silent, match=reason):
            send(api, EXIT, side="sell")
        assert states() == [("sent", None)]


BEFORE, AT, AFTER = -0.5, 0.0, 0.5
"""Seconds beside the limit that a test is about."""


class TestLimits:
    """What a look says before, at and after the moment up to which an order may still arrive."""

    @staticmethod
    def sent(seconds_ago: float) -> OrderIntent:
        """Write an order down as sent so long ago; it never arrives."""
        when = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        meant = OrderIntent(
            "fq-aaaaaaaa-n1-entry-1",
            "BTC/USDT",
            "buy",
            "entry",
            None,
            "limit",
            0.01,
            100.0,
            None,
            1.0,
            None,
            when,
        )
        current().store.save_intent(meant)
        return meant

    @pytest.mark.parametrize(("beside", "gone"), [(BEFORE, False), (AT, True), (AFTER, True)])
    def test_an_order_is_absent_from_the_limit_on(
        self, api: Api, beside: float, gone: bool
    ) -> None:
        api.arrives = None
        begun = datetime.now(UTC)
        limit = RECEIVE_WINDOW + CLOCK_ERROR
        assert look_up(current(), api, self.sent(limit + beside)) is None
        assert states() == [("absent", None)]
        waited = (datetime.now(UTC) - begun).total_seconds()
        assert waited == (0.0 if gone else 1.0), "the next look is a second later"

    @pytest.mark.parametrize(("beside", "gone"), [(BEFORE, False), (AT, True), (AFTER, True)])
    def test_without_a_name_no_more_is_asked_from_the_limit_on(
        self, api: Api, beside: float, gone: bool
    ) -> None:
        api.id, api.arrives = "kraken", None
        begun = datetime.now(UTC)
        with pytest.raises(Silent):
            look_up(current(), api, self.sent(UNNAMED_WINDOW + CLOCK_ERROR + beside))
        assert states() == [("sent", None)]
        assert (datetime.now(UTC) - begun).total_seconds() == (0.0 if gone else 1.0)

    def test_an_order_too_old_to_be_found_by_its_name_is_not_absent(self, api: Api) -> None:
        """Binance finds a filled order by its name for 90 days."""
        api.arrives = None
        with pytest.raises(Silent, match="too old"):
            look_up(current(), api, self.sent(91 * 86_400))
        assert states() == [("sent", None)]

    def test_a_relative_of_a_proven_exchange_is_not_believed(self, api: Api) -> None:
        api.id, api.arrives = "binanceus", None
        with pytest.raises(Silent, match="has no order"):
            look_up(current(), api, self.sent(60))
        assert states() == [("sent", None)]

    def test_not_found_in_other_words_settles_nothing(self, api: Api) -> None:
        def fetch_order(*_: Any) -> Any:
            raise ccxt.OrderNotFound("404 page not found")

        api.fetch_order = fetch_order  # type: ignore[method-assign]
        with pytest.raises(Silent, match="404"):
            look_up(current(), api, self.sent(60))
        assert states() == [("sent", None)]

    def test_the_limits_are_the_window_and_the_clocks(self) -> None:
        """Binance carries a request out for 5 s by its own clock, which may be 2 s behind ours."""
        assert (RECEIVE_WINDOW, CLOCK_ERROR) == (5.0, 2.0)
        assert UNNAMED_WINDOW == 28.0

    @pytest.mark.parametrize(
        ("seconds", "ours"), [(-2.5, False), (-2.0, True), (-1.5, True), (0.0, True)]
    )
    def test_an_unnamed_order_may_be_stamped_by_a_clock_that_is_behind(
        self, api: Api, seconds: float, ours: bool
    ) -> None:
        api.id, meant = "kraken", self.sent(0.0)
        stamped = datetime.now(UTC).timestamp() + seconds
        params: dict[str, Any] = {}
        api.sent = [{**ORDER, "params": params, "at": stamped}]
        if ours:
            assert fetch(current(), api, meant)["id"] == "0"
        else:
            with pytest.raises(ccxt.OrderNotFound):
                fetch(current(), api, meant)

    @pytest.mark.parametrize(
        "other", [{"side": "sell"}, {"amount": 0.0101}], ids=["side", "amount"]
    )
    def test_an_unnamed_order_of_another_kind_is_not_ours(
        self, api: Api, other: dict[str, Any]
    ) -> None:
        api.id, meant = "kraken", self.sent(0.0)
        api.sent = [{**ORDER, **other, "params": {}, "at": datetime.now(UTC).timestamp()}]
        with pytest.raises(ccxt.OrderNotFound):
            fetch(current(), api, meant)

    def test_an_unnamed_order_that_is_closed_already_is_ours(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api.id, meant = "kraken", self.sent(0.0)
        api.sent = [{**ORDER, "params": {}, "at": datetime.now(UTC).timestamp()}]
        monkeypatch.setattr(api, "fetch_closed_orders", api.fetch_open_orders, raising=False)
        monkeypatch.setattr(api, "fetch_open_orders", lambda *_: [])
        assert fetch(current(), api, meant)["id"] == "0"


HOURS_AHEAD = 36 * 3_600.0


def lost_by_a_clock_ahead(api: Api, clock: VirtualClock) -> OrderIntent:
    """Return an order that was sent while the clock was ahead, when it is right again."""
    clock.advance(HOURS_AHEAD)
    api.fault, api.out = ccxt.RequestTimeout("no answer"), True
    with pytest.raises(ccxt.ExchangeNotAvailable):
        send(api)
    clock.advance(-HOURS_AHEAD)
    api.out = False
    (intent,) = current().intents("sent")
    return intent


def test_what_a_clock_ahead_has_sent_is_given_up_once_the_window_is_over(
    api: Api, clock: VirtualClock
) -> None:
    api.arrives = None
    intent = lost_by_a_clock_ahead(api, clock)
    with pytest.raises(Early):
        look_up(current(), api, intent, patience=0)
    clock.advance(RECEIVE_WINDOW + CLOCK_ERROR + 5)
    assert look_up(current(), api, intent, patience=0) is None
    assert states() == [("absent", None)]


def test_what_a_clock_ahead_has_sent_is_found_by_its_name(api: Api, clock: VirtualClock) -> None:
    intent = lost_by_a_clock_ahead(api, clock)
    api.sent[0]["at"] = clock() - 60  # by the exchange's own clock
    found = look_up(current(), api, intent, patience=0)
    assert found is not None
    assert states() == [("accepted", "0")]


@pytest.mark.parametrize("what", [ENTRY, EXIT])
def test_an_entry_that_is_found_joins_its_trade_before_the_next_one(
    api: Api, clock: VirtualClock, what: sending.Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two orders of one pair were on the exchange, and the database knew of the second."""
    api.fault, api.arrives = ccxt.RequestTimeout("no answer"), 3.0
    with pytest.raises(Early):
        send(api, what)
    clock.advance(3.0)
    database: set[str] = set()
    recorded = lambda intent: intent.order_id in database  # noqa: E731
    monkeypatch.setattr(lookup, "_is_in_database", recorded)
    for _ in range(2 if what is ENTRY else 0):
        with pytest.raises(NoEntry, match="is on the exchange and not in the database yet"):
            require_certainty(current(), api)
    database.update("0" if what is ENTRY else "")
    require_certainty(current(), api)
    assert states() == [("accepted", "0")]
