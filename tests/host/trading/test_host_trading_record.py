"""The decision that is kept with a backtest's trade, as Freqtrade would keep it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.persistence import CustomDataWrapper, LocalTrade

from freqpilot.host.account.begin import begin
from freqpilot.host.run.current import end
from freqpilot.host.trading import record
from freqpilot.shapes import Decision

NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)


def decision(pair: str) -> Decision:
    return Decision(pair, NOON, "long", 0.7, 0.8, 1.0, {"trend": 0.5}, ("trend for a rise",))


@pytest.fixture(autouse=True)
def backtest() -> Iterator[None]:
    CustomDataWrapper.use_db = False
    CustomDataWrapper.reset_custom_data()
    begin({"freqpilot": {}}, live=False)
    yield
    CustomDataWrapper.reset_custom_data()
    CustomDataWrapper.use_db = True
    end()


def trade(number: int, entries: int = 1) -> Any:
    """A trade with Freqtrade's own ways to its data."""
    found = SimpleNamespace(id=number, nr_of_successful_entries=entries)
    for name in ("set_custom_data", "get_custom_data"):
        setattr(found, name, getattr(LocalTrade, name).__get__(found))
    return found


def test_each_trade_has_its_own_and_strategies_keep_theirs() -> None:
    first, second = trade(1), trade(2)
    first.set_custom_data("mine", 3)
    record.record_decision(first, decision("BTC/USDT"))
    record.record_decision(second, decision("ETH/USDT"))
    for each, pair in ((first, "BTC/USDT"), (second, "ETH/USDT")):
        kept = record.decision_fields(each)
        assert kept is not None
        assert (kept["pair"], kept["time"]) == (pair, NOON.isoformat())
        assert kept["contributions"] == {"trend": 0.5}
    assert first.get_custom_data("mine") == 3
    assert len(CustomDataWrapper.custom_data) == 3


def test_a_later_entry_does_not_replace_the_first() -> None:
    record.record_decision(trade(1), decision("BTC/USDT"))
    record.record_decision(trade(1, entries=2), decision("ETH/USDT"))
    kept = record.decision_fields(trade(1))
    assert kept is not None
    assert kept["pair"] == "BTC/USDT"
    assert len(CustomDataWrapper.custom_data) == 1


def test_a_fault_loses_nothing_of_the_others() -> None:
    record.record_decision(trade(1), decision("BTC/USDT"))
    broken = trade(2)

    def fail(*_: Any) -> None:
        raise OSError("full")

    broken.set_custom_data = fail
    with pytest.raises(OSError, match="full"):
        record.record_decision(broken, decision("ETH/USDT"))
    assert record.decision_fields(trade(1)) is not None
