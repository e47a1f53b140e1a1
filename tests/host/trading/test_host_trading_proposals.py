"""The stake that a decision asks for."""

import math
from collections.abc import Iterator
from dataclasses import replace

import pandas as pd
import pytest
from regime_stage import NOW

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.host.trading import proposals
from freqpilot.risk.account.ledger import STREAK, closed
from freqpilot.risk.account.record import Outcome


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
    return proposals.stake(pd.Series({**row, "stop_factor": 1.0, **more}), "BTC/USDT", NOW, CALL)


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


def test_an_entry_that_gets_no_stake_is_kept_with_what_refused_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It never comes to the gate: what a losing streak trades on paper would be lost."""
    run = current()
    assert staked(monkeypatch) > 0
    assert run.store.shadows() == []
    streak = {"halted": "10 losing trades in a row", "cause": STREAK, "halted_at": NOW}
    run.state = replace(run.state, **streak)
    assert staked(monkeypatch) == 0
    assert staked(monkeypatch) == 0
    (found,) = run.store.shadows()
    assert (found.kind, found.rule, found.rate, found.purpose) == (
        "paper",
        "halted",
        100.0,
        "entry",
    )
    assert math.isnan(found.stake)


def test_an_entry_that_is_too_weak_for_a_losing_streak_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = current()
    for number in range(8):
        run.state = closed(run.state, Outcome(number, NOW, -0.1, -0.0001), run.settings.risk)
    assert staked(monkeypatch, composite=0.7) == 0
    (found,) = run.store.shadows()
    assert (found.kind, found.rule) == ("refused", "streak_threshold")
    assert found.reason == "the composite is weaker than 0.8, as a losing streak asks"
