"""Tiers and the least flow are in dollars, whatever an account counts in."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.account import dollars, rebase
from freqpilot.risk.account.flows import Reading, Watch
from freqpilot.risk.account.ledger import Ledger, durable, observe
from freqpilot.risk.account.tiers import tier_in
from freqpilot.risk.entries.overview import overview
from freqpilot.settings import RiskSettings

SETTINGS = RiskSettings()
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Account:
    """A ledger and its flows, in a currency of which one is worth ``usd`` dollars."""

    def __init__(self, usd: float | None, equity: float) -> None:
        self.now, self.usd = NOON, usd
        self.state, self.watch = replace(Ledger.empty(), usd=usd), Watch()
        self.see(equity, equity, 1)

    def see(self, equity: float, capital: float, trades: int) -> Ledger:
        for _ in range(30):
            self.now += timedelta(seconds=5)
            reading = Reading(capital, trades, True)
            seen = rebase.take(self.state, self.watch, reading, self.now, equity, SETTINGS.flows)
            self.watch = seen.watch
            self.state = observe(seen.state, self.now, equity - seen.held, SETTINGS)
        return self.state


@pytest.mark.parametrize("usd", [1.0, 50_000.0, 200.0, 0.025, 1.08])
def test_a_deposit_hides_no_drawdown_in_any_currency(usd: float) -> None:
    """Of what 1,000 dollars are worth, 14 % are lost; then 30 % are deposited."""
    unit = 1_000.0 / usd
    account = Account(usd, unit)
    assert account.see(0.86 * unit, unit, 2).drawdown == pytest.approx(0.14)
    after = account.see(1.16 * unit, 1.3 * unit, 2)
    assert after.drawdown == pytest.approx(0.14)
    assert after.peak == pytest.approx(unit * 1.16 / 0.86)


@pytest.mark.parametrize("usd", [1.0, 50_000.0, 0.025])
@pytest.mark.parametrize(("money", "flow"), [(9.9, 0.0), (10.1, 10.1)])
def test_the_least_flow_is_one_of_ten_dollars(usd: float, money: float, flow: float) -> None:
    account = Account(usd, 500.0 / usd)
    state = account.see((500 + money) / usd, (500 + money) / usd, 1)
    assert state.flows.total * usd == pytest.approx(flow)


def test_without_a_rate_a_flow_is_told_by_its_share_alone() -> None:
    account = Account(None, 0.02)
    assert account.see(0.026, 0.026, 1).flows.total == pytest.approx(0.006)


TIERS = [(999, "Foundation"), (2_000, "Growth"), (5_000, "Acceleration"), (10_000, "Sustained")]


@pytest.mark.parametrize("usd", [1.0, 50_000.0, 0.025])
@pytest.mark.parametrize(("worth", "tier"), TIERS)
def test_a_tier_begins_at_dollars(usd: float, worth: float, tier: str) -> None:
    state = Account(usd, worth * (1 + 1e-12) / usd).state
    book = state.book()
    assert book is not None
    assert (state.tier, tier_in(book, SETTINGS).name) == (tier, tier)
    assert tier_in(replace(book, tier=None), SETTINGS).name == tier
    shown = overview(replace(state, tier=None), NOON, SETTINGS)
    assert (shown.tier, shown.usd) == (tier, usd)


def test_a_tier_waits_for_the_rate_and_stays_when_it_is_lost() -> None:
    account = Account(None, 0.1)
    assert account.state.tier is None
    book = account.state.book()
    assert book is not None
    assert tier_in(book, SETTINGS).name == "Foundation", "the first, of which nobody is asked"
    account.state = replace(account.state, usd=60_000.0)
    assert account.see(0.1, 0.1, 1).tier == "Acceleration"
    account.state = replace(account.state, usd=None)
    assert account.see(0.1, 0.1, 1).tier == "Acceleration"
    account.state = replace(account.state, usd=30_000.0)
    assert account.see(0.1, 0.1, 1).tier == "Growth", "below 80 % of its floor in dollars"


def test_a_rate_alone_is_no_reason_to_save_a_ledger() -> None:
    state = Account(60_000.0, 0.1).state
    assert durable(state) == durable(replace(state, usd=59_000.0))
    assert Ledger.from_dict(state.to_dict()).usd == 60_000.0


@pytest.mark.parametrize(
    ("rate", "former", "reading", "then"),
    [
        (None, None, 60_000.0, None),
        (None, 60_000.0, 60_100.0, 60_100.0),
        (None, 60_000.0, 61_000.0, None),
        (60_000.0, None, 62_999.0, 62_999.0),
        (60_000.0, None, 6_000.0, 60_000.0),
        (60_000.0, 6_000.0, 6_010.0, 6_010.0),
        (60_000.0, 6_000.0, 60_500.0, 60_500.0),
        (60_000.0, None, math.nan, 60_000.0),
        (60_000.0, None, 0.0, 60_000.0),
        (None, None, math.inf, None),
    ],
)
def test_a_rate_that_jumps_has_to_be_read_twice(
    rate: float | None, former: float | None, reading: float, then: float | None
) -> None:
    assert dollars.settled(rate, former, reading) == then


def test_a_dollar_is_priced_in_true_dollars_alone() -> None:
    assert dollars.quotes("USDT") == [("USDT/USD", False), ("USD/USDT", True)]
    assert dollars.quotes("USD") == []
    found = dollars.quotes("TRY")
    assert found[:3] == [("TRY/USD", False), ("USD/TRY", True), ("TRY/USDT", False)]
    assert ("USDT/TRY", True) in found


def test_money_has_the_decimals_that_matter() -> None:
    assert dollars.money(1234.567, 1.0) == "1234.57"
    assert dollars.money(1234.567, None) == "1234.57"
    assert dollars.money(0.0123, 60_000.0) == "0.01230000"


@given(
    equities=st.lists(st.floats(100.0, 20_000.0), min_size=1, max_size=20),
    power=st.integers(-20, 20),
)
def test_a_ledger_is_the_same_in_every_currency(equities: list[float], power: int) -> None:
    """Shares, levels, latches and tiers: only what a unit is worth differs, by a power of two."""
    usd = 2.0**power
    plain, other = Ledger.empty(), replace(Ledger.empty(), usd=usd)
    for number, equity in enumerate(equities):
        time = NOON + timedelta(hours=number)
        plain = observe(plain, time, equity, SETTINGS)
        other = observe(other, time, equity / usd, SETTINGS)
    names = ("level", "cause", "halted_at", "wait_until", "tier", "drawdown", "restore")
    assert {name: getattr(other, name) for name in names} == {
        name: getattr(plain, name) for name in names
    }
    assert other.peak * usd == plain.peak
