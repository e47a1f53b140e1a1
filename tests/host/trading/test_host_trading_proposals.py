"""The stake that a decision asks for."""

from collections.abc import Iterator

import pandas as pd
import pytest
from regime_stage import NOW

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.host.trading import proposals


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    begun = begin(
        {"freqpilot": {"risk": {"book": {"enabled": False}}}, "stake_currency": "USDT"}, live=False
    )
    observe(current(), NOW, 1_000.0)
    yield begun
    end()


CALL = {
    "side": "long",
    "current_rate": 100.0,
    "leverage": 1.0,
    "min_stake": 1.0,
    "max_stake": 1_000.0,
    "proposed_stake": 1_000.0,
}


def staked(monkeypatch: pytest.MonkeyPatch, **more: float) -> float:
    monkeypatch.setattr(proposals, "open_trades", list)
    row = pd.Series({"date": pd.Timestamp(NOW), "atr": 20.0, "confidence": 1.0, "composite": 0.8})
    # Far enough from the caps that the size is what the volatility asks for.
    observe(current(), NOW, 1_000.0)
    return proposals.stake(
        pd.concat([row, pd.Series({"stop_factor": 1.0} | more)]), "BTC/USDT", NOW, CALL
    )


def test_the_cut_of_the_regime_is_a_cut_of_the_stake(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = staked(monkeypatch)
    assert whole > 0
    assert staked(monkeypatch, size_factor=1.0) == whole
    assert staked(monkeypatch, size_factor=0.5) == pytest.approx(0.5 * whole)
    assert staked(monkeypatch, size_factor=1.7) == 0, "no regime enlarges a stake"
    assert staked(monkeypatch, size_factor=float("nan")) == 0
    assert staked(monkeypatch, size_factor=0.0) == 0


def test_an_entry_that_waits_for_a_second_look_asks_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So its candle's one entry is not spent on an order that the gate would refuse."""
    current().unsure = "the account was looked at once"
    assert staked(monkeypatch) == 0
    (event,) = current().store.events("no entry")
    assert event.text == "the account was looked at once"
    current().unsure = None
    assert staked(monkeypatch) > 0
