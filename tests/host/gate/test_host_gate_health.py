"""Safe mode and blocks: an exchange that fails or forbids trading lets no entry pass."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ccxt
import pytest
from order_stage import CONFIG

from freqpilot.errors import NoEntry
from freqpilot.host.account import saved
from freqpilot.host.account.begin import begin
from freqpilot.host.gate import health
from freqpilot.host.gate.health import Health
from freqpilot.host.orders.readiness import Reconciliation
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.rehearsal.clock import VirtualClock

ACCOUNT = "https://e/api/v3/account"
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    with VirtualClock(START) as clock:
        yield clock


@pytest.fixture
def run(tmp_path: Path, clock: VirtualClock) -> Iterator[Run]:
    yield started(tmp_path)
    end()


def started(folder: Path) -> Run:
    config = {"freqpilot": {}, "dry_run": False, "user_data_dir": str(folder)}
    begin(config, live=True)
    return current()


def rows(run: Run, *kinds: str) -> list[tuple[str, str, str]]:
    events = sorted(run.store.events(), key=lambda each: each.time)
    return [(each.kind, each.level, each.text) for each in events if each.kind in kinds]


def healthy(run: Run, source: str) -> Any:
    return run.counters.snapshot(datetime.now(UTC))["sources"][source]["healthy"]


def test_safe_mode_is_reported_with_its_reason_and_its_end_with_good_news(
    run: Run, clock: VirtualClock
) -> None:
    state = run.part(Health)
    for _ in range(6):
        state.note(failed=True)
    reason = state.look()
    assert reason
    assert rows(run, "safe mode", "safe mode over") == [("safe mode", "CRITICAL", reason)]
    assert run.store.load_state(f"{run.key}{health.SAFE_MODE}") == {"reason": reason}
    assert healthy(run, "exchange") is False
    assert state.look() == reason
    clock.advance(301)
    state.note(failed=False)
    assert state.look() is None
    assert rows(run, "safe mode", "safe mode over")[1:] == [
        ("safe mode over", "WARNING", "the exchange answers again; entries are allowed")
    ]
    assert run.store.load_state(f"{run.key}{health.SAFE_MODE}") == {}
    assert healthy(run, "exchange") is True


@pytest.mark.parametrize("passing", [True, False])
def test_a_restart_knows_whether_a_block_ends_by_itself(
    run: Run, tmp_path: Path, passing: bool
) -> None:
    run.part(Health).block("closed for a while", passing=passing)
    assert rows(run, "blocked") == [("blocked", "CRITICAL", "closed for a while")]
    assert healthy(run, "account") is False
    again = started(tmp_path)
    state = again.part(Health)
    assert state.look() == "closed for a while"
    state.answered(ACCOUNT)
    assert state.look() == (None if passing else "closed for a while")
    over = [("blocked over", "WARNING", "the exchange answers again")] * passing
    assert rows(again, "blocked over") == over
    if passing:
        assert healthy(again, "account") is True
        assert started(tmp_path).part(Health).look() is None


class TestHealth:
    """Safe mode."""

    @pytest.fixture(autouse=True)
    def run(self, clock: VirtualClock) -> Iterator[Run]:
        begun = begin(CONFIG, live=False)
        assert current().name  # a live run knows it from its start
        yield begun
        end()

    @pytest.fixture(autouse=True)
    def fresh(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
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
