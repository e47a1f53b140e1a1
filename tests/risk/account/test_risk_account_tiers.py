"""A tier is reached by what an account has proved, and lost by its equity."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.risk.account.ledger import Ledger, observe
from freqpilot.risk.account.record import Outcome, Record
from freqpilot.risk.account.tiers import stepped
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
    assert stepped(name, equity, peak, trades, SETTINGS).name == then


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
    for wrong in ({"tier": 3}, {"tier_peak": float("nan")}):
        with pytest.raises(RefuseToStart):
            Ledger.from_dict({**saved, **wrong})
