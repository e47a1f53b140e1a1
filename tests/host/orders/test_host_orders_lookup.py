"""What became of an order whose answer was lost, and how long it may still arrive."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import ccxt
import pytest
from order_stage import CONFIG, ORDER, Api, send, states

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.orders.lookup import (
    CLOCK_ERROR,
    LOOKS,
    RECEIVE_WINDOW,
    UNNAMED_LOOKS,
    UNNAMED_WINDOW,
    fetch,
    is_uncertain,
    look_up,
    require_certainty,
)
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderIntent


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
    assert clock() - begun >= RECEIVE_WINDOW + CLOCK_ERROR
    assert states() == [("absent", None)]


def test_an_unknown_fate_keeps_entries_away_until_it_is_known(api: Api) -> None:
    api.fault, api.arrives, api.out = ccxt.ExchangeNotAvailable("503"), None, True
    with pytest.raises(ccxt.ExchangeNotAvailable):
        send(api)
    assert states() == [("sent", None)]
    with pytest.raises(NoEntry, match="fate of the order fq-"):
        require_certainty(current(), api)
    api.out = False
    require_certainty(current(), api)
    assert states() == [("absent", None)]


@pytest.mark.parametrize(
    ("error", "uncertain"),
    [
        (ccxt.NetworkError("reset"), True),
        (ccxt.RequestTimeout("timeout"), True),
        (ccxt.ExchangeNotAvailable("503"), True),
        (ccxt.OperationFailed("-1000"), True),
        (ccxt.ExchangeError('{"code":-1007,"msg":"Send status unknown"}'), True),
        (ValueError("no JSON"), True),
        (ccxt.InvalidOrder("-1013"), False),
        (ccxt.InsufficientFunds("-2010"), False),
        (ccxt.AuthenticationError("-2015"), False),
        (ccxt.RateLimitExceeded("429"), False),
        (ccxt.DDoSProtection("418"), False),
        (ccxt.InvalidNonce("-1021"), False),
    ],
)
def test_what_is_uncertain(error: Exception, uncertain: bool) -> None:
    assert is_uncertain(error) is uncertain


@pytest.mark.parametrize("delay", [0.0, 20.0])
def test_an_exchange_without_names_is_searched_for_the_order(api: Api, delay: float) -> None:
    api.id, api.fault, api.arrives = "kraken", ccxt.NetworkError("reset"), delay
    assert send(api)["id"] == "0"
    assert api.sent[0]["params"] == {"timeInForce": "GTC"}
    api.arrives = 0.0
    assert send(api)["id"] == "1", "an order that is known already is not taken for a new one"
    assert states() == [("accepted", "0"), ("accepted", "1")]


def test_an_order_without_a_name_that_never_arrives_is_given_up_later(
    api: Api, clock: VirtualClock
) -> None:
    begun = clock()
    api.id, api.fault, api.arrives = "kraken", ccxt.NetworkError("reset"), None
    with pytest.raises(ccxt.NetworkError):
        send(api)
    assert clock() - begun >= UNNAMED_WINDOW
    assert states() == [("absent", None)]


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

    @pytest.mark.parametrize(
        ("exchange", "limit"),
        [
            ("binance", RECEIVE_WINDOW + CLOCK_ERROR),
            ("kraken", UNNAMED_WINDOW + CLOCK_ERROR),
        ],
    )
    @pytest.mark.parametrize(("beside", "gone"), [(BEFORE, False), (AT, True), (AFTER, True)])
    def test_an_order_is_absent_from_the_limit_on(
        self, api: Api, exchange: str, limit: float, beside: float, gone: bool
    ) -> None:
        api.id, api.arrives = exchange, None
        begun = datetime.now(UTC)
        assert look_up(current(), api, self.sent(limit + beside)) is None
        assert states() == [("absent", None)]
        waited = (datetime.now(UTC) - begun).total_seconds()
        assert waited == (0.0 if gone else 1.0), "the next look is a second later"

    def test_the_limits_are_the_window_and_the_clocks(self) -> None:
        """Binance carries a request out for 5 s by its own clock, which may be 2 s behind ours."""
        assert (RECEIVE_WINDOW, CLOCK_ERROR) == (5.0, 2.0)
        assert UNNAMED_WINDOW == 28.0
        for window, looks in (
            (RECEIVE_WINDOW, LOOKS),
            (UNNAMED_WINDOW, UNNAMED_LOOKS),
        ):
            assert sum(looks) >= window + CLOCK_ERROR, "the looks outlast it"

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
