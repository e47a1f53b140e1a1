"""Entries wait until orders were compared with the exchange's."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from order_stage import CONFIG

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.orders import reconcile
from freqpilot.host.orders.readiness import Reconciliation
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
