"""A tier is reached by what an account has proved, and lost by its equity."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.risk.account.ledger import DRAWDOWN, Ledger, closed, observe
from freqpilot.risk.account.record import Outcome, Record
from freqpilot.risk.account.releases import release
from freqpilot.risk.account.tiers import TierRecord, profit_factor, stepped
from freqpilot.settings import RiskSettings

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
SETTINGS = RiskSettings()


def record(wins: int, losses: int, gain: float = 2.0) -> Record:
    """Wins and losses of 1, spread evenly."""
    found, won = Record(), 0
    for place in range(wins + losses):
        win = (place + 1) * wins // (wins + losses) > won
        won += win
        found = found.add(Outcome(place, NOW, gain if win else -1.0, 0.0))
    return found


GOOD = record(60, 40)


@pytest.mark.parametrize(
    ("name", "equity", "peak", "trades", "then"),
    [
        ("Foundation", 2000, 2000, GOOD, "Growth"),
        ("Foundation", 1999.99, 2000, GOOD, "Foundation"),
        ("Foundation", 2000, 2000 / 0.751, GOOD, "Growth"),
        ("Foundation", 2000, 2000 / 0.749, GOOD, "Foundation"),
        ("Foundation", 2000, 2000, record(60, 39), "Foundation"),
        ("Foundation", 2000, 2000, record(52, 48), "Growth"),
        ("Foundation", 2000, 2000, record(50, 50), "Foundation"),
        ("Foundation", 2000, 2000, record(60, 40, gain=1.01), "Growth"),
        ("Foundation", 2000, 2000, record(60, 40, gain=1.0), "Foundation"),
        ("Foundation", 2000, 2000, record(100, 0), "Growth"),
        ("Foundation", 9000, 9000, GOOD, "Growth"),
        ("Growth", 1600, 2000, Record(), "Growth"),
        ("Growth", 1599.99, 2000, Record(), "Foundation"),
        ("Sustained", 1000, 1000, GOOD, "Foundation"),
        ("Sustained", 1e6, 1e6, GOOD, "Sustained"),
        (None, 6000, 6000, Record(), "Acceleration"),
        ("no such tier", 6000, 6000, Record(), "Acceleration"),
    ],
)
def test_steps(name: str | None, equity: float, peak: float, trades: Record, then: str) -> None:
    since = TierRecord(trades.total, 1 - equity / peak)
    assert stepped(name, equity, since, trades, SETTINGS).name == then


@pytest.mark.parametrize(
    ("since", "then"),
    [
        (TierRecord(100, 0.249), "Growth"),
        (TierRecord(100, 0.25), "Foundation"),
        (TierRecord(99, 0.0), "Foundation"),
    ],
)
def test_only_what_was_shown_since_the_tier_began_counts(since: TierRecord, then: str) -> None:
    assert stepped("Foundation", 2000, since, record(300, 200), SETTINGS).name == then


def test_the_profit_factor_is_of_the_tiers_own_trades() -> None:
    lost, won = record(0, 60), record(60, 40)
    mixed = Record((*lost.outcomes[:40], *won.outcomes[:60]), 100)
    assert math.isnan(profit_factor(TierRecord(0, 0.0), mixed))
    assert profit_factor(TierRecord(60, 0.0), mixed) == pytest.approx(
        won.profit_factor(100), rel=0.1
    )
    assert profit_factor(TierRecord(100, 0.0), mixed) < 1.2


def test_a_new_account_begins_in_the_tier_of_its_equity_and_stays_there() -> None:
    state = observe(Ledger.empty(), NOW, 1900, SETTINGS)
    state = observe(state, NOW + timedelta(hours=1), 2100, SETTINGS)
    assert (state.tier, state.tier_peak) == ("Foundation", 2100)
    book = state.book()
    assert book is not None
    assert book.tier == "Foundation"


def test_the_tier_survives_a_restart_and_old_states_are_read() -> None:
    state = observe(Ledger.empty(), NOW, 1900, SETTINGS)
    saved = json.loads(json.dumps(state.to_dict()))
    assert Ledger.from_dict(saved) == state
    old = Ledger.from_dict({k: v for k, v in saved.items() if not k.startswith("tier")})
    assert observe(old, NOW, 6000, SETTINGS).tier == "Acceleration"
    for wrong in (
        {"tier": 3},
        {"tier_peak": float("nan")},
        {"tier_drawdown": float("nan")},
        {"tier_drawdown": -0.1},
        {"tier_trades": -1},
        {"tier_trades": 1},  # more than there were
        {"tier_trades": 0.5},
    ):
        with pytest.raises(RefuseToStart):
            Ledger.from_dict({**saved, **wrong})


def seen(state: Ledger, hour: int, equity: float) -> Ledger:
    return observe(state, NOW + timedelta(hours=hour), equity, SETTINGS)


def traded(state: Ledger, wins: int = 60, losses: int = 40) -> Ledger:
    for outcome in record(wins, losses).outcomes:
        state = closed(state, outcome, SETTINGS)
    return state


def test_a_drawdown_that_was_made_good_still_counts() -> None:
    state = traded(observe(Ledger.empty(), NOW, 1000, SETTINGS))
    state = replace(state, halted=None)
    for hour, equity in enumerate((1900, 1420, 1950), 1):
        state = seen(state, hour, equity)
    assert state.tier_drawdown == pytest.approx(0.252)  # 1 − 1,420/1,900, in steps of 0.1 %
    assert seen(state, 9, 2100).tier == "Foundation"  # 25.3 % once
    assert seen(replace(state, tier_drawdown=0.24), 9, 2100).tier == "Growth"


def test_a_new_tier_begins_with_nothing() -> None:
    state = seen(traded(observe(Ledger.empty(), NOW, 1950, SETTINGS)), 1, 2010)
    assert (state.tier, state.tier_record, state.tier_peak) == ("Growth", TierRecord(0, 0.0), 2010)
    assert seen(state, 2, 5200).tier == "Growth", "the trades of the tier before prove nothing here"
    assert seen(traded(state), 2, 5200).tier == "Acceleration"
    lost = seen(traded(state), 2, 1590)
    assert (lost.tier, lost.tier_record) == ("Foundation", TierRecord(0, 0.0))


def test_a_ledger_of_an_earlier_version_counts_from_the_upgrade_on() -> None:
    """Saved without what its tier has shown, as every version before kept it."""
    state = seen(traded(observe(Ledger.empty(), NOW, 1900, SETTINGS)), 1, 1710)
    new = ("tier_trades", "tier_drawdown")
    saved = json.loads(json.dumps({k: v for k, v in state.to_dict().items() if k not in new}))
    upgraded = Ledger.from_dict(saved)
    assert upgraded.tier_record == TierRecord(0, pytest.approx(0.1))
    assert replace(upgraded, tier_trades=0, tier_drawdown=state.tier_drawdown) == state
    assert Ledger.from_dict(json.loads(json.dumps(upgraded.to_dict()))) == upgraded
    assert seen(upgraded, 2, 2100).tier == "Foundation"
    assert seen(traded(upgraded), 2, 2100).tier == "Growth"


def test_a_released_halt_begins_the_count_anew() -> None:
    state = traded(observe(Ledger.empty(), NOW, 1950, SETTINGS))
    state = seen(state, 1, 1400)
    assert state.cause == DRAWDOWN or state.halted
    free = release(state, NOW + timedelta(hours=2))
    assert (free.tier_record, free.tier_peak) == (TierRecord(0, 0.0), 1400)
    assert seen(traded(free), 3, 2100).tier == "Growth"
