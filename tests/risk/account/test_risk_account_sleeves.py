"""Sleeves over time: who is switched off, who goes on, and how money is shared anew."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from freqpilot.risk.account import sleeves, subledger
from freqpilot.risk.account.sleeves import SleeveLedger
from freqpilot.settings import (
    SLEEVE_PARAMETERS,
    EnsembleSettings,
    RiskSettings,
    Sleeve,
    StrategyLevel,
)

NOON = datetime(2024, 3, 6, 12, tzinfo=UTC)
SETTINGS = EnsembleSettings()
PAIR = "BTC/USDT"


def holding(*amounts: float, settings: EnsembleSettings = SETTINGS) -> SleeveLedger:
    """Return the ledger of an account of 1,000 whose sleeves have bought at 100."""
    found = sleeves.begin(NOON, 1_000, settings)
    total = sum(amounts)
    books, _ = subledger.filled(found.books, PAIR, total, total * 100, 0.0, np.array(amounts))
    return replace(found, books=books)


def at(
    ledger: SleeveLedger,
    price: float,
    hours: float = 1,
    settings: EnsembleSettings = SETTINGS,
    equity: float = 1_000,
) -> SleeveLedger:
    return sleeves.observed(ledger, NOON + timedelta(hours=hours), {PAIR: price}, equity, settings)


def test_one_that_loses_too_much_is_switched_off_and_the_others_go_on() -> None:
    # Rotation has 250: 50 lost at 75 are its 20 %, and 10 % of trend's 500.
    ledger = at(holding(2.0, 2.0, 0.5), 75.01)
    assert ledger.active.tolist() == [True, True, True]
    ledger = at(ledger, 74.99, 2)
    assert ledger.active.tolist() == [True, False, True]
    assert ledger.off[1] == NOON + timedelta(hours=2)
    assert at(ledger, 200.0, 3).off == ledger.off, "a person resumes, not the price"
    assert at(ledger, 60.0, 3).off[1] == ledger.off[1], "since when it is off stays"
    assert ledger.worst[1] == pytest.approx(0.20008)
    assert ledger.switched == (0, 1, 0)


def test_a_limit_of_its_own() -> None:
    one = {"name": "a", "strategy": "Rebalancer", "budget": 0.5, "max_drawdown": 0.05}
    two = {"name": "b", "strategy": "Rebalancer", "budget": 0.5}
    settings = EnsembleSettings.model_validate({"sleeves": [one, two], "max_drawdown": 0.5})
    ledger = at(holding(2.5, 2.5, settings=settings), 90.0, settings=settings)
    assert ledger.active.tolist() == [False, True]


def test_what_cannot_be_told_switches_off() -> None:
    ledger = holding(2.0, 0.0, 0.0)
    cash = ledger.books.cash.copy()
    cash[0] = np.nan
    ledger = at(replace(ledger, books=replace(ledger.books, cash=cash)), 100.0)
    assert ledger.active.tolist() == [False, True, True]


def test_a_release_counts_the_drawdown_from_now() -> None:
    off = at(holding(0.0, 2.0, 0.0), 70.0)
    assert sleeves.resumed(off, ["trend", "nobody"]).off == off.off
    free = sleeves.resumed(off, ["rotation"])
    assert free.active.all()
    assert at(free, 60.0, 2).active.all(), "10 % from where it began anew"
    assert not at(free, 50.0, 2).active.all()
    assert free.books.pnl.tolist() == off.books.pnl.tolist()


def test_the_simulated_operator_waits() -> None:
    off = at(holding(0.0, 2.0, 0.0), 70.0, 1)
    early, late = (sleeves.operated(off, NOON + timedelta(hours=h), 72) for h in (72.9, 73))
    assert not early.active.all()
    assert late.active.all()


def test_a_new_month_shares_the_account_anew_and_keeps_drawdowns() -> None:
    ledger = at(holding(2.0, 0.0, 0.0), 80.0)
    before = ledger.books.drawdown[0]
    ledger = at(ledger, 80.0, 24 * 30, equity=960.0)
    assert ledger.books.equity[:-1].tolist() == pytest.approx([480, 240, 240])
    assert ledger.books.drawdown[0] == pytest.approx(before)
    assert ledger.books.pnl[0] == pytest.approx(-40)
    again = at(ledger, 90.0, 24 * 30 + 1, equity=980.0)
    assert again.books.base.tolist() == ledger.books.base.tolist(), "once a month"
    assert at(holding(2.0, 0.0, 0.0), 80.0, 24 * 30, equity=np.nan).books.equity[
        0
    ] == pytest.approx(460)


def test_inverse_volatility_moves_budgets_with_the_month_only() -> None:
    settings = EnsembleSettings(budgets="inverse_volatility")
    rng, ledger = np.random.default_rng(3), holding(2.0, 2.0, 2.0, settings=settings)
    ledger = replace(ledger, returns=rng.standard_normal((40, 3)) * [0.01, 0.02, 0.02])
    assert at(ledger, 100.0, settings=settings).budgets.tolist() == [0.5, 0.25, 0.25]
    moved = at(ledger, 100.0, 24 * 30, settings=settings).budgets
    assert moved[0] > 0.55
    assert moved.sum() == pytest.approx(1.0)
    fixed = at(ledger, 100.0, 24 * 30)
    assert fixed.budgets.tolist() == [0.5, 0.25, 0.25]


def test_a_day_is_one_return() -> None:
    ledger = holding(2.0, 0.0, 0.0)
    for hour, price in ((1, 100.0), (11, 90.0), (12, 110.0), (20, 150.0), (36, 100.0)):
        ledger = at(ledger, price, hour)
    assert ledger.returns[:, 0] == pytest.approx([520 / 500 - 1, 500 / 520 - 1])
    for hour in range(24, 24 * 90, 24):
        ledger = at(ledger, 100.0, 36 + hour)
    assert len(ledger.returns) == sleeves.KEPT_DAYS


def test_what_is_saved_comes_back_also_with_other_sleeves() -> None:
    ledger = at(at(holding(2.0, 2.0, 0.5), 74.0), 75.0, 24)
    saved = sleeves.to_dict(ledger)
    back = sleeves.from_dict(saved, SETTINGS, 1_000)
    assert sleeves.to_dict(back) == saved
    kept = [SETTINGS.sleeves[1], SETTINGS.sleeves[0].model_copy(update={"name": "new"})]
    changed = SETTINGS.model_copy(update={"sleeves": tuple(kept)})
    other = sleeves.from_dict(saved, changed, 1_000)
    assert other.off == (ledger.off[1], None), "a latch stays with its sleeve"
    assert other.books.pnl.sum() == pytest.approx(ledger.books.pnl.sum())
    assert other.budgets.tolist() == [0.25, 0.5]
    again = at(other, 75.0, 48, settings=changed)
    assert again.returns.shape == (1, 2)


def test_figures_name_the_rest_only_where_it_holds_something() -> None:
    shown = sleeves.figures(at(holding(2.0, 2.0, 0.5), 74.0), SETTINGS)
    assert list(shown) == ["trend", "rotation", "breakout"]
    assert shown["rotation"]["off_since"]
    assert shown["trend"]["pnl"] == pytest.approx(-52)
    assert shown["trend"]["exposure"] == pytest.approx(148)
    ledger = sleeves.begin(NOON, 1_000, SETTINGS)
    books, _ = subledger.filled(ledger.books, PAIR, 1.0, 100.0, 0.1, np.zeros(3))
    assert sleeves.figures(replace(ledger, books=books), SETTINGS)["rest"]["fees"] == 0.1


@pytest.mark.parametrize(
    ("level", "names"),
    [
        ("simple", {"TrendFollowing", "Rebalancer"}),
        ("moderate", {"TrendFollowing", "Rebalancer", "MomentumRotation", "Breakout"}),
        ("advanced", set(SLEEVE_PARAMETERS)),
        ("full", set(SLEEVE_PARAMETERS)),
    ],
)
def test_a_tier_admits_strategies_up_to_its_level(level: StrategyLevel, names: set[str]) -> None:
    chosen = [
        Sleeve(name=name.lower(), strategy=name, budget=0.2)  # type: ignore[arg-type]
        for name in SLEEVE_PARAMETERS
    ]
    may = sleeves.admitted(EnsembleSettings(sleeves=tuple(chosen)), level)
    assert {each.strategy for each, now in zip(chosen, may, strict=True) if now} == names


def test_tiers_admit_more_the_higher_they_are() -> None:
    levels = [tier.strategies for tier in RiskSettings().tiers]
    assert levels == ["simple", "moderate", "advanced", "full"]
    assert set(sleeves.LEVELS) == set(SLEEVE_PARAMETERS)
