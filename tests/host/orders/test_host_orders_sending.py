"""Orders under their own names: looked up when uncertain, never sent twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import ccxt
import pytest
from sqlalchemy.exc import OperationalError

from freqpilot.errors import NoEntry
from freqpilot.execution.ids import parse_client_order_id
from freqpilot.host.account import saved, unwritten
from freqpilot.host.account.begin import begin
from freqpilot.host.gate import health
from freqpilot.host.gate.health import Health
from freqpilot.host.orders import reconcile, sending, stops
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
from freqpilot.host.orders.purpose import sent_purpose
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock
from freqpilot.shapes import OrderIntent

CONFIG: dict[str, Any] = {"freqpilot": {}, "stake_currency": "USDT"}
ENTRY = sending.Sending("entry", None, 1.0)
EXIT = sending.Sending("exit", 7, 1.0)
ORDER: dict[str, Any] = {
    "symbol": "BTC/USDT",
    "type": "limit",
    "side": "buy",
    "amount": 0.01,
    "price": 100.0,
    "params": {"timeInForce": "GTC"},
}


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


class Api:
    """An exchange of which each test says what it does to an order, and when one arrives."""

    id = "binance"
    has: ClassVar[dict[str, bool]] = {"fetchClosedOrders": True}

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.sent: list[dict[str, Any]] = []
        self.asked = 0
        self.arrives: float | None = 0.0
        self.fault: Exception | None = None
        self.out = False
        self.status, self.filled = "open", 0.0

    def create_order(self, **order: Any) -> Any:
        self.sent.append({**order, "at": self.clock()})
        if self.fault is not None:
            raise self.fault
        return self._order(order)

    def fetch_order(self, _: None, pair: str, params: dict[str, Any]) -> Any:
        self.asked += 1
        if self.out:
            raise ccxt.ExchangeNotAvailable("503")
        for order in self.sent:
            due = self.arrives is not None and self.clock() >= order["at"] + self.arrives
            if order["params"]["clientOrderId"] == params["clientOrderId"] and due:
                return self._order(order)
        raise ccxt.OrderNotFound("-2013")

    def fetch_open_orders(self, pair: str, since: int) -> list[Any]:
        self.asked += 1
        return [
            {
                **self._order(order),
                "side": order["side"],
                "amount": order["amount"],
                "timestamp": int(order["at"] * 1000),
            }
            for order in self.sent
            if self.arrives is not None and self.clock() >= order["at"] + self.arrives
        ]

    def fetch_closed_orders(self, pair: str, since: int) -> list[Any]:
        return []

    def market(self, pair: str) -> dict[str, Any]:
        return {"contract": False}

    def _order(self, order: dict[str, Any]) -> Any:
        number = next(i for i, sent in enumerate(self.sent) if sent["params"] is order["params"])
        return {"id": str(number), "status": self.status, "filled": self.filled}


@pytest.fixture
def api(clock: VirtualClock) -> Api:
    return Api(clock)


def send(api: Api, what: sending.Sending = ENTRY, **change: Any) -> Any:
    with sending.sending(what):
        return sending.send(api, api.create_order, **{**ORDER, **change})


def states() -> list[tuple[str, str | None]]:
    return [(each.state, each.order_id) for each in current().store.intents()]


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


class Out:
    """A store whose server is gone: after so many calls that still pass."""

    def __init__(self, kept: Any, passes: int) -> None:
        self._kept, self._passes = kept, passes

    def __getattr__(self, name: str) -> Any:
        if self._passes <= 0:
            raise OperationalError("SELECT", None, Exception("server closed the connection"))
        self._passes -= 1
        return getattr(self._kept, name)


@pytest.mark.parametrize("what", [EXIT, sending.Sending("stop", 7, 1.0, 90.0)])
@pytest.mark.parametrize("passes", range(7))
def test_an_exit_goes_out_while_the_store_is_out(
    api: Api, monkeypatch: pytest.MonkeyPatch, what: sending.Sending, passes: int
) -> None:
    store = current().store
    monkeypatch.setattr(current(), "store", Out(store, passes))
    assert send(api, what)["id"] == "0"
    assert len(api.sent) == 1


STOP = sending.Sending("stop", 7, 1.0, 90.0)


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


@pytest.mark.parametrize("delay", [0.0, 1.0, 3.0, 4.9])
def test_a_lost_answer_is_looked_up_not_sent_again(api: Api, delay: float) -> None:
    api.fault, api.arrives = ccxt.NetworkError("reset"), delay
    assert send(api)["id"] == "0"
    assert len(api.sent) == 1
    assert states() == [("accepted", "0")]


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


def test_an_uncertain_exit_that_arrived_is_given_back_instead_of_a_second_one(api: Api) -> None:
    api.fault, api.out = ccxt.ExchangeNotAvailable("503"), True
    with pytest.raises(ccxt.ExchangeNotAvailable):
        send(api, EXIT, side="sell")
    api.fault, api.out = None, False
    assert send(api, EXIT, side="sell")["id"] == "0"
    assert len(api.sent) == 1


def test_an_uncertain_exit_that_never_arrived_is_sent_anew(api: Api) -> None:
    api.fault, api.out, api.arrives = ccxt.ExchangeNotAvailable("503"), True, None
    with pytest.raises(ccxt.ExchangeNotAvailable):
        send(api, EXIT, side="sell")
    api.fault, api.out = None, False
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


def test_fills_of_an_order_that_is_cancelled_already_are_taken_in(api: Api) -> None:
    api.status, api.filled = "canceled", 0.005
    assert send(api, EXIT, side="sell")["status"] == "expired"
    api.filled = 0.0
    assert send(api, EXIT, side="sell")["status"] == "canceled"


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


def test_what_is_not_sent_by_the_bot_passes_untouched(api: Api) -> None:
    given = {**ORDER, "params": {"clientOrderId": "mine"}}
    sending.send(api, api.create_order, **given)
    assert api.sent[0]["params"] == {"clientOrderId": "mine"}
    assert states() == []


@pytest.mark.parametrize(
    ("mode", "order", "trade", "purpose"),
    [
        ("spot", {"side": "buy"}, None, "entry"),
        ("spot", {"side": "buy"}, SimpleNamespace(nr_of_successful_entries=1), "add"),
        ("spot", {"side": "buy"}, SimpleNamespace(nr_of_successful_entries=0), "replace"),
        ("spot", {"side": "sell"}, SimpleNamespace(nr_of_successful_entries=1), "exit"),
        ("futures", {"side": "sell", "reduceOnly": False}, None, "entry"),
        ("futures", {"side": "buy", "reduceOnly": True}, None, "exit"),
    ],
)
def test_purposes(mode: str, order: dict[str, Any], trade: Any, purpose: str) -> None:
    assert sent_purpose(mode, order, trade) == purpose


def test_entries_wait_for_the_comparison_after_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    current().part(Reconciliation).require_done()
    current().part(Reconciliation).ask()
    with pytest.raises(NoEntry, match="have not been compared"):
        current().part(Reconciliation).require_done()


def test_a_fault_while_reconciling_keeps_entries_away_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime.now(UTC)
    intent = OrderIntent(
        "fq-aaaaaaaa-n1-entry-1",
        "BTC/USDT",
        "buy",
        "entry",
        None,
        "limit",
        1,
        1,
        None,
        1,
        None,
        now,
    )
    current().store.save_intent(intent)
    bot = SimpleNamespace(config={"dry_run": False}, exchange=SimpleNamespace(_api=None))
    reconcile.step(current(), bot)
    with pytest.raises(NoEntry):
        current().part(Reconciliation).require_done()


class TestHealth:
    """Safe mode."""

    @pytest.fixture(autouse=True)
    def fresh(self, monkeypatch: pytest.MonkeyPatch) -> None:
        current().parts.pop(Health, None)
        current().part(Health)

    def test_failing_calls_stop_entries_and_a_quiet_spell_allows_them(
        self, clock: VirtualClock
    ) -> None:
        def call() -> None:
            raise ccxt.ExchangeNotAvailable("503")

        api = SimpleNamespace(fetch=call)
        health.watch(api)
        current().part(Health).require_sound()
        for _ in range(6):
            with pytest.raises(ccxt.ExchangeNotAvailable):
                api.fetch()
        current().part(Reconciliation).require_done()
        with pytest.raises(NoEntry, match="safe mode: 6 of the last 6 calls"):
            current().part(Health).require_sound()
        with pytest.raises(NoEntry, match="have not been compared"):
            current().part(Reconciliation).require_done()
        clock.advance(301)
        with pytest.raises(NoEntry):
            current().part(Health).require_sound()  # no call since: nothing says that it is well
        current().part(Health).note(failed=False)
        current().part(Health).require_sound()
        kinds = [event.kind for event in current().store.events()]
        assert kinds == ["safe mode", "safe mode over"]

    def test_a_refused_order_says_nothing_of_the_exchange(self) -> None:
        def call() -> None:
            raise ccxt.InsufficientFunds("-2010")

        api = SimpleNamespace(fetch=call)
        health.watch(api)
        health.watch(api)
        for _ in range(20):
            with pytest.raises(ccxt.InsufficientFunds):
                api.fetch()
        current().part(Health).require_sound()

    @pytest.mark.parametrize(
        ("error", "url", "blocked"),
        [
            (ccxt.AccountSuspended("-3022"), "https://e/sapi/v1/anything", True),
            (ccxt.AccountNotEnabled("off"), "https://e/api/anything", True),
            (ccxt.OnMaintenance("back soon"), "https://e/api/v3/klines", True),
            (ccxt.PermissionDenied("may not place orders"), "https://e/api/v3/order?x=1", True),
            (ccxt.AuthenticationError("-2015"), "https://e/api/v3/account", True),
            (ccxt.PermissionDenied("no"), "https://e/sapi/v1/margin/allPairs", False),
            (ccxt.PermissionDenied("no"), "https://e/sapi/v1/margin?of=order", False),
            (ccxt.PermissionDenied("This symbol is restricted"), "https://e/api/v3/order", False),
            (ccxt.InsufficientFunds("-2010"), "https://e/api/v3/order", False),
            (ccxt.BadRequest("account"), "https://e/api/v3/account", False),
        ],
    )
    def test_an_account_that_may_not_trade(self, error: Exception, url: str, blocked: bool) -> None:
        def call(url: str) -> None:
            raise error

        api = SimpleNamespace(fetch=call)
        health.watch(api)
        for _ in range(2):
            with pytest.raises(type(error)):
                api.fetch(url)
        events = current().store.events("blocked")
        assert [event.level for event in events] == ["CRITICAL"] * blocked
        if not blocked:
            current().part(Health).require_sound()
            return
        with pytest.raises(NoEntry, match="look at the exchange now"):
            current().part(Health).require_sound()
        api.fetch = lambda url: None
        current().part(Health).note(failed=False)
        with pytest.raises(NoEntry):
            current().part(Health).require_sound()  # an answer does not prove that it may trade

    def test_maintenance_ends_when_the_account_answers(self) -> None:
        answers: list[Exception | None] = [ccxt.OnMaintenance("soon"), None, None]

        def call(url: str) -> None:
            if error := answers.pop(0):
                raise error

        api = SimpleNamespace(fetch=call)
        health.watch(api)
        with pytest.raises(ccxt.OnMaintenance):
            api.fetch("https://e/api/v3/klines")
        api.fetch("https://e/api/v3/klines?of=account")
        with pytest.raises(NoEntry, match="maintenance"):
            current().part(Health).require_sound()
        api.fetch("https://e/api/v3/account")
        current().part(Health).require_sound()
        kinds = [event.kind for event in current().store.events()]
        assert kinds == ["blocked", "blocked over"]

    def test_a_suspension_during_maintenance_waits_for_a_person(self) -> None:
        current().part(Health).block("maintenance", passing=True)
        current().part(Health).block("suspended")
        current().part(Health).block("maintenance", passing=True)
        current().part(Health).answered("https://e/api/v3/account")
        with pytest.raises(NoEntry, match="suspended"):
            current().part(Health).require_sound()

    def test_a_block_survives_a_restart_and_ends_by_a_release(self, tmp_path: Path) -> None:
        config = {"freqpilot": {}, "dry_run": False, "user_data_dir": str(tmp_path)}
        url = f"sqlite:///{tmp_path / 'freqpilot.sqlite'}"
        begin(config, live=True)
        current().parts.pop(Health, None)
        current().part(Health)
        current().part(Health).block("suspended")
        begin(config, live=True)
        current().parts.pop(Health, None)
        current().part(Health)
        with pytest.raises(NoEntry, match="suspended"):
            current().part(Health).require_sound()
        assert saved.release(url, datetime.now(UTC)) == ["ledger live: suspended"]
        current().part(Health).require_sound()
        assert saved.release(url, datetime.now(UTC)) == []
        current().parts.pop(Health, None)
        current().part(Health)
        current().part(Health).require_sound()
        end()

    def test_safe_mode_survives_a_restart_until_a_call_succeeds(self, tmp_path: Path) -> None:
        config = {"freqpilot": {}, "dry_run": False, "user_data_dir": str(tmp_path)}
        begin(config, live=True)
        current().parts.pop(Health, None)
        current().part(Health)
        for _ in range(6):
            current().part(Health).note(failed=True)
        assert current().part(Health).look()
        run = begin(config, live=True)
        current().parts.pop(Health, None)
        current().part(Health)
        with pytest.raises(NoEntry, match="safe mode"):
            current().part(Health).require_sound()
        current().part(Health).note(failed=False)
        current().part(Health).require_sound()
        kinds = [event.kind for event in run.store.events()]
        assert [kind for kind in kinds if "safe mode" in kind] == ["safe mode", "safe mode over"]
        current().parts.pop(Health, None)
        current().part(Health)
        current().part(Health).require_sound()
        end()

    def test_the_asynchronous_client_is_watched_as_well(self) -> None:
        import asyncio

        async def call() -> str:
            raise ccxt.RequestTimeout("timeout")

        api = SimpleNamespace(fetch=call)
        health.watch(api)
        for _ in range(6):
            with pytest.raises(ccxt.RequestTimeout):
                asyncio.run(api.fetch())
        with pytest.raises(NoEntry):
            current().part(Health).require_sound()


class TestStops:
    """A position whose stop can't be placed."""

    @pytest.fixture
    def bot(self) -> Any:
        closed: list[tuple[int, float]] = []
        return SimpleNamespace(
            closed=closed, emergency_exit=lambda trade, price: closed.append((trade.id, price))
        )

    @staticmethod
    def trade(**change: Any) -> Any:
        return SimpleNamespace(
            **{"id": 3, "pair": "BTC/USDT", "is_open": True, "has_open_orders": False, **change}
        )

    def test_it_is_closed_in_the_second_loop(self, bot: Any) -> None:
        stops.note(bot, self.trade(), 90.0, placed=False)
        assert bot.closed == []
        stops.note(bot, self.trade(), 90.0, placed=False)
        assert bot.closed == [(3, 90.0)]
        assert current().store.events("stop failed")

    def test_it_is_closed_although_the_store_is_out(
        self, bot: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(current(), "store", Out(None, 0))
        for _ in range(2):
            stops.note(bot, self.trade(), 90.0, placed=False)
        assert bot.closed == [(3, 90.0)]

    def test_a_position_that_is_closed_late_is_reported_once(self, bot: Any) -> None:
        for waits in (True, True, True, False, False):
            stops.note(bot, self.trade(has_open_orders=waits), 90.0, placed=False)
        assert len(bot.closed) == 2
        assert len(current().store.events("stop failed")) == 1

    def test_a_stop_that_is_placed_begins_the_count_anew(self, bot: Any) -> None:
        for placed in (False, True, False):
            stops.note(bot, self.trade(), 90.0, placed=placed)
        assert bot.closed == []

    @pytest.mark.parametrize("change", [{"is_open": False}, {"has_open_orders": True}])
    def test_what_is_closed_or_being_closed_is_left_alone(
        self, bot: Any, change: dict[str, Any]
    ) -> None:
        for _ in range(3):
            stops.note(bot, self.trade(**change), 90.0, placed=False)
        assert bot.closed == []


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
